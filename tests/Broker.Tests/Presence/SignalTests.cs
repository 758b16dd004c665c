using FastChat.Broker.Handlers;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>Typing: relayed to who is subscribed and wants it, and dropped wherever it would cost.</summary>
internal sealed class SignalTests
{
    private static readonly ConversationId Room = ShardBench.Room;

    private RouterBench _bench = null!;

    [SetUp]
    public async Task MakeBench()
    {
        _bench = new RouterBench(commitHereMax: 64);
        await _bench.CreateAsync(Room, ConversationKind.Group, ShardBench.Alice, ShardBench.Bob);
    }

    [TearDown]
    public void End() => _bench.Dispose();

    [TestCase(SignalKind.Typing, SignalRelay.TimeToLiveMs)]
    [TestCase(SignalKind.Recording, SignalRelay.TimeToLiveMs)]
    [TestCase(SignalKind.Stopped, 0u)]
    public async Task ItReachesOtherSubscribersAndNobodyElse(SignalKind kind, uint timeToLive)
    {
        TestPeer alice = await SubscriberAsync(ShardBench.Alice);
        TestPeer own = await SubscriberAsync(ShardBench.Alice);
        TestPeer bob = await SubscriberAsync(ShardBench.Bob);
        TestPeer background = await SubscriberAsync(ShardBench.Bob, takesSignals: false);
        TestPeer elsewhere = _bench.ConnectForSignals(ShardBench.Bob);
        Type(alice, kind);
        await SettleAsync(bob);
        SentFrame frame = bob.Of(FrameType.Signal).Single();
        Assert.That(RelayedSignal.TryRead(frame.Body, out RelayedSignal signal), Is.True);
        Assert.That(signal, Is.EqualTo(new RelayedSignal(Room, ShardBench.Alice, kind, timeToLive)));
        Assert.That(frame.Request, Is.Zero);
        foreach (TestPeer other in new[] { alice, own, background, elsewhere })
        {
            other.Collect();
            Assert.That(other.Of(FrameType.Signal), Is.Empty);
        }
    }

    [Test]
    public async Task WhoMayNotPublishThereIsNotHeard()
    {
        TestPeer bob = await SubscriberAsync(ShardBench.Bob);
        Type(_bench.Connect(ShardBench.Carol));
        await SettleAsync(bob);
        Assert.That(bob.Of(FrameType.Signal), Is.Empty);
    }

    [Test]
    public async Task ItIsTheFirstToGoWhenAnOutboxFills()
    {
        TestPeer alice = await SubscriberAsync(ShardBench.Alice);
        TestPeer bob = _bench.ConnectForSignals(ShardBench.Bob, budgetBytes: 4096);
        bob.Subscribe(Room, 0);
        await bob.UntilAsync(() => bob.Of(FrameType.Subscribed).Any());
        alice.Publish(Room, 1, new byte[1500]);
        await alice.UntilAsync(() => alice.Of(FrameType.Published).Any());
        Type(alice);
        await SettleAsync(alice);
        bob.Collect();
        Assert.That((bob.Of(FrameType.Deliver).Count(), bob.Of(FrameType.Signal).Count()), Is.EqualTo((1, 0)), "the message is there, the signal is not");
    }

    [Test]
    public async Task AConversationHasSoManyASecond()
    {
        TestPeer alice = await SubscriberAsync(ShardBench.Alice);
        TestPeer bob = await SubscriberAsync(ShardBench.Bob);
        for (int i = 0; i < 100; i++)
        {
            Type(alice);
        }

        await SettleAsync(bob);
        Assert.That(bob.Of(FrameType.Signal).Count(), Is.EqualTo(SignalRelay.PerSecondMax));
        Type(alice, timeMicros: 2_000_000);
        await SettleAsync(bob);
        Assert.That(bob.Of(FrameType.Signal).Count(), Is.EqualTo(SignalRelay.PerSecondMax + 1));
    }

    [Test]
    public async Task ACrowdIsNotTold()
    {
        ShardBench bench = new();
        bench.Create(Room, ConversationKind.Group, null, ShardBench.Alice, false);
        bench.Commit();
        Turn turn = new(1);
        Assert.That(bench.Shard.AuthorizePublish(Room, new CommandHeader(CommandKind.Signal, ShardBench.ActorOf(ShardBench.Alice), 0, 0, 1), turn, null, out ConversationState? conversation), Is.EqualTo(ErrorCode.None));
        Peer peer = new(ShardBench.ActorOf(ShardBench.Bob), "bob", new Outbox(1, 1 << 20, 0)) { TakesSignals = true };
        SignalRelay relay = new(0, bench.Shard, new DirtyOutboxes(0));
        byte[] body = Body(SignalKind.Typing);
        for (int i = 0; i < SignalRelay.SubscriptionsMax; i++)
        {
            conversation!.Subscriptions.Add(new Subscription((uint)i + 1, peer, conversation, 1));
        }

        CommandHeader command = new(CommandKind.Signal, ShardBench.ActorOf(ShardBench.Alice), 0, 0, 1);
        Assert.That(relay.Relay(command, body, turn, null), Is.EqualTo((SignalRelay.SubscriptionsMax, 0)));
        conversation!.Subscriptions.Add(new Subscription(9999, peer, conversation, 1));
        Assert.That(relay.Relay(command, body, turn, null), Is.EqualTo((0, 1)));
        await Task.CompletedTask;
    }

