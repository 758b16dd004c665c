using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on rights and meaning (tests/attacks.md, 53 to 60): what one may not do one may not do in any way, at any moment, and what is gone is gone from everything.</summary>
public sealed class RightsAttackTests
{
    private AttackStage _stage = null!;

    private static IEnumerable<string> Doors => AttackStage.Doors;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [TestCaseSource(nameof(Doors))]
    [Counted("fastchat.errors.NoSuchConversation")]
    public async Task A_stranger_is_a_stranger_at_every_door(string door)
    {
        await using SignedInPeer owner = await _stage.RegisterAsync();
        await using SignedInPeer account = await _stage.RegisterAsync();
        await using SignedInPeer stranger = await _stage.SignInAsync(account, door);
        ConversationId group = (await owner.CreateGroupAsync()).Conversation;
        await owner.PublishAsync(group, "nobody else reads this"u8.ToArray());
        ControlMap of = new ControlMap().SetId("conversation", group.Value);
        (FrameType Type, byte[] Body)[] frames =
        [
            (FrameType.Publish, Bodies.Publish(group, "x"u8.ToArray())),
            (FrameType.Publish, Bodies.Publish(group, new EditBody { Target = 1, Kind = MessageKind.Text, Content = "x"u8 }.ToBytes(), MessageKind.Edit)),
            (FrameType.Publish, Bodies.Publish(group, new DeleteBody(1).ToBytes(), MessageKind.Delete)),
            (FrameType.Publish, Bodies.Publish(group, new ReactionBody(1, true, "x").ToBytes(), MessageKind.Reaction)),
            (FrameType.Publish, Bodies.Publish(group, new PinBody(1, true).ToBytes(), MessageKind.Pin)),
            (FrameType.Subscribe, Bodies.Subscribe(group, 0)),
            (FrameType.Fetch, Bodies.Fetch(group, 0, FetchDirection.Forward)),
            (FrameType.Fetch, Bodies.Fetch(group, LogPosition.Latest, FetchDirection.Backward)),
        ];
        (FrameType Type, ControlMap Map)[] requests =
        [
            (FrameType.ResolveConversation, of), (FrameType.ListMembers, of), (FrameType.GetAnnotations, of), (FrameType.GetPins, of), (FrameType.ListCursors, of), (FrameType.ListJoinLinks, of), (FrameType.CreateJoinLink, of),
            (FrameType.WatchPresence, Copy(of).Set("watch", true)), (FrameType.GetThread, Copy(of).Set("root", 1L)), (FrameType.MoveCursor, Copy(of).Set("read", 1L)), (FrameType.ChangeConversation, Copy(of).Set("title", "mine")),
            (FrameType.ChangeMember, Copy(of).Set("change", "join")), (FrameType.RemoveMember, Copy(of)), (FrameType.AddMembers, Copy(of).Set("users", new List<object?> { ControlMap.IdBytes(stranger.Welcome.User.Value) })),
            (FrameType.Forward, new ControlMap().SetId("conversation", _stage.Room.Value).SetId("from", group.Value).Set("sequence", 1L).SetId("id", 5)),
        ];
        foreach ((FrameType type, byte[] body) in frames)
        {
            await BadInput.ExpectErrorAsync(stranger, await stranger.AskAsync(type, body), ErrorCode.NoSuchConversation);
        }

        foreach ((FrameType type, ControlMap map) in requests)
        {
            await BadInput.ExpectErrorAsync(stranger, await stranger.AskAsync(type, map), ErrorCode.NoSuchConversation);
        }

        ControlMap inbox = (await stranger.AskAsync(FrameType.GetInbox, new ControlMap())).ToMap();
        Assert.That(inbox.Number("total", 99), Is.Zero);
        Assert.That(await owner.GetHeadAsync(group), Is.EqualTo(1), "and nothing came of any of it");
    }

