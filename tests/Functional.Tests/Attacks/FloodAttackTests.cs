namespace FastChat.Functional.Tests;

/// <summary>Attacks by number (tests/attacks.md, 61 to 64): floods, look-ups, comings and goings, pages. Each has a bound of its own, with a word for who meets it, and nobody else waits.</summary>
public sealed class FloodAttackTests
{
    private AttackStage _stage = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [Test]
    [Counted("fastchat.errors.TooMany")]
    public async Task Floods_of_reactions_edits_and_receipts_meet_their_bounds()
    {
        await using SignedInPeer flooder = await _stage.RegisterAsync();
        await using SignedInPeer reader = await _stage.RegisterAsync();
        ConversationId group = (await flooder.CreateGroupAsync(null, reader.Welcome.User)).Conversation;
        ulong message = (await flooder.PublishAsync(group, "x"u8.ToArray())).Sequence;
        await reader.SubscribeAsync(group);

        // More kinds of reactions, more edits, and the same receipt again and again, all without waiting.
        const uint Each = 300;
        for (uint i = 0; i < Each; i++)
        {
            await flooder.Peer.SendAsync(FrameType.Publish, 10_000 + i, Bodies.Publish(group, new ReactionBody(message, true, $"r{i}").ToBytes(), MessageKind.Reaction));
            await flooder.Peer.SendAsync(FrameType.Publish, 20_000 + i, Bodies.Publish(group, new EditBody { Target = message, Kind = MessageKind.Text, Content = "y"u8 }.ToBytes(), MessageKind.Edit));
            await flooder.Peer.SendAsync(FrameType.MoveCursor, 30_000 + i, new ControlMap().SetId("conversation", group.Value).Set("read", 1L));
        }

        Task<Published> meanwhile = _stage.Witness.PublishAsync(_stage.Room, "meanwhile"u8.ToArray());
        Dictionary<(uint, ErrorCode), int> answers = [];
        int changed = 0;
        for (uint i = 0; i < 3 * Each; i++)
        {
            ReceivedFrame answer = await flooder.Peer.ReceiveUntilAsync(frame => frame.Request >= 10_000);
            (uint, ErrorCode) outcome = (answer.Request / 10_000, answer.Type == FrameType.Error ? (ErrorCode)answer.ToFailure().Code : ErrorCode.None);
            answers[outcome] = answers.GetValueOrDefault(outcome) + 1;
            changed += answer.Type == FrameType.Reply && answer.ToMap().Flag("changed") ? 1 : 0;
        }

        await meanwhile;
        Assert.That(answers, Is.EquivalentTo(new Dictionary<(uint, ErrorCode), int>
        {
            [(1, ErrorCode.None)] = ProtocolLimits.ReactionKindsMax,
            [(1, ErrorCode.TooMany)] = (int)Each - ProtocolLimits.ReactionKindsMax,
            [(2, ErrorCode.None)] = ProtocolLimits.EditsMax,
            [(2, ErrorCode.TooMany)] = (int)Each - ProtocolLimits.EditsMax,
            [(3, ErrorCode.None)] = (int)Each,
        }));
        Assert.That(changed, Is.EqualTo(1), "a receipt that says nothing new is nothing");

        // The reader got one receipt, and each record once.
        await reader.Peer.SendAsync(FrameType.Ping, 7, new byte[8]);
        List<ReceivedFrame> seen = [];
        while (seen.Where(frame => frame.Type == FrameType.Deliver).Sum(frame => Bodies.ReadRecords(frame).Count) < ProtocolLimits.ReactionKindsMax + ProtocolLimits.EditsMax)
        {
            seen.Add(await reader.Peer.ReceiveUntilAsync(frame => frame.Type is FrameType.Deliver or FrameType.Notice, seen));
        }

        Assert.That(seen.Count(frame => IsCursorOf(frame, flooder.Welcome.User)), Is.LessThanOrEqualTo(1));
    }

