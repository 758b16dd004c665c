using FastChat.Broker.Conversations;
using FastChat.Broker.Inbox;
using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>Cursors and what is counted by them, held against the plainest count over the whole log.</summary>
internal sealed class UnreadCountsTests
{
    private static readonly UserId Alice = ShardBench.Alice;
    private static readonly UserId Bob = ShardBench.Bob;

    private ShardBench _bench = null!;
    private ulong _id;

    [SetUp]
    public void MakeBench()
    {
        _bench = new ShardBench();
        _id = 0;
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, Alice, false, Bob);
        _bench.Commit();
    }

    [Test]
    public void ACursorNeverGoesBackOrPastTheHeadAndIsForMembers([Values] bool restarts)
    {
        Text(Alice);
        Text(Alice);
        Assert.That(Move(Bob, read: 2), Is.EqualTo((ErrorCode.None, 1, new ReadCursor(2, 2, 2))));
        _bench.Commit();
        if (restarts)
        {
            _bench.Restart();
        }

        Assert.That(Move(Bob, read: 1), Is.EqualTo((ErrorCode.None, 0, new ReadCursor(2, 2, 2))));
        Assert.That(Move(Bob, read: 3).Error, Is.EqualTo(ErrorCode.PositionAhead));
        Assert.That(Move(Bob, delivered: 3).Error, Is.EqualTo(ErrorCode.PositionAhead));
        Assert.That(Move(ShardBench.Carol, read: 1).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_bench.Turn.Receipts, Is.Empty, "what did not move is not told");
    }

    [Test]
    public void WhoReadsInPrivateIsNotSeenReading()
    {
        Text(Alice);
        Text(Alice);
        Move(Bob, read: 1);
        Assert.That(Move(Bob, read: 2, isPrivate: true).Cursor, Is.EqualTo(new ReadCursor(2, 2, 1)));
        Assert.That(_bench.Turn.Receipts.Select(one => (one.Delivered, one.Read)), Is.EqualTo(new[] { (1ul, 1ul), (2ul, 1ul) }));
    }

    [Test]
    public void ThreadsHaveCursorsOfTheirOwn()
    {
        Text(Alice);
        Publish(Alice, MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = new MessageAttributes { Thread = 1 }.ToBytes(), Content = "x"u8 }.ToBytes());
        Move(Bob, read: 1);
        Assert.That(ReadCursor.Parse(MoveInThread(1).Existing), Is.EqualTo(new ReadCursor(2, 2, 2)));
        Assert.That(Move(Bob, read: 1).Cursor.Read, Is.EqualTo(1));
        Assert.That(new[] { 2ul, 3ul, ulong.MaxValue }.Select(thread => MoveInThread(thread).Error), Is.All.EqualTo(ErrorCode.NoSuchMessage), "each would be an entry for ever");

        CommandResult MoveInThread(ulong thread)
        {
            _bench.Apply(CommandKind.MoveCursor, ShardBench.ActorOf(Bob), new MoveCursorCommand(ShardBench.Room, thread, 0, 2, false).ToBytes());
            return _bench.Turn.Results[^1].Result;
        }
    }

    /// <summary>Whatever is published, edited, deleted, reacted to and read in whatever order, with counts asked for in between so that the remembered ones are used.</summary>
    [Test]
    public void CountsAreTheLogs([Range(1, 20)] int seed)
    {
        Random random = new(seed);
        UnreadCounts counts = new(_bench.Log, 64);
        ulong read = 0;
        for (int i = 0; i < 300; i++)
        {
            UserId user = random.Next(2) == 0 ? Alice : Bob;
            ulong head = _bench.Log.ReadHead(ShardBench.Room).Sequence;
            ulong target = (ulong)random.NextInt64(1, (long)head + 2);
            switch (random.Next(8))
            {
                case < 4: Text(user); break;
                case 4: Publish(user, MessageKind.Reaction, new ReactionBody(target, true, "👍").ToBytes()); break;
                case 5: Publish(user, MessageKind.Delete, new DeleteBody(target).ToBytes()); break;
                case 6: Publish(user, MessageKind.Edit, new EditBody { Target = target, Kind = MessageKind.Text, Content = "x"u8 }.ToBytes()); break;
                default: read = Math.Max(read, (ulong)random.NextInt64(0, (long)head + 1)); break;
            }

            if (random.Next(3) == 0)
            {
                _bench.Commit();
                head = _bench.Log.ReadHead(ShardBench.Room).Sequence;
                List<StoredRecord> records = _bench.Read(ShardBench.Room);
                Assert.That(counts.Of(Bob, ShardBench.Room, read, head), Is.EqualTo((Expected(records, read), false)), $"step {i}");
                StoredRecord? last = records.LastOrDefault(record => MessageKinds.IsMessage(record.Kind));
                Assert.That(counts.LastOf(ShardBench.Room, head).Sequence, Is.EqualTo(last?.Sequence ?? 0), $"step {i}");
            }
        }
    }

    [Test]
    public void ALongAbsenceIsCountedUpToABound()
    {
        for (int i = 0; i < UnreadCounts.CountedMax + 5; i++)
        {
            Text(Alice);
            if (i % 500 == 0)
            {
                _bench.Commit();
            }
        }

        _bench.Commit();
        UnreadCounts counts = new(_bench.Log, 64);
        ulong head = _bench.Log.ReadHead(ShardBench.Room).Sequence;
        Assert.That(counts.Of(Bob, ShardBench.Room, 0, head), Is.EqualTo((UnreadCounts.CountedMax, true)));
        Assert.That(counts.Of(Bob, ShardBench.Room, 5, head), Is.EqualTo((UnreadCounts.CountedMax, false)));
        Assert.That(counts.Of(Bob, ShardBench.Room, head, head), Is.EqualTo((0, false)));
        Assert.That(counts.Of(Alice, ShardBench.Room, 100, head), Is.EqualTo((0, false)), "one's own are never unread");
    }

    [Test]
    public void WhatIsUsedStaysInTheCacheAndTheRestGoes()
    {
        RecentCache<int, int> cache = new(1024);
        for (int i = 0; i < 100_000; i++)
        {
            cache.Set(i, i);
            Assert.That(cache.TryGet(0, out _), Is.True);
            Assert.That(cache.Count, Is.LessThan(3 * 1024));
        }

        Assert.That(cache.TryGet(99_999, out int last) ? last : 0, Is.EqualTo(99_999));
        Assert.That(cache.TryGet(50_000, out _), Is.False);
    }

    private static int Expected(List<StoredRecord> records, ulong read)
    {
        HashSet<ulong> deleted = [.. records.Where(record => record.Kind == MessageKind.Delete).Select(record => DeleteBody.TryRead(Convert.FromHexString(record.BodyHex), out DeleteBody body) ? body.Target : 0)];
        return records.Count(record => record.Sequence > read && MessageKinds.IsMessage(record.Kind) && record.Sender != Bob && !deleted.Contains(record.Sequence));
    }

    private (ErrorCode Error, int Count, ReadCursor Cursor) Move(UserId user, ulong read = 0, ulong delivered = 0, bool isPrivate = false)
    {
        _bench.Apply(CommandKind.MoveCursor, ShardBench.ActorOf(user), new MoveCursorCommand(ShardBench.Room, 0, delivered, read, isPrivate).ToBytes());
        CommandResult result = _bench.Turn.Results[^1].Result;
        return (result.Error, result.Count, ReadCursor.Parse(result.Existing));
    }

    private void Text(UserId user) => Publish(user, MessageKind.Text, "x"u8.ToArray());

    private void Publish(UserId user, MessageKind kind, byte[] body) => _bench.Apply(CommandKind.Publish, ShardBench.ActorOf(user), ShardBench.PublishBody(ShardBench.Room, ++_id, body, kind));
}
