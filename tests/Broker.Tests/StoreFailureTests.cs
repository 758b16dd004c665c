using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>The router when the disk is slow, fails, or the broker starts again; when it has ended; and when it is flooded with what it refuses.</summary>
[CancelAfter(120_000)]
internal sealed class StoreFailureTests
{
    private static readonly ConversationId Room = ShardBench.Room;

    [Test]
    public async Task NothingIsAcknowledgedOrDeliveredBeforeTheSync()
    {
        using RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        await writer.AnswerAsync(writer.Subscribe(Room, 0));
        using ManualResetEventSlim reached = new();
        using ManualResetEventSlim letGo = new();
        bench.Log.BeforeSync = () =>
        {
            reached.Set();
            letGo.Wait();
        };

        uint request = writer.Publish(Room, 1, [1]);
        Assert.That(reached.Wait(TestPeer.Patience), Is.True);

        // The loop is awake and takes commands while the commit hangs: it had every chance to answer too early.
        uint probe = writer.Subscribe(Room, 0);
        Assert.That((await writer.AnswerAsync(probe)).Error, Is.EqualTo(ErrorCode.AlreadySubscribed));
        Assert.That(writer.Of(FrameType.Published), Is.Empty);
        Assert.That(writer.Of(FrameType.Deliver), Is.Empty);
        Assert.That(writer.Peer.InFlight, Is.EqualTo(1));

        letGo.Set();
        Assert.That((await writer.AnswerAsync(request)).Published.Sequence, Is.EqualTo(1));
        await writer.UntilAsync(() => writer.Delivered.Length == 1);
        Assert.That(writer.Peer.InFlight, Is.Zero);
    }

    [Test]
    public async Task WhoComesAfterTheEndIsRefusedAndTouchesNobodyElsesMemory()
    {
        // Rings are large blocks of native memory, and a freed one is soon another router's: a late post into it was read there as a command.
        for (int round = 0; round < 20; round++)
        {
            RouterBench ended = new();
            await ended.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
            TestPeer late = ended.Connect(ShardBench.Alice);
            ended.Dispose();
            using RouterBench next = new();
            await next.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
            TestPeer writer = next.Connect(ShardBench.Alice);
            for (ulong id = 1; id <= 100; id++)
            {
                late.Publish(Room, id, [1]);
                await writer.AnswerAsync(writer.Publish(Room, id, [2]));
            }

            CommandResult result = await ended.RemoveAsync(Room, ShardBench.Alice, ShardBench.Bob);
            Assert.That(result.Error, Is.EqualTo(ErrorCode.StoreUnavailable));
            Assert.That(next.Failures, Is.Empty);
        }
    }

    [Test]
    public async Task ARetryWhileTheFirstSyncsWaitsForIt()
    {
        using RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        using ManualResetEventSlim reached = new();
        using ManualResetEventSlim letGo = new();
        bench.Log.BeforeSync = () =>
        {
            reached.Set();
            letGo.Wait();
        };
        uint first = writer.Publish(Room, 1, [1]);
        Assert.That(reached.Wait(TestPeer.Patience), Is.True);
        uint again = writer.Publish(Room, 1, [1]);
        Assert.That((await writer.AnswerAsync(writer.Subscribe(Room, 0))).Type, Is.EqualTo(FrameType.Subscribed));
        Assert.That(writer.Of(FrameType.Published), Is.Empty, "a duplicate of something not durable is not durable");
        letGo.Set();
        Assert.That((await writer.AnswerAsync(again)).Published, Has.Property(nameof(Published.IsDuplicate)).True.And.Property(nameof(Published.Sequence)).EqualTo(1));
        Assert.That((await writer.AnswerAsync(first)).Published.IsDuplicate, Is.False);
    }

    /// <summary>Found by the simulated world 3003170: the retry had nothing of its own to commit, and was answered as if what it waited for had become durable.</summary>
    [Test]
    public async Task ARetryWhileTheFirstFailsToSyncIsNotAcknowledgedEither()
    {
        using RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        using ManualResetEventSlim reached = new();
        using ManualResetEventSlim letGo = new();
        bench.Log.BeforeSync = () =>
        {
            reached.Set();
            letGo.Wait();
            throw new StorageException("the disk says no");
        };
        writer.Publish(Room, 1, [1]);
        Assert.That(reached.Wait(TestPeer.Patience), Is.True);
        writer.Publish(Room, 1, [1]);

        // An answer behind it in the ring: the retry has been taken.
        Assert.That((await writer.AnswerAsync(writer.Subscribe(Room, 0))).Type, Is.EqualTo(FrameType.Subscribed));
        letGo.Set();
        Assert.That(SpinWait.SpinUntil(() => bench.Router.Failure is not null, TestPeer.Patience), Is.True);
        Assert.That((await writer.AnswerAsync(writer.Subscribe(Room, 0))).Error, Is.EqualTo(ErrorCode.AlreadySubscribed), "the loop goes on, and has looked at its turn again");
        Assert.That(writer.Of(FrameType.Published), Is.Empty);
    }

