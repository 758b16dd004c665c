using System.Diagnostics;
using System.Text.Json;

namespace FastChat.Functional.Tests;

/// <summary>The command line as scripts rely on it: exit codes, one object per line, the keys by name, one reason on standard error.</summary>
public sealed class CliContractTests
{
    private TestBroker _broker = null!;
    private string _adasHome = null!;
    private string _bobsHome = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _broker = await TestBroker.StartAsync();
        _adasHome = _broker.Directory.PathOf("ada");
        _bobsHome = _broker.Directory.PathOf("bob");
        string passwordFile = _broker.Directory.PathOf("password");
        await File.WriteAllTextAsync(passwordFile, TestBroker.Password + "\n");
        Expect(0, await AdaAsync("register", "ada", "--password-file", passwordFile));
        Expect(0, await BobAsync("register", "bob"));
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _broker.DisposeAsync();

    [Test]
    public async Task Messages_go_in_and_come_out()
    {
        JsonElement sent = Expect(0, await AdaAsync("send", "#talk", "hello", "wörld")).Last;
        AssertKeys(sent, "conversation", "epoch", "sequence", "durability");
        Assert.That(sent.GetProperty("sequence").GetInt64(), Is.EqualTo(1));
        CliResult lines = Expect(0, await CliProcess.RunAsync(_bobsHome, "two\nthree\n\nfive", [.. WithServer("send", "#talk", "-")]));
        Assert.That(lines.Lines.Select(line => line.GetProperty("sequence").GetInt64()).Last(), Is.EqualTo(5));

        CliResult tail = Expect(0, await AdaAsync("tail", "#talk", "--count", "5"));
        Assert.That(tail.Lines.Select(line => line.GetProperty("text").GetString()), Is.EqualTo(new[] { "hello wörld", "two", "three", "", "five" }));
        Assert.That(tail.Lines.Select(line => line.GetProperty("sender").GetString()), Is.EqualTo(new[] { "ada", "bob", "bob", "bob", "bob" }));
        AssertKeys(tail.Lines[0], "conversation", "epoch", "sequence", "sender", "sent_at", "kind", "text");
        Assert.That(DateTimeOffset.TryParse(tail.Lines[0].GetProperty("sent_at").GetString(), out _), Is.True);
        Assert.That(
            Expect(0, await AdaAsync("tail", "#talk", "--from", "4", "--count", "2")).Lines.Select(line => line.GetProperty("sequence").GetInt64()), Is.EqualTo(new[] { 4L, 5 }));

        CliResult page = Expect(0, await AdaAsync("history", "#talk", "--before", "4", "--limit", "2"));
        Assert.That(page.Lines.SkipLast(1).Select(line => line.GetProperty("sequence").GetInt64()), Is.EqualTo(new[] { 2L, 3 }));
        Assert.That(page.Last.GetProperty("complete").GetBoolean(), Is.False);
        Assert.That(Expect(0, await AdaAsync("history", "#talk", "--after", "3")).Last.GetProperty("complete").GetBoolean(), Is.True);
    }

    [Test]
    public async Task Tail_goes_on_live()
    {
        Expect(0, await AdaAsync("send", "#live", "before"));
        using Process tail = CliProcess.Start(_bobsHome, [.. WithServer("tail", "#live", "--count", "2")]);
        try
        {
            using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
            Assert.That(await tail.StandardOutput.ReadLineAsync(deadline.Token), Does.Contain("before"));
            Expect(0, await AdaAsync("send", "#live", "while you watch"));
            Assert.That(await tail.StandardOutput.ReadLineAsync(deadline.Token), Does.Contain("while you watch"));
            await tail.WaitForExitAsync(deadline.Token);
            Assert.That(tail.ExitCode, Is.Zero);
        }
        finally
        {
            tail.Kill(entireProcessTree: true);
        }
    }

    [Test]
    public async Task A_group_from_its_making_to_the_last_who_leaves()
    {
        JsonElement made = Expect(0, await AdaAsync("create", "plans", "--title", "Plans & dates")).Last;
        AssertKeys(made, "conversation", "kind", "name", "title", "role", "epoch", "head", "created");
        Expect(1, await BobAsync("history", "#plans"));
        AssertKeys(Expect(0, await AdaAsync("invite", "#plans", "bob")).Last, "conversation", "added", "sequence");
        CliResult members = Expect(0, await BobAsync("members", "#plans"));
        Assert.That(members.Lines.Select(line => line.GetProperty("name").GetString()), Is.EquivalentTo(new[] { "ada", "bob" }));
        AssertKeys(members.Lines[0], "user", "name", "role", "since");
        Assert.That(Expect(0, await BobAsync("conversations")).Lines.Select(line => line.GetProperty("name").GetString()), Does.Contain("plans"));
        Expect(1, await BobAsync("kick", "#plans", "ada"));
        Expect(0, await AdaAsync("kick", "#plans", "bob"));
        Expect(1, await BobAsync("send", "#plans", "still here"));
        Expect(0, await AdaAsync("leave", "#plans"));
        Expect(1, await AdaAsync("history", "#plans"));
    }