    [Test]
    public async Task RelayingAllocatesNothing()
    {
        ShardBench bench = new();
        bench.Create(Room, ConversationKind.Group, null, ShardBench.Alice, false);
        bench.Commit();
        Turn turn = new(1);
        bench.Shard.AuthorizePublish(Room, new CommandHeader(CommandKind.Signal, ShardBench.ActorOf(ShardBench.Alice), 0, 0, 1), turn, null, out ConversationState? conversation);
        Outbox outbox = new(1, 64 << 20, 0);
        Peer peer = new(ShardBench.ActorOf(ShardBench.Bob), "bob", outbox) { TakesSignals = true };
        conversation!.Subscriptions.Add(new Subscription(1, peer, conversation, 1));
        DirtyOutboxes dirty = new(0);
        SignalRelay relay = new(0, bench.Shard, dirty);
        byte[] body = Body(SignalKind.Typing);
        System.Buffers.ArrayBufferWriter<byte> sink = new(1 << 20);
        Assert.That(Run(2000), Is.EqualTo(2000), "the lane's buffers have grown");
        long before = GC.GetAllocatedBytesForCurrentThread();
        int relayed = Run(1000);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(relayed, Is.EqualTo(1000));
        Assert.That(allocated, Is.LessThan(1024), "for a thousand signals");
        await Task.CompletedTask;

        int Run(int count)
        {
            int sent = 0;
            for (int i = 0; i < count; i++)
            {
                sent += relay.Relay(new CommandHeader(CommandKind.Signal, ShardBench.ActorOf(ShardBench.Alice), 0, 0, i * 1_000_000L), body, turn, null).Relayed;
                outbox.LaneOf(0)!.Drain(sink);
                sink.ResetWrittenCount();
            }

            return sent;
        }
    }

    [Test]
    public void AConnectionSignalsOnceASecondInEachOfEightConversations()
    {
        SignalGate gate = new();
        Assert.That(Pass(1, SignalKind.Typing, 0), Is.True);
        Assert.That(Pass(1, SignalKind.Typing, 999_999), Is.False);
        Assert.That(Pass(1, SignalKind.Recording, 999_999), Is.False);
        Assert.That(Pass(1, SignalKind.Stopped, 500_000), Is.True);
        Assert.That(Pass(1, SignalKind.Stopped, 500_001), Is.False, "it has stopped");
        Assert.That(Pass(1, SignalKind.Typing, 600_000), Is.False, "stopping is no way around the second");
        Assert.That(Pass(1, SignalKind.Typing, 1_000_000), Is.True);
        Assert.That(Pass(2, SignalKind.Stopped, 1_000_000), Is.False, "it never began");
        for (ulong i = 2; i <= 8; i++)
        {
            Assert.That(Pass(i, SignalKind.Typing, 1_000_000), Is.True);
        }

        Assert.That(Pass(9, SignalKind.Typing, 1_500_000), Is.False, "more than a person types in");
        Assert.That(Pass(9, SignalKind.Typing, 2_000_000), Is.True);
        Assert.That(Pass(9, SignalKind.Typing, 0), Is.True, "a clock that was set back does not silence anybody");

        bool Pass(ulong conversation, SignalKind kind, long at) => gate.TryPass(new Signal(new ConversationId(conversation), kind), at + 10_000_000);
    }

    private static byte[] Body(SignalKind kind)
    {
        byte[] body = new byte[Signal.Size];
        new Signal(Room, kind).Write(body);
        return body;
    }

    private void Type(TestPeer sender, SignalKind kind = SignalKind.Typing, long timeMicros = 1)
    {
        CommandHeader header = new(CommandKind.Signal, sender.Peer.Actor, 0, CommandHeader.ReplyToPeer(sender.Peer.Address), timeMicros);
        Assert.That(_bench.Router.TryPost(_bench.Router.Map.ShardOf(Room.Value), header, Body(kind)), Is.True);
    }

    private async Task<TestPeer> SubscriberAsync(UserId user, bool takesSignals = true)
    {
        TestPeer peer = takesSignals ? _bench.ConnectForSignals(user) : _bench.Connect(user);
        await peer.AnswerAsync(peer.Subscribe(Room, ulong.MaxValue));
        return peer;
    }

    /// <summary>Everything posted before has been done: the same ring answers.</summary>
    private async Task SettleAsync(TestPeer peer)
    {
        TestPeer asker = _bench.Connect(ShardBench.Carol);
        await asker.AnswerAsync(asker.Unsubscribe(Room));
        peer.Collect();
    }
}
