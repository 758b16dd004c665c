using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Publishing in the shard's state machine: sequences, retries, conflicts, chunks, allocation.</summary>
[TestFixture(false)]
[TestFixture(true)]
internal sealed class ShardPublishTests(bool isSealing)
{
    private MemoryVault? _vault;
    private ShardBench _bench = null!;

    [SetUp]
    public void MakeRoom()
    {
        _vault = isSealing ? new MemoryVault() : null;
        _bench = new ShardBench(_vault?.NewLog());
        _bench.Create(ShardBench.Room, ConversationKind.Public, "room", ShardBench.Alice);
        _bench.Commit();
    }

    [TearDown]
    public void RemoveVault() => _vault?.Dispose();

    [Test]
    public void SequencesAreDenseAcrossTurns()
    {
        for (ulong i = 1; i <= 30; i++)
        {
            Assert.That(_bench.Publish(ShardBench.Alice, i, $"m{i}"), Is.EqualTo(ErrorCode.None));
            Assert.That(_bench.LastAnswer.Sequence, Is.EqualTo(i));
            if (i % 7 == 0)
            {
                _bench.Commit();
            }
        }

        _bench.Commit();
        Assert.That(_bench.Read(ShardBench.Room).Select(record => record.Sequence), Is.EqualTo(Enumerable.Range(1, 30).Select(i => (ulong)i)));
    }

    [Test]
    public void NothingIsReadableBeforeTheCommit()
    {
        _bench.Publish(ShardBench.Alice, 1, "m");
        _bench.BeginSync();
        Assert.That(_bench.Read(ShardBench.Room), Is.Empty);
        _bench.EndSync();
        Assert.That(_bench.Read(ShardBench.Room), Has.Count.EqualTo(1));
    }

    [TestCase("same turn")]
    [TestCase("turn that syncs")]
    [TestCase("durable")]
    [TestCase("after a restart")]
    public void ARetryIsAnsweredWithTheFirstPosition(string when)
    {
        _bench.Publish(ShardBench.Alice, 1, "first");
        _bench.Publish(ShardBench.Alice, 2, "second");
        MoveOn(when);

        Assert.That(_bench.Publish(ShardBench.Alice, 1, "first"), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.LastAnswer.Sequence, Is.EqualTo(1));
        Assert.That(_bench.LastAnswer.IsDuplicate, Is.True);

        Assert.That(_bench.Publish(ShardBench.Alice, 3, "third"), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.LastAnswer.Sequence, Is.EqualTo(3), "the retry took no sequence");
        Assert.That(_bench.LastAnswer.IsDuplicate, Is.False);
        Settle();
        Assert.That(_bench.Read(ShardBench.Room), Has.Count.EqualTo(3));
    }