    [TestCase(2)]
    [TestCase(2, "no-such-verb")]
    [TestCase(2, "send", "#talk")]
    [TestCase(2, "history", "#talk", "--limit", "0")]
    [TestCase(2, "decode", "xyz")]
    [TestCase(1, "decode", "0000000000000000")]
    [TestCase(1, "history", "#nothing-of-that-name")]
    [TestCase(1, "members", "00000000000000000000000000000042")]
    [TestCase(1, "login", "nobody-of-that-name")]
    [TestCase(1, "register", "ADA")]
    [TestCase(1, "verify", "--data", "/nowhere/at/all")]
    [TestCase(1, "backup", "/nowhere/at/all", "--list")]
    [TestCase(1, "backup", "/nowhere/backups", "--data", "/nowhere/at/all")]
    [TestCase(2, "backup", "/nowhere/backups", "--keep", "-1")]
    [TestCase(1, "restore", "/nowhere/at/all", "--data", "/nowhere/data")]
    [TestCase(2, "restore", "/nowhere/at/all", "--before", "noon")]
    [TestCase(2, "restore", "/nowhere/at/all", "--before", "2026-05-01", "--backup", "1")]
    [TestCase(1, "send", "#talk", "x", "--server", "127.0.0.1:1")]
    public async Task Failures_have_their_exit_code_and_one_reason(int exitCode, params string[] arguments)
    {
        bool isLocal = arguments is [] or ["decode" or "verify" or "backup" or "restore" or "no-such-verb", ..] || arguments.Contains("--server");
        CliResult failed = isLocal ? await CliProcess.RunAsync(_adasHome, arguments) : await AdaAsync(arguments);
        Expect(exitCode, failed);
        string[] reasons = failed.Error.Trim().Split('\n');
        Assert.That(reasons, Has.Length.EqualTo(1), failed.ToString());
        Assert.That(reasons[0], Does.StartWith("fastchat").And.Not.Contains("Exception"));
    }

    [Test]
    public async Task Decode_prints_every_frame_of_the_vectors()
    {
        string[] frames = VectorFile.ReadFrames().Where(vector => vector.IsCanonical).Select(vector => Convert.ToHexStringLower(vector.Bytes)).ToArray();
        CliResult decoded = Expect(0, await CliProcess.RunAsync(_adasHome, string.Join(' ', frames), ["decode", "-", "--json"]));
        Assert.That(decoded.Lines, Has.Count.EqualTo(frames.Length));
    }

    [Test]
    public async Task Logs_of_the_corpus_are_replayed_and_read_back()
    {
        if (!RepositoryRoot.TryFindSharedData("ubuntu-irc", out string folder, out string? reason))
        {
            Assert.Ignore(reason);
        }

        string[] files = Directory.GetFiles(folder, "*.raw.txt").Order(StringComparer.Ordinal).ToArray();
        string[] chosen = [files[0], files[files.Length / 2], files.FirstOrDefault(IsIllFormed) ?? files[^1]];
        await ReplayAsync(chosen, "corpus-");
    }

    [Test]
    public async Task A_log_with_everything_odd_is_replayed_and_read_back()
    {
        string file = _broker.Directory.PathOf("odd.txt");
        byte[] log =
        [
            .. "=== ann [~a@b] has joined #odd\n[00:00] <ann> plain\n[00:01] <ann> \n[00:02] <ann>\n[00:03] <ann> ends in CR\r\n"u8,
            .. "[00:04] <[x]`^_\\{|}-> odd nick\n[00:05] <> no nick is no message\n[00:06] <née> ü\n[00:07] <a b> blank in the nick\n"u8,
            .. "[00:08] <ann> bad "u8, 0xFF, 0xFE, 0xC0, 0x80, .. " bytes\n[00:09] <"u8, 0xE9, .. "> latin-1 nick\n"u8,
            .. "[00:10] <ann> "u8, .. Enumerable.Repeat((byte)'x', 60_000), .. "\n* ann waves\n[00:11] <ann> NUL \0 and \u001b[31m\n"u8,
            .. "[00:12] <ann> no line feed at the end"u8,
        ];
        await File.WriteAllBytesAsync(file, log);
        JsonElement last = await ReplayAsync([file], "own-");
        Assert.That(last.GetProperty("messages").GetInt64(), Is.EqualTo(12));
        JsonElement again = await ReplayAsync([file], "own-");
        Assert.That(again.GetProperty("verified").GetInt64(), Is.EqualTo(12), "a second replay finds the messages of the first");
    }

    private static bool IsIllFormed(string file) => !System.Text.Unicode.Utf8.IsValid(File.ReadAllBytes(file));

    private async Task<JsonElement> ReplayAsync(string[] files, string prefix)
    {
        CliResult replay = Expect(0, await AdaAsync(
            ["replay", .. files, "--prefix", prefix, "--verify", "--data", _broker.Process.DataDirectory]));
        JsonElement last = replay.Last;
        AssertKeys(last, "files", "users", "messages", "acked", "verified", "lost", "duplicated", "reordered", "seconds");
        long messages = last.GetProperty("messages").GetInt64();
        Assert.That(last.GetProperty("files").GetInt64(), Is.EqualTo(files.Length));
        Assert.That(messages, Is.Positive);
        Assert.That((last.GetProperty("acked").GetInt64(), last.GetProperty("verified").GetInt64()), Is.EqualTo((messages, messages)));
        Assert.That(new[] { "lost", "duplicated", "reordered" }.Sum(key => last.GetProperty(key).GetInt64()), Is.Zero);
        return last;
    }

    private string[] WithServer(params string[] arguments) => [.. arguments, "--server", _broker.Process.Tcp.ToString(), "--json"];

    private Task<CliResult> AdaAsync(params string[] arguments) => CliProcess.RunAsync(_adasHome, WithServer(arguments));

    private Task<CliResult> BobAsync(params string[] arguments) => CliProcess.RunAsync(_bobsHome, WithServer(arguments));

    private static CliResult Expect(int exitCode, CliResult result)
    {
        Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.ToString());
        return result;
    }

    private static void AssertKeys(JsonElement line, params string[] keys) =>
        Assert.That(line.EnumerateObject().Select(property => property.Name), Is.SupersetOf(keys), line.ToString());
}