    [Test]
    [Noted("access_denied", "ListCursors")]
    public async Task Receipts_are_told_to_nobody_outside()
    {
        await using SignedInPeer member = await _stage.RegisterAsync();
        await using SignedInPeer friend = await _stage.RegisterAsync();
        await using SignedInPeer stranger = await _stage.RegisterAsync();
        ConversationId group = (await member.CreateGroupAsync(null, friend.Welcome.User)).Conversation;
        await friend.PublishAsync(group, "x"u8.ToArray());
        await friend.SubscribeAsync(group);
        await stranger.SubscribeAsync(_stage.Room);
        await member.AskAsync(FrameType.ChangeMember, new ControlMap().SetId("conversation", _stage.Room.Value).Set("change", "join"));
        await _stage.Witness.PublishAsync(_stage.Room, "x"u8.ToArray());

        // In the group the friend hears of it; in the public room, which the stranger listens to, nobody does.
        foreach (ConversationId where in new[] { group, _stage.Room })
        {
            ControlMap moved = (await member.AskAsync(FrameType.MoveCursor, new ControlMap().SetId("conversation", where.Value).Set("read", 1L))).ToMap();
            Assert.That(moved.Flag("changed"), Is.True);
        }

        await friend.Peer.ReceiveUntilAsync(frame => IsCursorOf(frame, member.Welcome.User));
        List<ReceivedFrame> heard = [];
        await stranger.Peer.SendAsync(FrameType.Ping, 7, new byte[8]);
        await stranger.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Pong, heard);
        Assert.That(heard.Where(frame => IsCursorOf(frame, member.Welcome.User)), Is.Empty);
        await BadInput.ExpectErrorAsync(stranger, await stranger.AskAsync(FrameType.ListCursors, new ControlMap().SetId("conversation", group.Value)), ErrorCode.NoSuchConversation);
        await BadInput.ExpectErrorAsync(stranger, await stranger.AskAsync(FrameType.ListCursors, new ControlMap().SetId("conversation", _stage.Room.Value)), ErrorCode.Forbidden);
    }

    [Test]
    [Noted("limit_reached", "ResolveUsers")]
    public async Task Looking_people_up_has_one_budget_at_all_doors()
    {
        await using SignedInPeer account = await _stage.RegisterAsync();
        List<SignedInPeer> connections = [account];
        foreach (string door in AttackStage.Doors)
        {
            connections.Add(await _stage.SignInAsync(account, door));
        }

        int guessed = 0;
        foreach (SignedInPeer connection in connections)
        {
            int part = guessed++;
            ReceivedFrame answer = await connection.AskAsync(FrameType.ResolveUsers, new ControlMap().Set("names", Enumerable.Range(0, 400).Select(i => (object?)$"guess-{part}-{i}").ToList()));
            if (part < 2)
            {
                Assert.That(answer.Type, Is.EqualTo(FrameType.Reply));
            }
            else
            {
                await BadInput.ExpectErrorAsync(connection, answer, ErrorCode.RateLimited);
                Assert.That(answer.ToFailure().RetryAfterMs, Is.Positive);
            }
        }

        // The answer to one who is there and to one who is not differ in nothing but the answer, and a search finds no strangers.
        await using SignedInPeer other = await _stage.RegisterAsync();
        ControlMap found = (await other.AskAsync(FrameType.SearchUsers, new ControlMap().Set("prefix", account.Welcome.Name))).ToMap();
        Assert.That(found.Maps("users"), Is.Empty);
        foreach (SignedInPeer connection in connections.Skip(1))
        {
            await connection.DisposeAsync();
        }
    }

    [Test]
    [Noted("limit_reached", "ChangeMember")]
    public async Task Coming_and_going_has_a_budget()
    {
        await using SignedInPeer flapper = await _stage.RegisterAsync();
        ControlMap of = new ControlMap().SetId("conversation", _stage.Room.Value);
        ControlMap join = new ControlMap().SetId("conversation", _stage.Room.Value).Set("change", "join");
        ControlMap decline = new ControlMap().SetId("conversation", _stage.Room.Value).Set("change", "decline");
        ulong before = await _stage.Witness.GetHeadAsync(_stage.Room);
        for (int i = 0; i < 20; i++)
        {
            Assert.That((await flapper.AskAsync(FrameType.ChangeMember, join)).Type, Is.EqualTo(FrameType.Reply));
            Assert.That((await flapper.AskAsync(FrameType.RemoveMember, of)).Type, Is.EqualTo(FrameType.Reply));
        }

        const int Asked = 1200;
        for (uint i = 0; i < Asked; i++)
        {
            await flapper.Peer.SendAsync(FrameType.ChangeMember, 10_000 + i, i % 2 == 0 ? decline : join);
        }

        int limited = 0;
        for (int i = 0; i < Asked; i++)
        {
            ReceivedFrame answer = await flapper.Peer.ReceiveUntilAsync(frame => frame.Request >= 10_000);
            if (answer.Type == FrameType.Error)
            {
                Failure failure = answer.ToFailure();
                Assert.That((ErrorCode)failure.Code, Is.EqualTo(ErrorCode.RateLimited));
                Assert.That(failure.RetryAfterMs, Is.Positive);
                limited++;
            }
        }

        Assert.That(limited, Is.GreaterThan(50));
        Assert.That(await _stage.Witness.GetHeadAsync(_stage.Room), Is.LessThanOrEqualTo(before + 41), "what is so already is no record");
    }

    [Test]
    [Counted("fastchat.errors")]
    public async Task Random_pages_of_the_greatest_size_keep_to_their_limits()
    {
        (SignedInPeer reader, ConversationId group) = await FillAsync();
        Random random = new(11);
        for (int i = 0; i < 60; i++)
        {
            FetchDirection direction = random.Next(2) == 0 ? FetchDirection.Forward : FetchDirection.Backward;
            ulong position = random.Next(5) switch { 0 => 0, 1 => LogPosition.Latest, 2 => (ulong)random.NextInt64(), _ => (ulong)random.Next(1, 450) };
            uint request = reader.NextRequest();
            await reader.Peer.SendAsync(FrameType.Fetch, request, Bodies.Fetch(group, position, direction, countMax: uint.MaxValue, bytesMax: uint.MaxValue));
            List<ReceivedFrame> chunks = [];
            ReceivedFrame last = await reader.Peer.ReceiveUntilAsync(frame => frame.Request == request && frame.Type != FrameType.Chunk, chunks);
            Assert.That(FetchEnd.TryRead(last.Body, out FetchEnd end), Is.True, $"{last}");
            List<StoredMessage> records = [.. chunks.Where(frame => frame.Type == FrameType.Chunk).SelectMany(Bodies.ReadRecords)];
            Assert.That(records, Has.Count.EqualTo((int)end.Count));
            Assert.That(chunks.Sum(frame => frame.Body.Length), Is.LessThan(ProtocolLimits.FetchBytesMax + ProtocolLimits.ServerFrameSizeMax));
            Assert.That(records.Zip(records.Skip(1)).All(pair => pair.Second.Sequence == pair.First.Sequence + 1), Is.True);
        }

        foreach (long limit in new[] { 51L, 501, long.MaxValue })
        {
            await BadInput.ExpectErrorAsync(reader, await reader.AskAsync(FrameType.SearchUsers, new ControlMap().Set("prefix", "u").Set("limit", limit)), ErrorCode.BadRequest);
        }

        await reader.DisposeAsync();
    }

    [Test]
    [Unseen("who goes has done nothing wrong")]
    public async Task Who_hangs_up_in_the_middle_of_pages_leaves_no_work_behind()
    {
        (SignedInPeer reader, ConversationId group) = await FillAsync();
        for (int round = 0; round < 40; round++)
        {
            await using SignedInPeer connection = await _stage.SignInAsync(reader);
            for (uint i = 0; i < ProtocolLimits.FetchesInFlightMax; i++)
            {
                await connection.Peer.SendAsync(FrameType.Fetch, 100 + i, Bodies.Fetch(group, 0, FetchDirection.Forward, countMax: uint.MaxValue, bytesMax: uint.MaxValue));
            }

            await connection.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Chunk);
            connection.Peer.Abort();
        }

        // 640 MiB were asked for and not read. What is left of it would be in the way here, and in the process's memory.
        await using SignedInPeer after = await _stage.SignInAsync(reader);
        Assert.That((await after.ReadAllAsync(group)).Count, Is.EqualTo(400));
        await reader.DisposeAsync();
    }

    /// <summary>A group of one with 400 messages of 8 KiB.</summary>
    private async Task<(SignedInPeer Reader, ConversationId Group)> FillAsync()
    {
        SignedInPeer reader = await _stage.RegisterAsync();
        ConversationId group = (await reader.CreateGroupAsync()).Conversation;
        for (uint i = 0; i < 400; i++)
        {
            await reader.Peer.SendAsync(FrameType.Publish, 50_000 + i, Bodies.Publish(group, new byte[8192], MessageKind.Opaque));
        }

        for (int i = 0; i < 400; i++)
        {
            Assert.That((await reader.Peer.ReceiveUntilAsync(frame => frame.Request >= 50_000)).Type, Is.EqualTo(FrameType.Published));
        }

        return (reader, group);
    }

    private static bool IsCursorOf(ReceivedFrame frame, UserId user) =>
        frame.Type == FrameType.Notice && frame.ToMap() is var notice && notice.Text("event", 64) == "cursor" && notice.Id("user") == user.Value;
}