    [TestCase("same turn")]
    [TestCase("turn that syncs")]
    [TestCase("durable")]
    [TestCase("after a restart")]
    public void WhoWasRemovedMeanwhileIsToldThatTheMessageIsThere(string when)
    {
        ConversationId group = new(0x2002);
        Actor alice = ShardBench.ActorOf(ShardBench.Alice);
        _bench.Create(group, ConversationKind.Group, null, ShardBench.Alice);
        _bench.ChangeMembers(alice, group, MemberRole.Member, ShardBench.Bob);
        Assert.That(_bench.Publish(ShardBench.Bob, 1, "last words", to: group), Is.EqualTo(ErrorCode.None));
        ulong sequence = _bench.LastAnswer.Sequence;
        _bench.ChangeMembers(alice, group, MemberRole.None, ShardBench.Bob);
        MoveOn(when);

        Assert.That(_bench.Publish(ShardBench.Bob, 1, "last words", to: group), Is.EqualTo(ErrorCode.None), "the answer was lost, and its retry came behind the removal");
        Assert.That((_bench.LastAnswer.Sequence, _bench.LastAnswer.IsDuplicate), Is.EqualTo((sequence, true)));
        Assert.That(_bench.Publish(ShardBench.Bob, 1, "other words", to: group), Is.EqualTo(ErrorCode.NoSuchConversation), "whoever is no member learns nothing by asking with his old ids");
        Assert.That(_bench.Publish(ShardBench.Bob, 2, "more", to: group), Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public void AnIdThatNamesAnotherMessageIsAConflict(
        [Values("same turn", "turn that syncs", "durable", "after a restart")] string when, [Values("body", "kind", "sender")] string difference)
    {
        Actor importer = ShardBench.ActorOf(ShardBench.Alice, rights: AccountRights.Import);
        Assert.That(
            _bench.Apply(CommandKind.Publish, importer, ShardBench.PublishBody(ShardBench.Room, 1, "text", onBehalfOf: ShardBench.Bob)), Is.EqualTo(ErrorCode.None));
        MoveOn(when);

        byte[] other = ShardBench.PublishBody(
            ShardBench.Room,
            1,
            difference == "body" ? "other" : "text",
            difference == "kind" ? MessageKind.Opaque : MessageKind.Text,
            difference == "sender" ? ShardBench.Carol : ShardBench.Bob);
        Assert.That(_bench.Apply(CommandKind.Publish, importer, other), Is.EqualTo(ErrorCode.IdConflict));
        Settle();
        Assert.That(_bench.Read(ShardBench.Room), Has.Count.EqualTo(1));
    }

    [Test]
    public void DevicesUsersAndConversationsHaveIdsOfTheirOwn()
    {
        ConversationId second = new(0x2002);
        _bench.Create(second, ConversationKind.Public, "second", ShardBench.Alice);
        _bench.Publish(ShardBench.Alice, 1, "x");
        _bench.Publish(ShardBench.Alice, 1, "y", device: 2);
        _bench.Publish(ShardBench.Bob, 1, "z");
        _bench.Publish(ShardBench.Alice, 1, "w", to: second);
        Assert.That(_bench.Turn.Acknowledgements.Select(ack => (ack.Answer.Sequence, ack.Answer.IsDuplicate)), Is.EqualTo(
            new[] { (1ul, false), (2ul, false), (3ul, false), (1ul, false) }));
    }

    [Test]
    public void OnBehalfNeedsTheRightAndStampsBoth()
    {
        byte[] body = ShardBench.PublishBody(ShardBench.Room, 1, "text", onBehalfOf: ShardBench.Bob);
        Assert.That(_bench.Apply(CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice), body), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(
            _bench.Apply(CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice, rights: AccountRights.Operator), body), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(
            _bench.Apply(CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice, rights: AccountRights.Import), body), Is.EqualTo(ErrorCode.None));
        _bench.Commit();
        StoredRecord record = _bench.Read(ShardBench.Room).Single();
        Assert.That((record.Sender, record.Publisher), Is.EqualTo((ShardBench.Bob, ShardBench.Alice)));
    }

    [Test]
    public void ARefusedPublishLeavesNothingBehind()
    {
        Assert.That(_bench.Publish(ShardBench.Alice, 1, "x", to: new ConversationId(0xDEAD)), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_bench.Turn.IsEmpty, Is.True);
    }

    [Test]
    public void ChunksAreCutAtTheLimitInOrder()
    {
        byte[] body = new byte[20_000];
        for (ulong i = 1; i <= 10; i++)
        {
            body[0] = (byte)i;
            _bench.Apply(CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice), ShardBench.PublishBody(ShardBench.Room, i, body));
        }

        Shard.SealOpen(_bench.Turn);
        List<SealedChunk> chunks = _bench.Turn.Chunks;
        Assert.That(chunks.Select(chunk => chunk.Count), Is.EqualTo(new uint[] { 3, 3, 3, 1 }));
        Assert.That(chunks.Select(chunk => chunk.First), Is.EqualTo(new ulong[] { 1, 4, 7, 10 }));
        Assert.That(chunks.Select(chunk => chunk.Length), Is.All.LessThanOrEqualTo(ProtocolLimits.ChunkSizeMax));
        _bench.Commit();
        Assert.That(_bench.Read(ShardBench.Room).Select(record => record.Sequence), Is.EqualTo(Enumerable.Range(1, 10).Select(i => (ulong)i)));
    }