    [Test]
    [Counted("fastchat.errors.NoSuchConversation")]
    public async Task Nothing_of_a_removed_member_stands_behind_the_removal([Values(1, 40, 200)] int before)
    {
        await using SignedInPeer owner = await _stage.RegisterAsync();
        await using SignedInPeer member = await _stage.RegisterAsync();
        ConversationId group = (await owner.CreateGroupAsync(null, member.Welcome.User)).Conversation;
        await member.SubscribeAsync(group, 0);
        ulong first = (await owner.PublishAsync(group, "come in"u8.ToArray())).Sequence;
        Task<ReceivedFrame>? removal = null;
        for (uint i = 0; i < 400; i++)
        {
            byte[] body = i % 2 == 0
                ? Bodies.Publish(group, Encoding.UTF8.GetBytes($"in flight {i}"))
                : Bodies.Publish(group, new ReactionBody(first, true, $"r{i % 40}").ToBytes(), MessageKind.Reaction);
            await member.Peer.SendAsync(FrameType.Publish, 1000 + i, body);
            removal = i == before
                ? owner.AskAsync(FrameType.RemoveMember, new ControlMap().SetId("conversation", group.Value).SetId("user", member.Welcome.User.Value))
                : removal;
        }

        HashSet<uint> published = [];
        List<ReceivedFrame> passed = [];
        for (int answers = 0; answers < 400; answers++)
        {
            ReceivedFrame answer = await member.Peer.ReceiveUntilAsync(frame => frame.Request >= 1000, passed);
            if (answer.Type == FrameType.Published)
            {
                published.Add(answer.Request);
            }
            else
            {
                // A reaction may be there already; whoever is out gets one word for everything.
                Assert.That((ErrorCode)answer.ToFailure().Code, Is.EqualTo(ErrorCode.NoSuchConversation).Or.EqualTo(ErrorCode.Conflict));
            }
        }

        Assert.That((await removal!).Type, Is.EqualTo(FrameType.Reply));
        List<StoredMessage> log = await owner.ReadAllAsync(group);
        ulong end = log.Single(record => record.Kind == MessageKind.MemberRemoved).Sequence;
        StoredMessage[] own = [.. log.Where(record => record.Sender == member.Welcome.User && record.Kind is MessageKind.Text or MessageKind.Reaction && record.Sequence != first)];
        Assert.That(own.Length, Is.EqualTo(published.Count), "what was acknowledged is there, and no more");
        Assert.That(own.All(record => record.Sequence < end), Is.True, "its place decides, not when it was sent");

        // Nothing reaches them any more either, and nothing that they try later does anything.
        await owner.PublishAsync(group, "they are gone"u8.ToArray());
        await member.Peer.SendAsync(FrameType.Ping, 7, new byte[8]);
        await member.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Pong, passed);
        Assert.That(passed.Where(frame => frame.Type == FrameType.Deliver).SelectMany(Bodies.ReadRecords).Select(record => record.Sequence), Is.All.LessThanOrEqualTo(end));
        foreach ((FrameType type, byte[] body) in new (FrameType, byte[])[]
        {
            (FrameType.Publish, Bodies.Publish(group, "late"u8.ToArray())), (FrameType.Publish, Bodies.Publish(group, new ReactionBody(first, true, "late").ToBytes(), MessageKind.Reaction)),
            (FrameType.Subscribe, Bodies.Subscribe(group, 0)), (FrameType.Fetch, Bodies.Fetch(group, 0, FetchDirection.Forward)),
        })
        {
            await BadInput.ExpectErrorAsync(member, await member.AskAsync(type, body), ErrorCode.NoSuchConversation);
        }

