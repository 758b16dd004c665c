namespace FastChat.Functional.Tests;

/// <summary><c>fastchat logout</c> leaves nothing on this machine, whether the broker still knows the sign-in or not.</summary>
public sealed class LogoutTests
{
    [Test]
    public async Task Behind_a_dead_sign_in_the_local_file_goes_as_well()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        string home = broker.Directory.PathOf("home"), password = broker.Directory.PathOf("password"), server = broker.Process.Tcp.ToString();
        await File.WriteAllTextAsync(password, TestBroker.Password);
        Assert.That((await CliProcess.RunAsync(home, "register", "ada", "--password-file", password, "--server", server)).ExitCode, Is.Zero);
        Assert.That(Kept(home), Does.Contain("\"token\""));

        CliResult revoked = await CliProcess.RunAsync(home, "admin", "revoke", "ada", "--data", broker.Process.DataDirectory, "--server", server);
        Assert.That(revoked.ExitCode, Is.Zero, revoked.ToString());
        CliResult logout = await CliProcess.RunAsync(home, "logout", "--server", server, "--json");
        Assert.That(logout.ExitCode, Is.Zero, logout.ToString());
        Assert.That(logout.Last.GetProperty("ended").GetInt32(), Is.Zero, "there was nothing to end at the broker");
        Assert.That(Kept(home), Does.Contain("\"users\": []"));
        CliResult again = await CliProcess.RunAsync(home, "logout", "--server", server);
        Assert.That(again.ExitCode, Is.EqualTo(1), "nobody is signed in");
    }

    [Test]
    public async Task A_broker_that_does_not_answer_keeps_the_sign_in()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        string home = broker.Directory.PathOf("home"), password = broker.Directory.PathOf("password"), server = broker.Process.Tcp.ToString();
        await File.WriteAllTextAsync(password, TestBroker.Password);
        Assert.That((await CliProcess.RunAsync(home, "register", "ada", "--password-file", password, "--server", server)).ExitCode, Is.Zero);
        await broker.Process.KillAsync();
        Assert.That((await CliProcess.RunAsync(home, "logout", "--server", server)).ExitCode, Is.EqualTo(1));
        Assert.That(Kept(home), Does.Contain("\"token\""), "its device still is one");
    }

    private static string Kept(string home) => string.Concat(Directory.EnumerateFiles(home, "*.json", SearchOption.AllDirectories).Select(File.ReadAllText));
}
