namespace FastChat.Functional.Tests;

/// <summary>What outlives a connection, and what ends with a membership.</summary>
public sealed class SessionTests
{
    private TestBroker _broker = null!;
    private SignedInPeer _owner = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _broker = await TestBroker.StartAsync();
        _owner = await _broker.RegisterAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _owner.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Test]
    public async Task A_session_is_taken_up_again_and_the_older_connection_is_replaced()
    {
        await using SignedInPeer first = await _broker.RegisterAsync();
        await using ScriptedPeer second = await _broker.ConnectAsync();
        Welcome welcome = await second.SignInAsync(first.Welcome.Token!, first.Welcome.Session);
        Assert.That(welcome.Resumed, Is.True);
        Assert.That((welcome.Session, welcome.User, welcome.Device), Is.EqualTo((first.Welcome.Session, first.Welcome.User, first.Welcome.Device)));
        await BadInput.ExpectCloseAsync(first.Peer, CloseCode.SessionReplaced);

        second.Abort();
        await using ScriptedPeer third = await _broker.ConnectAsync();
        Assert.That((await third.SignInAsync(first.Welcome.Token!, first.Welcome.Session)).Resumed, Is.True);
    }

    [Test]
    public async Task Resuming_in_one_write_without_waiting_for_Welcome_goes_on_behind_the_last_record()
    {
        ConversationId room = (await _owner.OpenAsync("resume")).Conversation;
        await using SignedInPeer client = await _broker.RegisterAsync();
        ClientMessageId[] ids = [Bodies.NewId(), Bodies.NewId()];
        await client.PublishAsync(room, "1"u8.ToArray());
        await client.PublishAsync(room, "2"u8.ToArray(), id: ids[0]);
        client.Peer.Abort();

        // The trace of protocol.md §10.2: the first was stored before the break, the second never left.
        await using ScriptedPeer again = await _broker.ConnectAsync();
        await again.SendAsync((byte[])
        [
            .. RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Token = client.Welcome.Token, Session = client.Welcome.Session }.ToMap()),
            .. RawFrame.ToBytes((byte)FrameType.Subscribe, 1, Bodies.Subscribe(room, 1, epoch: 1)),
            .. RawFrame.ToBytes((byte)FrameType.Publish, 2, Bodies.Publish(room, "2"u8.ToArray(), id: ids[0])),
            .. RawFrame.ToBytes((byte)FrameType.Publish, 3, Bodies.Publish(room, "3"u8.ToArray(), id: ids[1])),
        ]);
        Assert.That(Welcome.Parse((await again.ReceiveAsync(FrameType.Welcome)).ToMap()).Resumed, Is.True);
        Dictionary<uint, Published> published = [];
        List<ulong> delivered = [];
        while (published.Count < 2 || delivered.Count < 2)
        {
            ReceivedFrame frame = await again.ReceiveUntilAsync(frame => frame.Type is FrameType.Published or FrameType.Deliver);
            if (frame.Type == FrameType.Published)
            {
                published[frame.Request] = Bodies.ReadPublished(frame);
            }
            else
            {
                delivered.AddRange(frame.ToSequences());
            }
        }

        Assert.That((published[2].Sequence, published[2].IsDuplicate), Is.EqualTo((2UL, true)));
        Assert.That((published[3].Sequence, published[3].IsDuplicate), Is.EqualTo((3UL, false)));
        Assert.That(delivered, Is.EqualTo(new ulong[] { 2, 3 }));
    }

    [Test]
    public async Task A_removed_member_gets_the_record_of_it_and_nothing_behind()
    {
        await using SignedInPeer member = await _broker.RegisterAsync();
        await using SignedInPeer other = await _broker.RegisterAsync();
        ConversationId group = (await _owner.CreateGroupAsync(null, member.Welcome.User, other.Welcome.User)).Conversation;
        await member.SubscribeAsync(group);
        await other.SubscribeAsync(group);
        await _owner.PublishAsync(group, "before"u8.ToArray());
        ReceivedFrame removed = await _owner.AskAsync(
            FrameType.RemoveMember, new ControlMap().SetId("conversation", group.Value).SetId("user", member.Welcome.User.Value));
        Assert.That(removed.Type, Is.EqualTo(FrameType.Reply), $"{removed}");
        ulong last = removed.ToMap().Number("sequence", 0);
        await _owner.PublishAsync(group, "behind"u8.ToArray());

        List<StoredMessage> seen = [];
        ReceivedFrame frame = await member.ReceiveAsync();
        for (; frame.Type == FrameType.Deliver; frame = await member.ReceiveAsync())
        {
            seen.AddRange(Bodies.ReadRecords(frame));
        }

        Assert.That((frame.Type, frame.Request), Is.EqualTo((FrameType.Unsubscribed, 0u)));
        Assert.That(seen[^1].Sequence, Is.EqualTo(last));
        Assert.That(seen[^1].Kind, Is.EqualTo(MessageKind.MemberRemoved));
        await BadInput.ExpectErrorAsync(
            member, await member.AskAsync(FrameType.Fetch, Bodies.Fetch(group, 0, FetchDirection.Forward)), ErrorCode.NoSuchConversation);
        await BadInput.ExpectErrorAsync(member, await member.TryPublishAsync(group, "again"u8.ToArray()), ErrorCode.NoSuchConversation);

        List<ulong> others = [];
        while (others.Count == 0 || others[^1] <= last)
        {
            others.AddRange((await other.ReceiveAsync()).ToSequences());
        }

        Assert.That(others[^1], Is.EqualTo(last + 1), "a member who stays gets what is behind");
    }
}
