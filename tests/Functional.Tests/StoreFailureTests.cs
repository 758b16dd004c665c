using System.Globalization;

namespace FastChat.Functional.Tests;

/// <summary>The disk says no: the first fdatasync that fails ends every promise, and what had been promised is there after a restart.</summary>
[Platform("Linux")]
public sealed class StoreFailureTests
{
    private const string Strace = "/usr/bin/strace";

    [Test]
    public async Task Nothing_is_acknowledged_after_a_failed_sync()
    {
        if (!File.Exists(Strace))
        {
            Assert.Ignore($"needs {Strace}: apt-get install strace");
        }

        // -D: the broker stays our child, and the tracer is its companion. Counted per thread: the one that commits comes to 40 syncs, whatever its first were for.
        await using TestBroker broker = await TestBroker.StartAsync(command: CliProcess.ServeBehind(
            Strace, "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync:error=EIO:when=40+"));
        await using SignedInPeer bystander = await broker.RegisterAsync();
        await using SignedInPeer client = await broker.RegisterAsync();
        ConversationId room = (await client.OpenAsync("room")).Conversation;

        ulong acknowledged = 0;
        ReceivedFrame answer = await client.TryPublishAsync(room, "0"u8.ToArray());
        while (answer.Type == FrameType.Published && acknowledged < 200)
        {
            acknowledged = Bodies.ReadPublished(answer).Sequence;
            uint request = client.NextRequest();
            await client.Peer.SendAsync(FrameType.Publish, request, Bodies.Publish(room, System.Text.Encoding.UTF8.GetBytes(acknowledged.ToString(CultureInfo.InvariantCulture))));
            answer = await client.Peer.ReceiveUntilAsync(frame => frame.Request == request || frame.Type == FrameType.Close);
        }

        TestContext.Out.WriteLine($"{acknowledged} acknowledged, then {answer}");
        Assert.That(acknowledged, Is.InRange(1, 199), "the disk never failed, or always");
        if (answer.Type == FrameType.Error)
        {
            Assert.That((ErrorCode)answer.ToFailure().Code, Is.EqualTo(ErrorCode.StoreUnavailable));
            await BadInput.ExpectCloseAsync(client.Peer, CloseCode.StoreUnavailable);
        }
        else
        {
            Assert.That((CloseCode)answer.ToFailure().Code, Is.EqualTo(CloseCode.StoreUnavailable), $"{answer}");
        }

        await BadInput.ExpectCloseAsync(bystander.Peer, CloseCode.StoreUnavailable);
        Assert.That(await broker.GetHealthAsync(), Is.EqualTo(503));
        await using (ScriptedPeer late = await broker.ConnectAsync())
        {
            await late.SendAsync(FrameType.Hello, 0, new Hello { Token = client.Welcome.Token }.ToMap());
            await BadInput.ExpectCloseAsync(late, CloseCode.StoreUnavailable);
        }

        await broker.Process.TerminateAsync();
        await broker.Process.RestartAsync(options => options with { Command = null });
        await using SignedInPeer again = await broker.SignInAsync(client.Welcome.Token!);
        List<StoredMessage> stored = await again.ReadAllAsync(room);
        Assert.That(stored.Count, Is.GreaterThanOrEqualTo((int)acknowledged), "an acknowledged message is gone");
        Assert.That(stored.Count, Is.LessThanOrEqualTo((int)acknowledged + 1));
        Assert.That(stored.Select(message => message.Sequence), Is.EqualTo(Enumerable.Range(1, stored.Count).Select(i => (ulong)i)));
        Assert.That((await broker.StopAndVerifyAsync()).GetProperty("problems").GetInt64(), Is.Zero);
    }
}
