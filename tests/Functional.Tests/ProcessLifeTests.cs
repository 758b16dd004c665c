using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json;

namespace FastChat.Functional.Tests;

/// <summary>Starting, stopping and starting again.</summary>
public sealed class ProcessLifeTests
{
    [Test]
    public async Task SIGTERM_answers_what_was_accepted_says_draining_and_exits_0()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer idle = await broker.RegisterAsync();
        await using SignedInPeer client = await broker.RegisterAsync();
        ConversationId room = (await client.OpenAsync("room")).Conversation;
        for (int i = 0; i < 2000; i++)
        {
            await client.Peer.SendAsync(FrameType.Publish, client.NextRequest(), Bodies.Publish(room, BitConverter.GetBytes(i), MessageKind.Opaque));
        }

        ulong acknowledged = Bodies.ReadPublished(await client.ReceiveAsync()).Sequence;
        Stopwatch time = Stopwatch.StartNew();
        Task<int> stopping = broker.Process.TerminateAsync();
        ReceivedFrame last = await client.ReceiveAsync();
        for (; last.Type == FrameType.Published; last = await client.ReceiveAsync())
        {
            Assert.That(Bodies.ReadPublished(last).Sequence, Is.EqualTo(++acknowledged));
        }

        Assert.That((last.Type, (CloseCode)last.ToFailure().Code), Is.EqualTo((FrameType.Close, CloseCode.Draining)));
        await BadInput.ExpectCloseAsync(idle.Peer, CloseCode.Draining);
        Assert.That(await client.Peer.ReceiveOrEndAsync(), Is.Null, "something came behind Close");
        TimeSpan closed = time.Elapsed;
        Assert.That(await stopping, Is.Zero, broker.Process.StandardError);
        TestContext.Out.WriteLine($"{acknowledged} answered; closed after {closed.TotalSeconds:F2} s, exit after {time.Elapsed.TotalSeconds:F2} s");

