using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>Clients that are too slow, one deadline each, on a broker whose deadlines are short. It looks at connections every few seconds, so each takes that long.</summary>
public sealed class DeadlineTests
{
    private TestBroker _broker = null!;
    private SignedInPeer _witness = null!;
    private ConversationId _room;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _broker = await TestBroker.StartAsync(new JsonObject
        {
            ["login_deadline_seconds"] = 1,
            ["frame_deadline_seconds"] = 1,
            ["heartbeat_seconds"] = 1.5,
            ["write_deadline_seconds"] = 2,
        });
        _witness = await _broker.RegisterAsync("witness");
        _room = (await _witness.OpenAsync("room")).Conversation;
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _witness.DisposeAsync();
        await _broker.DisposeAsync();
    }

    /// <summary>All of them at once: they take seconds each, of waiting alone.</summary>
    [Test]
    public async Task Each_deadline_has_its_code()
    {
        Task<CloseCode>[] runs =
        [
            RunAsync(isSignedIn: false, (_, _) => Task.CompletedTask),
            RunAsync(isSignedIn: false, (peer, _) => TrickleAsync(peer, RawFrame.ToBytes((byte)FrameType.Hello, 0, new byte[200]))),
            RunAsync(isSignedIn: true, (peer, _) => peer.SendAsync(RawFrame.ToBytes((byte)FrameType.Publish, 1, new byte[3], length: 400))),
            RunAsync(isSignedIn: true, (peer, _) => peer.SendAsync(new byte[] { 1, 0, 0 })),
            RunAsync(isSignedIn: true, (peer, _) => TrickleAsync(peer, RawFrame.ToBytes((byte)FrameType.Publish, 1, Bodies.Publish(_room, new byte[400])))),
            RunAsync(isSignedIn: true, (_, _) => Task.CompletedTask),
        ];
        CloseCode[] codes = await Task.WhenAll(runs);
        Assert.That(codes, Is.EqualTo(new[]
        {
            CloseCode.LoginTimeout, CloseCode.LoginTimeout, CloseCode.FrameTimeout, CloseCode.FrameTimeout, CloseCode.FrameTimeout, CloseCode.HeartbeatTimeout,
        }));
        await using SignedInPeer fresh = await _broker.RegisterAsync();
        Assert.That(await fresh.GetHeadAsync(_room), Is.Zero, "half a message was stored");
    }

    [Test]
    public async Task A_client_that_says_something_lives_and_is_pinged()
    {
        await using SignedInPeer client = await _broker.RegisterAsync();
        for (int i = 0; i < 5; i++)
        {
            await Task.Delay(1000);
            await client.Peer.SendAsync(FrameType.Credit, 0, Bodies.Credit(1));
        }

        Assert.That((await client.Peer.ReceiveAsync()).Type, Is.EqualTo(FrameType.Ping));
        Assert.That((await client.Peer.ReceiveAsync()).Type, Is.EqualTo(FrameType.Ping));
        await client.PingAsync();
    }

    [Test]
    public async Task A_reader_that_takes_nothing_is_ended()
    {
        await using SignedInPeer writer = await _broker.RegisterAsync();
        ConversationId large = (await writer.OpenAsync("large")).Conversation;
        for (int i = 0; i < 17; i++)
        {
            await writer.PublishAsync(large, new byte[65_536], MessageKind.Opaque);
        }

        await using SignedInPeer reader = await _broker.SignInAsync(writer.Welcome.Token!, receiveBufferSize: 4096);
        long before = _broker.Process.ResidentBytes;
        for (uint request = 1; request <= 16; request++)
        {
            await reader.Peer.SendAsync(FrameType.Fetch, request, Bodies.Fetch(large, 0, FetchDirection.Forward));
        }

        // It says something all the time, so that silence is not what ends it.
        bool hasEnded = false;
        for (int i = 0; i < 60 && !hasEnded; i++)
        {
            await Task.Delay(300);
            try
            {
                await reader.Peer.SendAsync(FrameType.Credit, 0, Bodies.Credit(1));
            }
            catch (IOException)
            {
                hasEnded = true;
            }
        }

        Assert.That(hasEnded, Is.True, "the broker still waits for a reader that takes nothing");
        Assert.That(_broker.Process.ResidentBytes - before, Is.LessThan(64L << 20));
    }

    [Test]
    public async Task Strangers_of_one_address_have_a_limit_and_signing_in_makes_room()
    {
        // A broker of its own: with the others' short login deadline a slow machine's first strangers are gone before the last one comes.
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["strangers_per_address_max"] = 10 });
        List<ScriptedPeer> strangers = [];
        try
        {
            for (int i = 0; i < 11; i++)
            {
                strangers.Add(await broker.ConnectAsync());
            }

            // Accepted connections are looked at side by side: one of the eleven is refused, not always the last.
            ScriptedPeer? refused = null;
            for (int look = 0; refused is null && look < 200; look++)
            {
                ScriptedPeer candidate = strangers[look % strangers.Count];
                refused = await candidate.IsSilentAsync(TimeSpan.FromMilliseconds(50)) ? null : candidate;
            }

            Assert.That(refused, Is.Not.Null, "eleven strangers were let in");
            await BadInput.ExpectCloseAsync(refused!, CloseCode.TooManyConnections);
            await refused!.DisposeAsync();
            strangers.Remove(refused);
            await strangers[0].RegisterAsync(broker.NewName(), TestBroker.Password);
            await using ScriptedPeer next = await broker.ConnectAsync();
            Assert.That(await next.IsSilentAsync(TimeSpan.FromMilliseconds(200)), Is.True, "refused although there was room");
        }
        finally
        {
            foreach (ScriptedPeer stranger in strangers)
            {
                await stranger.DisposeAsync();
            }
        }
    }

    private async Task<CloseCode> RunAsync(bool isSignedIn, Func<ScriptedPeer, TestBroker, Task> act)
    {
        await using ScriptedPeer peer = await _broker.ConnectAsync();
        peer.Timeout = TimeSpan.FromSeconds(20);
        if (isSignedIn)
        {
            await peer.RegisterAsync(_broker.NewName(), TestBroker.Password);
        }

        Task acting = act(peer, _broker);
        CloseCode code = (CloseCode)(await peer.ReceiveCloseAsync()).Code;
        await acting;
        return code;
    }

    private static async Task TrickleAsync(ScriptedPeer peer, byte[] bytes)
    {
        try
        {
            await peer.SendSlicedAsync(bytes, 1, TimeSpan.FromMilliseconds(300));
        }
        catch (IOException)
        {
            // The broker has hung up, which is what the test waits for.
        }
    }
}
