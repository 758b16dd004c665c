using System.Diagnostics;
using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on framing and parsing by number (tests/attacks.md, 1 to 22) that are more than one wrong frame, which <see cref="BadInputTests"/> sends: floods, texts that are hard on who shows them, and what must be readable again.</summary>
public sealed class FramingAttackTests
{
    private AttackStage _stage = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync(new System.Text.Json.Nodes.JsonObject { ["limit_connection_bytes_per_second"] = 4_000_000 });

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [TestCase(0x04, Description = "Pong: read and forgotten")]
    [TestCase(0x90, Description = "an optional type: ignored")]
    [TestCase(0x1B, Description = "a reserved type: an Error for each")]
    [TestCase(0x03, Description = "Ping: a Pong for each")]
    [Noted("limit_reached", "connection_bytes")]
    public async Task Floods_of_empty_frames_cost_only_who_sends_them(int type)
    {
        await using SignedInPeer flooder = await _stage.RegisterAsync();
        byte[] frame = RawFrame.ToBytes((byte)type, 1, []);
        byte[] many = [.. Enumerable.Repeat(frame, 10_000).SelectMany(bytes => bytes)];
        long before = _stage.Broker.Process.ResidentBytes;

        // Nothing is read meanwhile: where there are answers the broker stops reading, which is felt here as a send that does not end.
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < 40; i++)
            {
                await flooder.Peer.SendAsync(many);
            }
        });
        for (int i = 0; i < 20; i++)
        {
            await _stage.Witness.PublishAsync(_stage.Room, "meanwhile"u8.ToArray()).WaitAsync(TimeSpan.FromSeconds(5));
        }

        Assert.That(_stage.Broker.Process.ResidentBytes - before, Is.LessThan(64 << 20));
        await flooder.DisposeAsync();
        await Task.WhenAny(sending, Task.Delay(TimeSpan.FromSeconds(10)));
        Assert.That(sending.IsCompleted, Is.True);
        _ = sending.Exception;
    }

    [Test]
    [Unseen("what is unfinished is not wrong yet; its deadline ends it (DeadlineTests)")]
    public async Task A_frame_in_crumbs_holds_what_it_has_and_no_more()
    {
        // 200 connections that have sent the header of the largest frame and a byte a time: nothing is reserved for what was only declared.
        long before = _stage.Broker.Process.ResidentBytes;
        SignedInPeer account = await _stage.RegisterAsync();
        List<SignedInPeer> peers = [];
        for (int i = 0; i < 200; i++)
        {
            SignedInPeer peer = await _stage.SignInAsync(account);
            await peer.Peer.SendAsync(RawFrame.ToBytes((byte)FrameType.Publish, 1, [], 66_560));
            peers.Add(peer);
        }

        for (int round = 0; round < 5; round++)
        {
            await Task.WhenAll(peers.Select(peer => peer.Peer.SendAsync(new byte[1])));
        }

        Assert.That(_stage.Broker.Process.ResidentBytes - before, Is.LessThan(200 * 20_000L));
        foreach (SignedInPeer peer in peers.Append(account))
        {
            await peer.DisposeAsync();
        }
    }

    [Test]
    [Unseen("these are messages like any other")]
    public async Task Texts_that_are_hard_to_show_are_kept_byte_for_byte()
    {
        await using SignedInPeer author = await _stage.RegisterAsync();
        ConversationId room = (await author.CreateGroupAsync()).Conversation;
        string[] texts =
        [
            "a" + string.Concat(Enumerable.Repeat("\u0300", 32_767)),
            string.Concat(Enumerable.Repeat("\u202e\u2066", 10_000)),
            "\0\u0001\u001b[2J\u001b]0;title\u0007\r\n",
            string.Concat(Enumerable.Repeat("\U0001F468\u200D\U0001F469\u200D\U0001F467", 2_000)),
            "\ufeff\ufffe\uffff\u0085\u2028\u2029",
        ];
        foreach (string text in texts)
        {
            await author.PublishAsync(room, Encoding.UTF8.GetBytes(text));
        }

        List<StoredMessage> stored = await author.ReadAllAsync(room);
        Assert.That(stored.Select(message => Encoding.UTF8.GetString(message.Body)), Is.EqualTo(texts));
    }

    [Test]
    [Counted("fastchat.errors.BadRequest")]
    public async Task A_search_for_patterns_is_a_search_for_letters()
    {
        await using SignedInPeer searcher = await _stage.RegisterAsync();
        ConversationId group = (await searcher.CreateGroupAsync(null, _stage.Witness.Welcome.User)).Conversation;
        string[] patterns = ["*", "%", "_", "?", ".*", "(a+)+$", "[", "\\", "w*t*n*s", new string('a', 128), new string('*', 128), "\u0130\u0131", "wit\0ness"];
        Stopwatch time = Stopwatch.StartNew();
        foreach (string pattern in patterns)
        {
            ReceivedFrame answer = await searcher.AskAsync(FrameType.SearchUsers, new ControlMap().Set("prefix", pattern));
            if (answer.Type == FrameType.Reply)
            {
                Assert.That(answer.ToMap()["users"], Is.Empty, pattern);
            }
            else
            {
                Assert.That((ErrorCode)answer.ToFailure().Code, Is.EqualTo(ErrorCode.BadRequest), pattern);
            }
        }

        Assert.That(time.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
        Assert.That((await searcher.AskAsync(FrameType.SearchUsers, new ControlMap().Set("prefix", "WIT"))).ToMap()["users"], Is.Not.Empty);
        Assert.That((await searcher.AskAsync(FrameType.ResolveConversation, new ControlMap().Set("name", "r*"))).Type, Is.EqualTo(FrameType.Error));
        Assert.That(group.IsNone, Is.False);
    }

    [Test]
    [Unseen("all of it was taken")]
    public async Task Whatever_was_taken_can_be_read_again_in_every_way_and_by_the_next_process()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        string token;
        ConversationId room;
        List<byte[]> bodies = [];
        await using (SignedInPeer author = await broker.RegisterAsync("author"))
        {
            token = author.Welcome.Token!;
            room = (await author.CreateGroupAsync()).Conversation;
            SortedDictionary<byte, byte[]> own = new() { [128] = [], [255] = new byte[3000] };
            (MessageKind Kind, byte[] Body)[] odd =
            [
                (MessageKind.Text, []), (MessageKind.Opaque, []), (MessageKind.Opaque, [.. Enumerable.Repeat((byte)0xFF, 65_536)]), (MessageKind.Text, new byte[65_536]),
                (MessageKind.Rich, new RichBody { Kind = MessageKind.Opaque, Attributes = new MessageAttributes { Own = own }.ToBytes(), Content = [0xFF] }.ToBytes()),
                (MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { ReplyTo = 1, Thread = 1, MentionsAll = true }.ToBytes(), Content = "x"u8 }.ToBytes()),
                (MessageKind.Edit, new EditBody { Target = 1, Kind = MessageKind.Opaque, Content = new byte[60_000] }.ToBytes()),
                (MessageKind.Edit, new EditBody { Target = 2, Kind = MessageKind.Text, Content = [] }.ToBytes()),
                (MessageKind.Reaction, new ReactionBody(1, true, new string('r', 64)).ToBytes()), (MessageKind.Reaction, new ReactionBody(1, true, "\u202e").ToBytes()),
                (MessageKind.Pin, new PinBody(5, true).ToBytes()), (MessageKind.Delete, new DeleteBody(3).ToBytes()),
            ];
            foreach ((MessageKind kind, byte[] body) in odd)
            {
                await author.PublishAsync(room, body, kind);
                bodies.Add(body);
            }
        }

        for (int process = 0; process < 2; process++)
        {
            await using (SignedInPeer reader = await broker.SignInAsync(token))
            {
                List<StoredMessage> forward = await reader.ReadAllAsync(room);
                Assert.That(forward.Select(message => message.Sequence), Is.EqualTo(Enumerable.Range(1, bodies.Count).Select(i => (ulong)i)));
                Assert.That(forward.Where(message => message.Sequence != 3).Select(message => message.Body), Is.EqualTo(bodies.Where((_, index) => index != 2)));
                foreach (FrameType type in new[] { FrameType.GetAnnotations, FrameType.GetPins, FrameType.ListMembers, FrameType.ListCursors })
                {
                    ReceivedFrame answer = await reader.AskAsync(type, new ControlMap().SetId("conversation", room.Value));
                    Assert.That(answer.Type, Is.EqualTo(FrameType.Reply), $"{type}: {answer}");
                }

                Assert.That((await reader.AskAsync(FrameType.GetThread, new ControlMap().SetId("conversation", room.Value).Set("root", 1L))).ToMap().Number("count", 99), Is.EqualTo(1));
                Assert.That((await reader.AskAsync(FrameType.GetInbox, new ControlMap())).ToMap().Number("total", 99), Is.EqualTo(1));
            }

            if (process == 0)
            {
                await broker.Process.KillAsync();
                await broker.Process.RestartAsync();
            }
        }

        await broker.StopAndVerifyAsync();
    }
}
