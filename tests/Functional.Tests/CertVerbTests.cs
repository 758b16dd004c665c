using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;

namespace FastChat.Functional.Tests;

/// <summary><c>fastchat cert</c>: what it makes a broker serves and a client trusts by <c>--ca</c> alone; nobody else reads it, nothing is overwritten.</summary>
[SupportedOSPlatform("linux")]
public sealed class CertVerbTests
{
    [Test]
    public async Task A_broker_serves_with_it_and_a_client_trusts_it_by_its_authority_alone()
    {
        using TemporaryDirectory directory = new("cert");
        CliResult made = await CliProcess.RunAsync(directory.Path, "cert", directory.PathOf("tls"), "--host", "chat.test", "--days", "2", "--json");
        Assert.That(made.ExitCode, Is.Zero, made.ToString());
        Assert.That(made.Last.GetProperty("hosts").EnumerateArray().Select(static host => host.GetString()), Is.EqualTo(new[] { "localhost", "127.0.0.1", "::1", "chat.test" }));
        (string certificate, string key, string authority) = (Text(made, "certificate"), Text(made, "key"), Text(made, "ca"));
        using X509Certificate2 server = X509CertificateLoader.LoadCertificateFromFile(certificate);
        Assert.That(server.NotAfter.ToUniversalTime(), Is.EqualTo(DateTime.UtcNow.AddDays(2)).Within(TimeSpan.FromMinutes(5)));
        Assert.That(new[] { "localhost", "127.0.0.1", "::1", "chat.test", "elsewhere.test" }.Select(host => server.MatchesHostname(host)), Is.EqualTo(new[] { true, true, true, true, false }));
        Assert.That(new[] { certificate, key, authority }.Select(static file => File.GetUnixFileMode(file)), Is.All.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(File.GetUnixFileMode(directory.PathOf("tls")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));

        string everything = string.Concat(Directory.GetFiles(directory.PathOf("tls")).Select(File.ReadAllText));
        Assert.That(everything.Split("PRIVATE KEY").Length, Is.EqualTo(3), "one key, the server's: the authority's is gone");

        await using TestBroker broker = await TestBroker.StartAsync(arguments: ["--tls-certificate", certificate, "--tls-key", key]);
        await File.WriteAllTextAsync(directory.PathOf("password"), TestBroker.Password);
        string[] register = ["register", "ada", "--password-file", directory.PathOf("password"), "--server"];
        CliResult untrusted = await CliProcess.RunAsync(directory.Path, [.. register, $"tls://localhost:{broker.Process.TlsTcp!.Port}"]);
        Assert.That(untrusted.ExitCode, Is.EqualTo(1), "not without its authority");
        CliResult registered = await CliProcess.RunAsync(directory.Path, [.. register, $"tls://localhost:{broker.Process.TlsTcp!.Port}", "--ca", authority]);
        Assert.That(registered.ExitCode, Is.Zero, registered.ToString());
    }

    [Test]
    public async Task Nothing_is_overwritten_and_nothing_is_half_done()
    {
        using TemporaryDirectory directory = new("cert");
        await File.WriteAllTextAsync(directory.PathOf("ca.pem"), "mine");
        CliResult refused = await CliProcess.RunAsync(directory.Path, "cert", directory.Path);
        Assert.That(refused.ExitCode, Is.EqualTo(1));
        Assert.That(refused.Error, Does.Contain("ca.pem").And.Contain("not overwritten"));
        Assert.That(await File.ReadAllTextAsync(directory.PathOf("ca.pem")), Is.EqualTo("mine"));
        Assert.That(File.Exists(directory.PathOf("server.key")), Is.False);
    }

    [TestCase("--days", "0")]
    [TestCase("--days", "398")]
    [TestCase("--host", "not a host")]
    [TestCase("--host", "*.example.org")]
    public async Task What_makes_no_sense_is_wrong_usage(string option, string value)
    {
        using TemporaryDirectory directory = new("cert");
        CliResult wrong = await CliProcess.RunAsync(directory.Path, "cert", directory.PathOf("tls"), option, value);
        Assert.That(wrong.ExitCode, Is.EqualTo(2), wrong.ToString());
        Assert.That(wrong.Error, Does.Contain(option));
        Assert.That(Directory.Exists(directory.PathOf("tls")), Is.False);
    }

    private static string Text(CliResult result, string key) => result.Last.GetProperty(key).GetString()!;
}