    [Test]
    public void TheLargestBodyIsAChunkOfItsOwn()
    {
        _bench.Publish(ShardBench.Alice, 1, "small");
        _bench.Apply(
            CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice), ShardBench.PublishBody(ShardBench.Room, 2, new byte[ProtocolLimits.BodySizeMax]));
        _bench.Publish(ShardBench.Alice, 3, "small");
        Shard.SealOpen(_bench.Turn);
        Assert.That(_bench.Turn.Chunks.Select(chunk => chunk.Count), Is.EqualTo(new uint[] { 1, 1, 1 }));
    }

    [Test]
    public void AConversationThatWasDroppedFromMemoryGoesOnWhereItWas()
    {
        ShardBench bench = new(conversationsMax: 4);
        for (ulong round = 0; round < 3; round++)
        {
            for (ulong i = 1; i <= 40; i++)
            {
                ConversationId id = new(i);
                bench.Create(id, ConversationKind.Public, null, ShardBench.Alice);
                bench.Publish(ShardBench.Alice, round + 1, $"{round}", to: id);
                Assert.That(bench.LastAnswer.Sequence, Is.EqualTo(round + 1));
                bench.Commit();
            }
        }

        Assert.That(bench.Shard.Conversations.Count, Is.LessThan(40), "the cache is bounded");
    }

    [Test]
    public void PublishingAllocatesNothingInTheSteadyState()
    {
        const int PerTurn = 250;
        byte[] body = ShardBench.PublishBody(ShardBench.Room, 1, new byte[100]);
        NullLog log = new();
        Shard shard = new(0, new ShardMap(1), log, 64);
        using RecordSealer? sealer = _vault?.Vault.CreateSealer();
        Turn turn = new(1, sealer);
        shard.Apply(
            new CommandHeader(CommandKind.CreateConversation, ShardBench.ActorOf(ShardBench.Alice), 0, 0, 0),
            new CreateConversationCommand(ShardBench.Room, new(ConversationKind.Public, ShardBench.Alice, 0, null, null), false, []).ToBytes(),
            turn,
            null);
        CommandHeader header = new(CommandKind.Publish, ShardBench.ActorOf(ShardBench.Alice), 1, 0, 1);
        ulong id = 0;
        Span<byte> encoded = stackalloc byte[Published.Size];
        OutboxLane lane = new();
        System.Buffers.ArrayBufferWriter<byte> sink = new(1 << 20);

        long allocated = 0;
        for (int round = 0; round < 100; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < PerTurn; i++)
            {
                ShardBench.MessageId(++id).Write(body.AsSpan(ChainHash.Size + 16));
                shard.Apply(header, body, turn, null);
            }

            Shard.SealOpen(turn);
            foreach (Acknowledgement acknowledgement in turn.Acknowledgements)
            {
                acknowledgement.Answer.Write(encoded);
                lane.Append(FrameType.Published, acknowledgement.Request, encoded, []);
                lane.Drain(sink);
                sink.ResetWrittenCount();
            }

            turn.Reset();
            if (round >= 20)
            {
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            }
        }

        // A lane's segment objects (not their buffers) are made anew: one for every 16 KiB of acknowledgements, about a tenth of a byte per message.
        Assert.That(allocated / (80.0 * PerTurn), Is.LessThan(0.25), $"{allocated} bytes for {80 * PerTurn} messages");
    }

    private void MoveOn(string when)
    {
        if (when == "turn that syncs")
        {
            _bench.BeginSync();
        }
        else if (when != "same turn")
        {
            _bench.Commit();
            if (when == "after a restart")
            {
                _bench.Restart();
            }
        }
    }

    private void Settle()
    {
        if (_bench.Syncing is not null)
        {
            _bench.EndSync();
        }

        _bench.Commit();
    }
}