    [Test]
    public async Task AfterAFailedSyncNothingIsAcknowledged()
    {
        using RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        await writer.AnswerAsync(writer.Subscribe(Room, 0));
        bench.Log.BeforeSync = () => throw new StorageException("the disk says no");

        writer.Publish(Room, 1, [1]);
        CommandResult refused = await bench.ExecuteAsync(
            CommandKind.StateWrite, ShardBench.Alice, Room, new StateWriteCommand([new StateEntry([9, 9], [1])]).ToBytes());
        Assert.That(refused.Error, Is.EqualTo(ErrorCode.StoreUnavailable));
        Assert.That(SpinWait.SpinUntil(() => bench.Router.Failure is not null, TestPeer.Patience), Is.True);
        Assert.That(bench.Failures, Has.Count.EqualTo(1), "told once");

        // The disk "recovers", which proves nothing.
        bench.Log.BeforeSync = null;
        writer.Publish(Room, 2, [2]);
        Assert.That(
            (await bench.ExecuteAsync(CommandKind.StateWrite, ShardBench.Alice, Room, new StateWriteCommand([new StateEntry([9, 9], [1])]).ToBytes())).Error,
            Is.EqualTo(ErrorCode.StoreUnavailable));
        writer.Collect();
        Assert.That(writer.Of(FrameType.Published), Is.Empty);
        Assert.That(writer.Of(FrameType.Deliver), Is.Empty);
    }

    [Test]
    public async Task OwedEffectsAreCarriedAfterARestart()
    {
        // A list entry of another shard is owed and the broker dies before it is carried: written here as the shard writes it.
        UserId far = new(Id128.WithPlacement(7, 3));
        ShardBench before = new(shards: 4);
        before.Create(Room, ConversationKind.Group, null, ShardBench.Alice, false, far);
        before.Commit();
        byte[] entry = ConversationKeys.ListEntry(far, Room);
        Assert.That(before.Log.Get(Table.State, entry), Is.Null);

        using RouterBench bench = new(before.Log.Crash());
        Assert.That(SpinWait.SpinUntil(() => Owed(bench.Log) == 0, TestPeer.Patience), Is.True, "what was carried is forgotten at its source");
        Assert.That(bench.Log.Get(Table.State, entry), Is.EqualTo(new Membership(MemberRole.Member, 0).ToBytes()));
        Assert.That(bench.ListChanges, Is.EquivalentTo(new[] { (ShardBench.Alice, Room, true), (far, Room, true) }));
        await bench.RemoveAsync(Room, ShardBench.Alice, far);
        Assert.That(SpinWait.SpinUntil(() => bench.ListChanges.Count == 3 && Owed(bench.Log) == 0, TestPeer.Patience), Is.True);
        Assert.That(bench.Log.Get(Table.State, entry), Is.Null);
    }

    [Test]
    public async Task AFloodOfRefusedPublishesDoesNotStopTheLoop()
    {
        using RouterBench bench = new(shards: 1, loops: 1);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        uint last = 0;
        for (ulong i = 1; i <= 200; i++)
        {
            // 12 MB, three times what a turn holds, and not one of them changes anything.
            last = writer.Publish(new ConversationId(0xDEAD), i, new byte[60_000]);
        }

        Assert.That((await writer.AnswerAsync(last)).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        Assert.That(writer.Peer.InFlight, Is.Zero);
    }

    [Test]
    public async Task PublishesOfOneConnectionAreAnsweredInOrderThroughAFullRing()
    {
        const int Count = 20_000;
        using RouterBench bench = new(shards: 1, loops: 1, ringBytes: 4096);
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        for (ulong i = 1; i <= Count; i++)
        {
            writer.Publish(Room, i, [1]);
        }

        await writer.UntilAsync(() => writer.Of(FrameType.Published).Count() == Count);
        Assert.That(writer.Of(FrameType.Published).Select(frame => frame.Published.Sequence), Is.EqualTo(Enumerable.Range(1, Count).Select(i => (ulong)i)));
        Assert.That(writer.Of(FrameType.Published).Select(frame => frame.Request), Is.Ordered.Ascending);
    }

    [Test]
    public async Task DisposingCommitsWhatWasPosted()
    {
        RouterBench bench = new();
        await bench.CreateAsync(Room, ConversationKind.Public, ShardBench.Alice);
        TestPeer writer = bench.Connect(ShardBench.Alice);
        for (ulong i = 1; i <= 500; i++)
        {
            writer.Publish(Room, i, [1]);
        }

        bench.Dispose();
        Assert.That(bench.Log.ReadHead(Room).Sequence, Is.EqualTo(500));
    }

    private static int Owed(InMemoryConversationLog log)
    {
        int count = 0;
        log.Scan(Table.State, "o"u8, [], (_, _) =>
        {
            count++;
            return true;
        });
        return count;
    }
}