        await BadInput.ExpectErrorAsync(member, await member.AskAsync(FrameType.MoveCursor, new ControlMap().SetId("conversation", group.Value).Set("read", 1L)), ErrorCode.NoSuchConversation);
        Assert.That(await owner.GetHeadAsync(group), Is.EqualTo(end + 1));
    }

    [Test]
    [Counted("fastchat.errors.NoSuchMessage")]
    public async Task What_was_deleted_or_has_expired_is_in_no_event_and_no_reply()
    {
        byte[] secret = "the words that nobody may read again 4711"u8.ToArray();
        await using SignedInPeer author = await _stage.RegisterAsync();
        await using SignedInPeer reader = await _stage.RegisterAsync();
        ConversationId group = (await author.CreateGroupAsync(null, reader.Welcome.User)).Conversation;
        ulong one = (await author.PublishAsync(group, secret)).Sequence;
        await author.PublishAsync(group, new EditBody { Target = one, Kind = MessageKind.Text, Content = secret }.ToBytes(), MessageKind.Edit);
        long soon = DateTimeOffset.UtcNow.AddSeconds(2).ToUnixTimeMilliseconds() * 1000;
        await author.PublishAsync(group, new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { ExpiresMicros = soon }.ToBytes(), Content = secret }.ToBytes(), MessageKind.Rich);
        Assert.That((await author.ReadAllAsync(group)).Count(record => record.Body.AsSpan().IndexOf(secret) >= 0), Is.EqualTo(3), "it was there to be read");

        // From here on: live, told of the deletion and of the end.
        await reader.SubscribeAsync(group);
        await author.PublishAsync(group, new DeleteBody(one).ToBytes(), MessageKind.Delete);
        List<ReceivedFrame> seen = [];
        List<StoredMessage> records = [];
        while (records.Count < 2)
        {
            ReceivedFrame delivery = await reader.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Deliver, seen);
            seen.Add(delivery);
            records.AddRange(Bodies.ReadRecords(delivery));
        }

        Assert.That(records.Select(record => (record.Kind, record.Body.Length)), Is.EquivalentTo(new[] { (MessageKind.Delete, DeleteBody.Size), (MessageKind.Expired, DeleteBody.Size) }), "a place, and no words");
        foreach ((FrameType type, ControlMap map) in new (FrameType, ControlMap)[]
        {
            (FrameType.GetAnnotations, new ControlMap().SetId("conversation", group.Value)), (FrameType.GetInbox, new ControlMap()), (FrameType.GetPins, new ControlMap().SetId("conversation", group.Value)),
            (FrameType.ListConversations, new ControlMap()),
        })
        {
            seen.Add(await reader.AskAsync(type, map));
        }

        foreach (ulong sequence in new[] { one, one + 2 })
        {
            ControlMap forward = new ControlMap().SetId("conversation", _stage.Room.Value).SetId("from", group.Value).Set("sequence", (long)sequence).SetId("id", sequence);
            await BadInput.ExpectErrorAsync(reader, await reader.AskAsync(FrameType.Forward, forward), ErrorCode.NoSuchMessage);
        }

        uint request = reader.NextRequest();
        await reader.Peer.SendAsync(FrameType.Fetch, request, Bodies.Fetch(group, 0, FetchDirection.Forward));
        seen.Add(await reader.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.FetchEnd && frame.Request == request, seen));
        Assert.That(seen.Count(frame => frame.Type == FrameType.Chunk), Is.Positive);
        Assert.That(seen.Where(frame => frame.Body.AsSpan().IndexOf("4711"u8) >= 0), Is.Empty);
    }

    [Test]
    [Noted("access_denied", "AddMembers")]
    [Noted("access_denied", "RemoveMember")]
    [Noted("access_denied", "ChangeMember")]
    [Noted("access_denied", "CreateJoinLink")]
    public async Task Who_is_no_owner_brings_nobody_in_and_throws_nobody_out()
    {
        await using SignedInPeer owner = await _stage.RegisterAsync();
        await using SignedInPeer member = await _stage.RegisterAsync();
        await using SignedInPeer friend = await _stage.RegisterAsync();
        ConversationId group = (await owner.CreateGroupAsync(null, member.Welcome.User)).Conversation;
        ControlMap of = new ControlMap().SetId("conversation", group.Value);
        (FrameType Type, ControlMap Map)[] requests =
        [
            (FrameType.AddMembers, Copy(of).Set("users", new List<object?> { ControlMap.IdBytes(friend.Welcome.User.Value) })),
            (FrameType.RemoveMember, Copy(of).SetId("user", owner.Welcome.User.Value)),
            (FrameType.ChangeMember, Copy(of).Set("change", "ban").SetId("user", owner.Welcome.User.Value)),
            (FrameType.ChangeMember, Copy(of).Set("change", "role").Set("role", "reader").SetId("user", owner.Welcome.User.Value)),
            (FrameType.ChangeMember, Copy(of).Set("change", "invite").SetId("user", friend.Welcome.User.Value)),
            (FrameType.CreateJoinLink, of),
        ];
        foreach ((FrameType type, ControlMap map) in requests)
        {
            await BadInput.ExpectErrorAsync(member, await member.AskAsync(type, map), ErrorCode.Forbidden);
        }

        Assert.That(await owner.GetHeadAsync(group), Is.Zero);
    }

    [Test]
    [Noted("access_denied", "Publish")]
    public async Task The_sender_is_whoever_signed_in([Values] bool isElsewhere)
    {
        await using SignedInPeer victim = await _stage.RegisterAsync();
        await using SignedInPeer attacker = await _stage.RegisterAsync();
        await using SignedInPeer listener = await _stage.SignInAsync(victim);
        ConversationId group = (await victim.CreateGroupAsync(null, attacker.Welcome.User)).Conversation;
        await listener.SubscribeAsync(group);

        // "Sent by you on another device": there is no frame for that, and none that a client may send to another.
        byte[] forged = Bodies.Publish(group, "I owe you everything"u8.ToArray(), onBehalfOf: victim.Welcome.User);
        await BadInput.ExpectErrorAsync(attacker, await attacker.AskAsync(FrameType.Publish, forged), ErrorCode.Forbidden);
        if (isElsewhere)
        {
            await attacker.Peer.SendAsync(FrameType.Deliver, 0, Bodies.Id(group));
            await BadInput.ExpectCloseAsync(attacker.Peer, CloseCode.OutOfState);
        }
        else
        {
            await attacker.PublishAsync(group, "mine"u8.ToArray());
            StoredMessage delivered = Bodies.ReadRecords(await listener.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Deliver)).Single();
            Assert.That(delivered.Sender, Is.EqualTo(attacker.Welcome.User));
        }

        Assert.That((await victim.ReadAllAsync(group)).Where(record => record.Sender == victim.Welcome.User && record.Kind == MessageKind.Text), Is.Empty);
    }

    [Test]
    [Counted("fastchat.errors.BadRequest")]
    public async Task What_a_client_says_of_time_orders_nothing()
    {
        await using SignedInPeer early = await _stage.RegisterAsync();
        await using SignedInPeer late = await _stage.RegisterAsync();
        ConversationId group = (await early.CreateGroupAsync(null, late.Welcome.User)).Conversation;
        long began = DateTimeOffset.UtcNow.AddSeconds(-2).ToUnixTimeMilliseconds() * 1000;
        List<Published> answers = [];
        for (int i = 0; i < 20; i++)
        {
            // The one time that a message can name lies anywhere in the future; its place and its time are the broker's.
            long expires = i % 2 == 0 ? long.MaxValue - i : DateTimeOffset.UtcNow.AddDays(1 + i).ToUnixTimeMilliseconds() * 1000;
            byte[] body = new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { ExpiresMicros = expires }.ToBytes(), Content = "x"u8 }.ToBytes();
            answers.Add(await (i % 2 == 0 ? late : early).PublishAsync(group, body, MessageKind.Rich));
        }

        Assert.That(answers.Select(answer => answer.Sequence), Is.EqualTo(Enumerable.Range(1, 20).Select(i => (ulong)i)));
        Assert.That(answers.Select(answer => answer.SentAtMicros), Is.Ordered.And.All.InRange(began, DateTimeOffset.UtcNow.AddSeconds(2).ToUnixTimeMilliseconds() * 1000));
        foreach (long past in new[] { 1L, began, began + 1_000_000 })
        {
            byte[] body = new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { ExpiresMicros = past }.ToBytes(), Content = "x"u8 }.ToBytes();
            await BadInput.ExpectErrorAsync(early, await early.TryPublishAsync(group, body, MessageKind.Rich), ErrorCode.BadRequest);
        }

        byte[] negative = new RichBody { Kind = MessageKind.Text, Attributes = [6, 0, 8, 0, .. BitConverter.GetBytes(-1L)], Content = "x"u8 }.ToBytes();
        await BadInput.ExpectErrorAsync(early, await early.TryPublishAsync(group, negative, MessageKind.Rich), ErrorCode.BadRequest);
    }

    private static ControlMap Copy(ControlMap map)
    {
        ControlMap copy = new();
        foreach (string key in map.Keys)
        {
            copy.Set(key, map[key]);
        }

        return copy;
    }
}