        await broker.Process.RestartAsync();
        await using SignedInPeer again = await broker.SignInAsync(client.Welcome.Token!);
        Assert.That(await again.GetHeadAsync(room), Is.EqualTo(acknowledged), "a message was stored and its publisher not told");
        Assert.That((await again.PublishAsync(room, [])).Sequence, Is.EqualTo(acknowledged + 1));
        List<StoredMessage> stored = await again.ReadAllAsync(room);
        Assert.That(stored.Take((int)acknowledged).Select(message => BitConverter.ToInt32(message.Body)), Is.EqualTo(Enumerable.Range(0, (int)acknowledged)));
        JsonElement verified = await broker.StopAndVerifyAsync();
        Assert.That(verified.GetProperty("problems").GetInt64(), Is.Zero);
    }

    [Test]
    public async Task A_connection_that_asked_for_nothing_does_not_hold_up_the_end()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new System.Text.Json.Nodes.JsonObject { ["drain_seconds"] = 60 });
        using System.Net.Sockets.TcpClient browser = new();
        await browser.ConnectAsync(broker.Process.Http.Host, broker.Process.Http.Port);
        Assert.That(await broker.GetHealthAsync(), Is.EqualTo(200), "by now the silent one is served as well");
        Assert.That(await broker.Process.TerminateAsync().WaitAsync(TimeSpan.FromSeconds(15)), Is.Zero, broker.Process.StandardError);
    }

    [Test]
    public async Task A_drain_that_takes_long_is_a_drain_all_the_same()
    {
        // Somebody who reads nothing has his five seconds; whatever is in front of the broker in its process must have the patience as well.
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer writer = await broker.RegisterAsync();
        ConversationId room = (await writer.OpenAsync("room")).Conversation;
        await using SignedInPeer stalled = await broker.SignInAsync(writer.Welcome.Token!, receiveBufferSize: 4096);
        await stalled.SubscribeAsync(room);
        for (int i = 0; i < 200; i++)
        {
            await writer.PublishAsync(room, new byte[32 * 1024], MessageKind.Opaque);
        }

        Stopwatch time = Stopwatch.StartNew();
        Assert.That(await broker.Process.TerminateAsync(), Is.Zero, broker.Process.StandardError);
        Assert.That(time.Elapsed, Is.GreaterThan(TimeSpan.FromSeconds(2.5)), "there was nothing to wait for");
        Assert.That(broker.Process.StandardError, Does.Contain("Stopped"));
    }

    [Test]
    public async Task The_same_id_is_the_same_message_after_a_crash_and_a_restart()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        ClientMessageId id = Bodies.NewId();
        string token;
        ConversationId room;
        await using (SignedInPeer client = await broker.RegisterAsync())
        {
            token = client.Welcome.Token!;
            room = (await client.OpenAsync("room")).Conversation;
            await client.PublishAsync(room, "once"u8.ToArray(), id: id);
        }

        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();
        await using SignedInPeer again = await broker.SignInAsync(token);
        Published retry = await again.PublishAsync(room, "once"u8.ToArray(), id: id);
        Assert.That((retry.Sequence, retry.IsDuplicate), Is.EqualTo((1UL, true)));
        await BadInput.ExpectErrorAsync(again, await again.TryPublishAsync(room, "twice"u8.ToArray(), id: id), ErrorCode.IdConflict);
        Assert.That(await again.GetHeadAsync(room), Is.EqualTo(1));
    }

    [Test]
    [Platform("Linux")]
    public async Task A_process_that_may_open_too_few_files_says_so_at_once()
    {
        using TemporaryDirectory directory = new("functional");
        BrokerProcessOptions options = new() { DataDirectory = directory.PathOf("data"), Command = BrokerProcess.ServeBehind("prlimit", "--nofile=256:256", "--") };
        await Assert.ThatAsync(
            async () => await BrokerProcess.StartAsync(options), Throws.InvalidOperationException.With.Message.Contains("exit code 2 ").And.Message.Contains("256 files; the broker needs 512"));
    }

    [Test]
    public async Task A_second_process_on_the_same_directory_is_refused()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        CliResult second = await CliProcess.RunAsync(
            broker.Directory.Path, "serve", "--data", broker.Process.DataDirectory, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0");
        Assert.That(second.ExitCode, Is.EqualTo(1), second.ToString());
        Assert.That(second.Error.Trim().Split('\n'), Has.Length.EqualTo(1), second.Error);
        Assert.That(second.Output, Is.Empty);
        Assert.That(await broker.GetHealthAsync(), Is.EqualTo(200));

        // The lock is the process's and dies with it, however it dies.
        await broker.Process.KillAsync();
        await using BrokerProcess next = await BrokerProcess.StartAsync(broker.Process.DataDirectory);
        Assert.That(await next.GetHealthAsync(), Is.EqualTo(200));
    }

    [Test]
    [SupportedOSPlatform("linux")]
    public async Task The_operator_token_is_the_owners_alone_and_stays_the_same()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        string path = Path.Combine(broker.Process.DataDirectory, "operator.token");
        Assert.That(File.GetUnixFileMode(path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        string token = broker.ReadOperatorToken();
        Assert.That(broker.Process.StandardError, Does.Not.Contain(token), "a secret was logged");
        await broker.Process.RestartAsync();
        Assert.That(broker.ReadOperatorToken(), Is.EqualTo(token));
        await using SignedInPeer operatorPeer = await broker.SignInAsync(token);
        Assert.That(operatorPeer.Welcome.Name, Is.EqualTo("operator"));
        ReceivedFrame imported = await operatorPeer.AskAsync(FrameType.ImportUsers, new ControlMap().Set("names", new List<object?> { "née [away]" }));
        Assert.That(imported.Type, Is.EqualTo(FrameType.Reply), $"{imported}");
    }

    [TestCase("{\"no_such_setting\": 1}")]
    [TestCase("{\"listen\": \"0.0.0.0:0\"}")]
    [TestCase("{\"heartbeat_seconds\": 0}")]
    [TestCase("not json")]
    public async Task A_wrong_setting_is_wrong_usage_with_one_reason(string config)
    {
        using TemporaryDirectory directory = new();
        string file = directory.PathOf("config.json");
        await File.WriteAllTextAsync(file, config);
        CliResult serve = await CliProcess.RunAsync(directory.Path, "serve", "--config", file, "--data", directory.PathOf("data"), "--http", "127.0.0.1:0");
        Assert.That(serve.ExitCode, Is.EqualTo(2), serve.ToString());
        Assert.That(serve.Error.Trim().Split('\n'), Has.Length.EqualTo(1), serve.Error);
    }
}
