namespace FastChat.Functional.Tests;

/// <summary>Where the network cuts the bytes makes no difference: between any two bytes, between all of them, nowhere.</summary>
public sealed class SplitFrameTests
{
    private static readonly TimeSpan BetweenSegments = TimeSpan.FromMilliseconds(1);

    private TestBroker _broker = null!;
    private SignedInPeer _client = null!;
    private ConversationId _room;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _broker = await TestBroker.StartAsync();
        _client = await _broker.RegisterAsync();
        _room = (await _client.OpenAsync("room")).Conversation;
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _client.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Test]
    public async Task A_publish_in_two_segments_at_every_byte()
    {
        ulong head = await _client.GetHeadAsync(_room);
        int size = RawFrame.ToBytes((byte)FrameType.Publish, 1, Bodies.Publish(_room, "split me"u8.ToArray())).Length;
        for (int at = 1; at < size; at++)
        {
            uint request = _client.NextRequest();
            byte[] frame = RawFrame.ToBytes((byte)FrameType.Publish, request, Bodies.Publish(_room, "split me"u8.ToArray()));
            await _client.Peer.SendAsync(frame.AsMemory(0, at));
            await Task.Delay(BetweenSegments);
            await _client.Peer.SendAsync(frame.AsMemory(at));
            ReceivedFrame answer = await _client.Peer.ReceiveAsync(FrameType.Published, request);
            Assert.That(Bodies.ReadPublished(answer).Sequence, Is.EqualTo(head + (ulong)at), $"split at {at}");
        }
    }

    [Test]
    public async Task A_hello_in_two_segments_at_every_byte()
    {
        byte[] hello = RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Token = _client.Welcome.Token }.ToMap());
        for (int at = 1; at < hello.Length; at++)
        {
            await using ScriptedPeer peer = await _broker.ConnectAsync();
            await peer.SendAsync(hello.AsMemory(0, at));
            await Task.Delay(BetweenSegments);
            await peer.SendAsync(hello.AsMemory(at));
            Welcome welcome = Welcome.Parse((await peer.ReceiveAsync(FrameType.Welcome)).ToMap());
            Assert.That(welcome.User, Is.EqualTo(_client.Welcome.User), $"split at {at}");
        }
    }

    [Test]
    public async Task A_whole_session_one_byte_at_a_time()
    {
        byte[] session =
        [
            .. RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Token = _client.Welcome.Token }.ToMap()),
            .. RawFrame.ToBytes(FrameType.ResolveConversation, 1, new ControlMap().Set("name", "room")),
            .. RawFrame.ToBytes((byte)FrameType.Subscribe, 2, Bodies.Subscribe(_room, LogPosition.Latest)),
            .. RawFrame.ToBytes((byte)FrameType.Publish, 3, Bodies.Publish(_room, "slowly"u8.ToArray())),
            .. RawFrame.ToBytes(0x90, 0, new byte[5]),
            .. RawFrame.ToBytes((byte)FrameType.Ping, 4, "still there"u8),
        ];
        await using ScriptedPeer peer = await _broker.ConnectAsync();
        await peer.SendSlicedAsync(session, 1);
        await peer.ReceiveAsync(FrameType.Welcome);
        List<ReceivedFrame> frames = [];
        while (frames.Count < 5)
        {
            frames.Add(await peer.ReceiveAsync());
        }

        // Answers may overtake each other.
        Assert.That(frames.Select(frame => frame.Type), Is.EquivalentTo(new[]
        {
            FrameType.Reply, FrameType.Subscribed, FrameType.Published, FrameType.Deliver, FrameType.Pong,
        }));
        StoredMessage delivered = Bodies.ReadRecords(frames.Single(frame => frame.Type == FrameType.Deliver)).Single();
        Assert.That(delivered.Body, Is.EqualTo("slowly"u8.ToArray()));
    }

    [Test]
    public async Task A_thousand_frames_in_one_write_with_the_hello_in_front()
    {
        const int Count = 1000;
        ulong head = await _client.GetHeadAsync(_room);
        List<byte> bytes = [.. RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Token = _client.Welcome.Token }.ToMap())];
        for (int i = 1; i <= Count; i++)
        {
            bytes.AddRange(RawFrame.ToBytes((byte)FrameType.Publish, (uint)i, Bodies.Publish(_room, BitConverter.GetBytes(i), MessageKind.Opaque)));
        }

        await using ScriptedPeer peer = await _broker.ConnectAsync();
        await peer.SendAsync(bytes.ToArray());
        await peer.ReceiveAsync(FrameType.Welcome);
        for (int i = 1; i <= Count; i++)
        {
            ReceivedFrame answer = await peer.ReceiveAsync(FrameType.Published, (uint)i);
            Assert.That(Bodies.ReadPublished(answer).Sequence, Is.EqualTo(head + (ulong)i));
        }

        List<StoredMessage> stored = await _client.ReadAllAsync(_room);
        Assert.That(stored.Skip((int)head).Select(message => BitConverter.ToInt32(message.Body)), Is.EqualTo(Enumerable.Range(1, Count)));
    }
}
