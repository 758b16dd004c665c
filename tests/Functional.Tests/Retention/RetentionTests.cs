using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Conversations that keep their messages for a time and up to a size, through the real broker, client and command line.</summary>
public sealed class RetentionTests
{
    private static readonly JsonObject s_quick = new() { ["retention_scan_seconds"] = 0.1 };

    [Test]
    public async Task A_conversation_keeps_to_its_size_on_the_disk_and_goes_on()
    {
        const int Messages = 6000;
        await using TestBroker broker = await TestBroker.StartAsync((JsonObject)s_quick.DeepClone());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Public, "busy")).Conversation;
        ConversationId other = (await ada.CreateConversationAsync(ConversationKind.Public, "other")).Conversation;
        Random random = new(1);
        await PublishAsync(ada, room, Messages, random);
        await PublishAsync(ada, other, 200, random);
        ChangeResult changed = await ada.ChangeConversationAsync(room, new ConversationChanges { RetentionBytes = 400_000 });
        Assert.That((changed.IsChanged, changed.Sequence), Is.EqualTo((true, (ulong)Messages + 1)));
        ConversationInfo cut = await UntilAsync(ada, room, info => info.First > 1);
        Assert.That((cut.RetentionBytes, cut.Head), Is.EqualTo((400_000L, (ulong)Messages + 1)));
        cut = await UntilAsync(ada, room, info => info.First > Messages - 500);
        long kept = await BytesOfAsync(ada, room, cut.First);
        Assert.That(kept, Is.InRange(350_000, 425_000));
        Assert.That((await ada.GetConversationAsync(other)).First, Is.EqualTo(1));

        // The files follow with the pass.
        Assert.That(() => TableBytes(broker), Is.LessThan(4_000_000).After(60_000, 200), "6 MB were written");
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();
        Assert.That(await BytesOfAsync(ada, room, cut.First), Is.EqualTo(kept));
        Assert.That((await ada.PublishTextAsync(room, "on we go")).Sequence, Is.EqualTo((ulong)Messages + 2));

        await RunAsync(broker, "backup", broker.Directory.PathOf("backups"), "--data", broker.Process.DataDirectory);
        await RunAsync(broker, "restore", broker.Directory.PathOf("backups"), "--data", broker.Directory.PathOf("restored"));
        Assert.That(await VerifyAsync(broker, broker.Directory.PathOf("restored")), Is.Zero);
        await broker.Process.TerminateAsync();
        Assert.That(await VerifyAsync(broker, broker.Process.DataDirectory), Is.Zero);
    }

    [Test]
    public async Task A_conversation_keeps_messages_for_its_time_and_what_is_gone_is_neither_unread_nor_pinned()
    {
        await using TestBroker broker = await TestBroker.StartAsync((JsonObject)s_quick.DeepClone());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, new ConversationChanges { Retention = TimeSpan.FromSeconds(2) }, [bob.User], default)).Conversation;
        await ada.PublishTextAsync(room, "one");
        await ada.PublishTextAsync(room, "two", new PublishOptions { Attributes = new MessageAttributes { Mentions = [bob.User], ReplyTo = 1 } });
        await ada.PinAsync(room, 1);
        await bob.ReactAsync(room, 1, "👍");
        await bob.HideAsync(room, [2], isHidden: true);
        ConversationInfo cut = await UntilAsync(ada, room, info => info.First == 5);
        Assert.That((cut.Head, cut.Retention), Is.EqualTo((4ul, TimeSpan.FromSeconds(2))), "nothing is left, and the head stays");
        InboxEntry row = (await bob.GetInboxAsync()).Entries.Single();
        Assert.That((row.Unread, row.Mentions, row.Last), Is.EqualTo((0, 0, (MessagePreview?)null)));
        Assert.That((await bob.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages, Is.Empty);
        Assert.That(async () => (await bob.ListHiddenAsync()).Messages, Is.Empty.After(20_000, 100));
        Assert.That((await ada.PublishTextAsync(room, "three")).Sequence, Is.EqualTo(5));
        Assert.That((await bob.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages.Select(message => message.Text), Is.EqualTo(new[] { "three" }));
        RequestException refused = (await Assert.ThrowsAsync<RequestException>(async () => await bob.ReactAsync(room, 1, "👍")))!;
        Assert.That(refused.Code, Is.EqualTo(ErrorCode.NoSuchMessage));
        await broker.Process.TerminateAsync();
        Assert.That(await VerifyAsync(broker, broker.Process.DataDirectory), Is.Zero);
    }

    [Test]
    public async Task An_operator_sets_an_age_for_all_and_none_is_longer()
    {
        const double Seconds = 1.0 / 86_400;
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject
        {
            ["retention_scan_seconds"] = 0.1,
            ["retention_days"] = 3600 * Seconds,
            ["retention_days_max"] = 2 * Seconds,
        });
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Public, "any", new ConversationChanges { Retention = TimeSpan.FromDays(300) }, null, default)).Conversation;
        ConversationId notes = (await ada.DirectAsync(ada.User)).Conversation;
        await ada.PublishTextAsync(room, "hello");
        await ada.PublishTextAsync(notes, "to myself");
        await UntilAsync(ada, room, info => info.First == 2);
        await UntilAsync(ada, notes, info => info.First == 2);
    }

    [Test]
    public async Task Only_owners_and_operators_change_it()
    {
        await using TestBroker broker = await TestBroker.StartAsync((JsonObject)s_quick.DeepClone());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        ConversationId direct = (await ada.DirectAsync(bob.User)).Conversation;
        await ada.SetRoleAsync(room, bob.User, MemberRole.Admin);
        foreach ((FastChatClient who, ConversationId where) in ((FastChatClient, ConversationId)[])[(bob, room), (bob, direct), (ada, direct)])
        {
            RequestException refused = (await Assert.ThrowsAsync<RequestException>(() => who.ChangeConversationAsync(where, new ConversationChanges { Retention = TimeSpan.FromDays(1) })))!;
            Assert.That(refused.Code, Is.EqualTo(ErrorCode.Forbidden));
        }

        Assert.That((await ada.ChangeConversationAsync(room, new ConversationChanges { Retention = TimeSpan.FromDays(1), RetentionBytes = 1 << 20 })).IsChanged, Is.True);
        foreach (ConversationId any in (ConversationId[])[room, direct])
        {
            await RunAsync(broker, "admin", "retention", any.ToString(), "--retention", "30d", "--retention-size", "1GiB", "--server", broker.Process.Tcp.ToString(), "--data", broker.Process.DataDirectory);
            ConversationInfo info = await ada.GetConversationAsync(any);
            Assert.That((info.Retention, info.RetentionBytes), Is.EqualTo((TimeSpan.FromDays(30), 1L << 30)));
        }

        await RunAsync(broker, "admin", "retention", room.ToString(), "--retention", "off", "--retention-size", "off", "--server", broker.Process.Tcp.ToString(), "--data", broker.Process.DataDirectory);
        ConversationInfo back = await ada.GetConversationAsync(room);
        Assert.That((back.Retention, back.RetentionBytes), Is.EqualTo((TimeSpan.Zero, 0L)));
        string audit = string.Concat(Directory.EnumerateFiles(Path.Combine(broker.Process.DataDirectory, "audit")).Select(File.ReadAllText));
        Assert.That(audit, Does.Contain("\"retention_changed\"").And.Contain(room.ToString()));
    }

    /// <summary>protocol.md §6.2, at each position around the cut.</summary>
    [TestCase(0ul, SubscribeStatus.Truncated, 4ul)]
    [TestCase(2ul, SubscribeStatus.Truncated, 4ul)]
    [TestCase(3ul, SubscribeStatus.Resumed, 4ul)]
    [TestCase(4ul, SubscribeStatus.Resumed, 5ul)]
    [TestCase(ulong.MaxValue, SubscribeStatus.Resumed, 5ul)]
    public async Task Resuming_around_a_cut(ulong after, SubscribeStatus status, ulong first)
    {
        await using TestBroker broker = await TestBroker.StartAsync((JsonObject)s_quick.DeepClone());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Public, "room")).Conversation;
        await PublishAsync(ada, room, 3, new Random(1));

        // The record that says so is the newest, and always stays.
        await ada.ChangeConversationAsync(room, new ConversationChanges { RetentionBytes = 1 });
        await UntilAsync(ada, room, info => info.First == 4);
        await using SignedInPeer reader = await broker.RegisterAsync();
        uint request = reader.NextRequest();
        await reader.Peer.SendAsync(FrameType.Subscribe, request, Bodies.Subscribe(room, after));
        ReceivedFrame answer = await reader.ReceiveAsync();
        Assert.That(Subscribed.TryRead(answer.Body, out Subscribed subscribed), Is.True);
        Assert.That(subscribed, Is.EqualTo(new Subscribed(status, subscribed.Epoch, first, 4)));
        ulong next = (await ada.PublishTextAsync(room, "live")).Sequence;
        Assert.That(next, Is.EqualTo(5));
        ReceivedFrame delivered = await reader.ReceiveAsync();
        Assert.That(delivered.ToSequences()[0], Is.EqualTo(first));
    }

    /// <summary>A reader that stopped, and whose place is cut off meanwhile, is told what it misses, and the client library says so to its application.</summary>
    [Test]
    public async Task A_reader_whose_next_record_is_gone_is_told_so()
    {
        await using TestBroker broker = await TestBroker.StartAsync((JsonObject)s_quick.DeepClone());
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Public, "room")).Conversation;
        await using SignedInPeer slow = await broker.RegisterAsync(window: 64 * 1024);
        await slow.SubscribeAsync(room, after: 0);
        await PublishAsync(ada, room, 1500, new Random(1));
        await ada.ChangeConversationAsync(room, new ConversationChanges { RetentionBytes = 50_000 });
        ulong first = (await UntilAsync(ada, room, info => info.First > 1400)).First;
        await slow.Peer.SendAsync(FrameType.Credit, 0, Bodies.Credit(100_000_000));
        ulong last = 0;
        bool isCut = false;
        while (last < 1501)
        {
            ReceivedFrame frame = await slow.ReceiveAsync();
            if (frame.Type == FrameType.Lag)
            {
                Assert.That(Lag.TryRead(frame.Body, out Lag lag), Is.True);
                Assert.That(lag.Next, lag.IsCut ? Is.GreaterThan(last + 1).And.GreaterThanOrEqualTo(first) : Is.GreaterThan(last));
                last = lag.IsCut ? lag.Next - 1 : last;
                isCut |= lag.IsCut;
                continue;
            }

            foreach (StoredMessage message in Bodies.ReadRecords(frame))
            {
                Assert.That(message.Sequence, Is.EqualTo(++last));
            }
        }

        Assert.That(isCut, Is.True, "the reader was never told that records are gone");
        await ada.PublishTextAsync(room, "live");
        Assert.That((await slow.ReceiveAsync()).ToSequences(), Is.EqualTo(new[] { 1502ul }));
    }

    private static async Task PublishAsync(FastChatClient client, ConversationId room, int count, Random random)
    {
        byte[] body = new byte[750];
        Task[] window = new Task[100];
        for (int i = 0; i < count; i++)
        {
            random.NextBytes(body);
            if (i >= window.Length)
            {
                await window[i % window.Length];
            }

            window[i % window.Length] = client.PublishTextAsync(room, Convert.ToBase64String(body)).AsTask();
        }

        await Task.WhenAll(window.Where(task => task is not null));
    }

    private static async Task<ConversationInfo> UntilAsync(FastChatClient client, ConversationId room, Func<ConversationInfo, bool> isSo)
    {
        for (long began = Environment.TickCount64; ;)
        {
            ConversationInfo info = await client.GetConversationAsync(room);
            if (isSo(info))
            {
                return info;
            }

            Assert.That(Environment.TickCount64 - began, Is.LessThan(60_000), $"first {info.First}, head {info.Head}");
            await Task.Delay(50);
        }
    }

    private static async Task<long> BytesOfAsync(FastChatClient client, ConversationId room, ulong first)
    {
        long bytes = 0;
        LogPosition at = LogPosition.Start;
        while (true)
        {
            HistoryPage page = await client.FetchAsync(room, at, FetchDirection.Forward);
            if (page.Messages.Count == 0)
            {
                return bytes;
            }

            Assert.That(page.Messages[0].Sequence, Is.EqualTo(at == LogPosition.Start ? first : at.Sequence + 1));
            bytes += page.Messages.Where(message => message.Sequence <= 6001).Sum(message => 68L + message.Body.Length);
            at = new LogPosition(page.Epoch, page.Messages[^1].Sequence);
        }
    }

    private static long TableBytes(TestBroker broker) =>
        Directory.EnumerateFiles(Path.Combine(broker.Process.DataDirectory, "rocksdb")).Where(file => file.EndsWith(".sst", StringComparison.Ordinal)).Sum(SizeOf);

    private static long SizeOf(string file)
    {
        try
        {
            return new FileInfo(file).Length;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    private static async Task<long> VerifyAsync(TestBroker broker, string directory)
    {
        CliResult verified = await CliProcess.RunAsync(broker.Directory.Path, "verify", "--data", directory);
        Assert.That(verified.ExitCode, Is.Zero, verified.ToString());
        return verified.Last.GetProperty("problems").GetInt64();
    }

    private static async Task RunAsync(TestBroker broker, params string[] arguments)
    {
        CliResult done = await CliProcess.RunAsync(broker.Directory.Path, arguments);
        Assert.That(done.ExitCode, Is.Zero, done.ToString());
    }
}
