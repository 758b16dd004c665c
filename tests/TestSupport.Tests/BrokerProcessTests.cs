namespace FastChat.TestSupport.Tests;

/// <summary>Starting, killing and restarting a process, shown on a shell script that speaks the ready line of the real one.</summary>
[Platform("Linux,MacOsX")]
public sealed class BrokerProcessTests
{
    private const string Ready = """echo '{"event":"ready","tcp":"127.0.0.1:7400","http":"http://127.0.0.1:7480","data":"d","pid":1}'; """;

    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = new TemporaryDirectory();

    [TearDown]
    public void RemoveDirectory()
    {
        _directory.Dispose();
        Assert.That(Directory.Exists(_directory.Path), Is.False);
    }

    [Test]
    public async Task The_ready_line_says_where_it_listens()
    {
        await using BrokerProcess broker = await StartAsync("echo noise; echo started >&2; " + Ready + "while :; do sleep 0.05; done");
        Assert.That(broker.Tcp.ToString(), Is.EqualTo("127.0.0.1:7400"));
        Assert.That(broker.Http.Port, Is.EqualTo(7480));
        Assert.That(broker.HasExited, Is.False);
        if (OperatingSystem.IsLinux())
        {
            Assert.That(broker.ResidentBytes, Is.InRange(100_000, 100_000_000));
            Assert.That(broker.PeakResidentBytes, Is.InRange(100_000, 100_000_000));
        }
    }

    [Test]
    public async Task SIGTERM_lets_it_end_and_its_words_are_kept()
    {
        await using BrokerProcess broker = await StartAsync("trap 'echo drained >&2; exit 3' TERM; " + Ready + "while :; do sleep 0.05; done");
        Assert.That(await broker.TerminateAsync(), Is.EqualTo(3));
        Assert.That(broker.StandardError, Does.Contain("drained"));
    }

    [Test]
    public async Task A_kill_asks_nobody()
    {
        await using BrokerProcess broker = await StartAsync("trap '' TERM; " + Ready + "while :; do sleep 0.05; done");
        await broker.KillAsync();
        Assert.That(broker.HasExited, Is.True);
        Assert.That(broker.StandardError, Does.Not.Contain("drained"));
    }

    [Test]
    public async Task A_restart_has_the_same_ports_and_directory()
    {
        await using BrokerProcess broker = await StartAsync("echo \"$@\" >&2; " + Ready + "exec sleep 60");
        int first = broker.Id;
        await broker.RestartAsync();
        Assert.That(broker.Id, Is.Not.EqualTo(first));
        await broker.KillAsync();
        Assert.That(broker.StandardError.Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(new[]
        {
            $"--data {_directory.Path} --listen 127.0.0.1:0 --http 127.0.0.1:0",
            $"--data {_directory.Path} --listen 127.0.0.1:7400 --http 127.0.0.1:7480",
        }));
    }

    [Test]
    public void An_end_before_ready_is_told_with_what_it_wrote() =>
        Assert.That(async () => await StartAsync("echo 'directory is locked' >&2; exit 1"),
            Throws.TypeOf<InvalidOperationException>().With.Message.Contains("exit code 1").And.Message.Contains("directory is locked"));

    [Test]
    public void Silence_is_a_timeout() =>
        Assert.That(async () => await StartAsync("exec sleep 60", TimeSpan.FromMilliseconds(300)), Throws.TypeOf<TimeoutException>());

    [Test]
    public async Task Much_output_does_not_stop_it()
    {
        await using BrokerProcess broker = await StartAsync(Ready + "head -c 1000000 /dev/zero; echo done >&2; exec sleep 60");
        for (int i = 0; i < 100 && !broker.StandardError.Contains("done", StringComparison.Ordinal); i++)
        {
            await Task.Delay(50);
        }

        Assert.That(broker.StandardError, Does.Contain("done"));
    }

    private Task<BrokerProcess> StartAsync(string script, TimeSpan? timeout = null) => BrokerProcess.StartAsync(new BrokerProcessOptions
    {
        DataDirectory = _directory.Path,
        Command = ["/bin/sh", "-c", script, "broker"],
        ReadyTimeout = timeout ?? TimeSpan.FromSeconds(10),
    });
}
