using System.Security.Cryptography;

namespace FastChat.Functional.Tests;

/// <summary>The verbs <c>attach</c> and <c>download</c> as their users call them.</summary>
public sealed class AttachVerbTests
{
    [Test]
    public async Task Files_are_sent_listed_and_saved_under_harmless_names()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        string home = broker.Directory.PathOf("ada");
        string password = broker.Directory.PathOf("password");
        await File.WriteAllTextAsync(password, TestBroker.Password);
        await RunAsync("register", "ada", "--password-file", password);

        byte[] picture = RandomNumberGenerator.GetBytes(200_000);
        string pictureFile = broker.Directory.PathOf("holiday.jpg");
        string notes = broker.Directory.PathOf("..notes");
        await File.WriteAllBytesAsync(pictureFile, picture);
        await File.WriteAllTextAsync(notes, "hello");
        CliResult sent = await RunAsync("attach", "#files", pictureFile, notes, "--text", "look at this");
        Assert.That(sent.Last.GetProperty("sequence").GetInt64(), Is.EqualTo(1));
        Assert.That(sent.Last.GetProperty("attachments").EnumerateArray().Select(one => one.GetProperty("name").GetString()), Is.EqualTo(new[] { "holiday.jpg", "..notes" }));

        CliResult shown = await RunAsync("tail", "#files", "--count", "1");
        Assert.That(shown.Last.GetProperty("text").GetString(), Is.EqualTo("look at this"));
        Assert.That(shown.Last.GetProperty("attachments")[0].GetProperty("size").GetInt64(), Is.EqualTo(200_000));
        Assert.That(shown.Last.GetProperty("attachments")[0].GetProperty("media_type").GetString(), Is.EqualTo("image/jpeg"));

        string target = broker.Directory.PathOf("downloads");
        CliResult saved = await RunAsync("download", "#files", "1", "--out", target);
        Assert.That(saved.Lines.Select(line => Path.GetFileName(line.GetProperty("file").GetString())), Is.EqualTo(new[] { "holiday.jpg", "_.notes" }));
        Assert.That(await File.ReadAllBytesAsync(Path.Combine(target, "holiday.jpg")), Is.EqualTo(picture));
        Assert.That(Directory.GetFiles(target), Has.Length.EqualTo(2), "no part is left");

        await File.WriteAllTextAsync(Path.Combine(target, "holiday.jpg"), "mine");
        CliResult kept = await RunAsync(1, "download", "#files", "1", "--out", target);
        Assert.That(kept.Error, Does.Contain("--force"));
        Assert.That(await File.ReadAllTextAsync(Path.Combine(target, "holiday.jpg")), Is.EqualTo("mine"));
        await RunAsync("download", "#files", "1", "--out", target, "--force");
        Assert.That(await File.ReadAllBytesAsync(Path.Combine(target, "holiday.jpg")), Is.EqualTo(picture));

        await RunAsync("delete", "#files", "1");
        Assert.That((await RunAsync(1, "download", "#files", "1", "--out", target)).Error, Does.Contain("no attachments"));
        Assert.That((await RunAsync(1, "attach", "#files", broker.Directory.PathOf("nowhere"))).Error, Does.Contain("nowhere"));
        Assert.That((await RunAsync(2, (string[])["attach", "#files", .. Enumerable.Repeat(notes, 11)])).Error, Does.Contain("10"));

        Task<CliResult> RunAsync(params object[] arguments) => RunVerbAsync(home, broker, arguments);
    }

    private static async Task<CliResult> RunVerbAsync(string home, TestBroker broker, object[] arguments)
    {
        int expected = arguments[0] is int code ? code : 0;
        string[] words = [.. arguments.SelectMany(argument => argument switch { string word => [word], string[] several => several, _ => Array.Empty<string>() })];
        CliResult result = await CliProcess.RunAsync(home, [.. words, "--server", broker.Process.Tcp.ToString(), "--json"]);
        Assert.That(result.ExitCode, Is.EqualTo(expected), result.ToString());
        return result;
    }
}
