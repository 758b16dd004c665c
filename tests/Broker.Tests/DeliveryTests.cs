using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>Subscriptions over the real router: the decision table, the hand-over from log to live, lag, credit, ends.</summary>
[TestFixture(0, false)]
[TestFixture(64, false)]
[TestFixture(64, true)]
[CancelAfter(120_000)]
internal sealed class DeliveryTests(int commitHereMax, bool isSealing)
{
    private static readonly ConversationId Room = ShardBench.Room;

    private MemoryVault? _vault;
    private RouterBench _bench = null!;
    private TestPeer _writer = null!;
    private ulong _nextId;

    [SetUp]
    public Task MakeBench() => MakeBenchAsync(commitHereMax);

    private async Task MakeBenchAsync(int commitsHere)
    {
        _nextId = 0;
        _vault ??= isSealing ? new MemoryVault() : null;
        _bench = new RouterBench(_vault?.NewLog(), commitHereMax: commitsHere);
        _writer = _bench.Connect(ShardBench.Alice);
        await _bench.CreateAsync(Room, ConversationKind.Group, ShardBench.Alice, ShardBench.Bob);
    }

    [TearDown]
    public void End()
    {
        _bench.Dispose();
        _vault?.Dispose();
        _vault = null;
    }

    // protocol.md §6.2. There is no retention yet, so the oldest kept record is 1 and TRUNCATED cannot occur.
    [TestCase(0u, 0ul, 1ul)]
    [TestCase(1u, 0ul, 1ul)]
    [TestCase(0u, 1ul, 2ul)]
    [TestCase(1u, 4ul, 5ul)]
    [TestCase(1u, 5ul, 6ul)]
    [TestCase(1u, ulong.MaxValue, 6ul)]
    [TestCase(0u, ulong.MaxValue, 6ul)]
    public async Task SubscribingResumesBehindThePosition(uint epoch, ulong after, ulong first)
    {
        await PublishAsync(5);
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        SentFrame answer = await reader.AnswerAsync(reader.Subscribe(Room, after, epoch));
        Assert.That(answer.Subscribed, Is.EqualTo(new Subscribed(SubscribeStatus.Resumed, 1, first, 5)));

        await PublishAsync(2);
        await reader.UntilAsync(() => reader.Delivered.LastOrDefault() == 7);
        Assert.That(reader.Delivered, Is.EqualTo(Range(first, 7)));
        Assert.That(reader.Frames[0].Type, Is.EqualTo(FrameType.Subscribed), "before the first Deliver");
    }

    [TestCase(0u, 6ul)]
    [TestCase(1u, ulong.MaxValue - 1)]
    public async Task APositionAheadIsAnErrorAndNoSubscription(uint epoch, ulong after)
    {
        await PublishAsync(5);
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        SentFrame answer = await reader.AnswerAsync(reader.Subscribe(Room, after, epoch));
        Assert.That((answer.Type, answer.Error), Is.EqualTo((FrameType.Error, ErrorCode.PositionAhead)));
        Assert.That((await reader.AnswerAsync(reader.Unsubscribe(Room))).Error, Is.EqualTo(ErrorCode.NotSubscribed));
        Assert.That(reader.Peer.Subscriptions, Is.Zero);
    }

    [TestCase(0ul)]
    [TestCase(3ul)]
    [TestCase(99ul)]
    [TestCase(ulong.MaxValue)]
    public async Task AnotherEpochIsAnsweredWithTheCurrentOneAndNoSubscription(ulong after)
    {
        await PublishAsync(5);
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        SentFrame answer = await reader.AnswerAsync(reader.Subscribe(Room, after, epoch: 7));
        Assert.That(answer.Subscribed, Is.EqualTo(new Subscribed(SubscribeStatus.EpochChanged, 1, 0, 5)));
        Assert.That((await reader.AnswerAsync(reader.Unsubscribe(Room))).Error, Is.EqualTo(ErrorCode.NotSubscribed));
        Assert.That(reader.Peer.Subscriptions, Is.Zero);
    }

    [Test]
    public async Task WhoMayNotReadLearnsNothing()
    {
        TestPeer stranger = _bench.Connect(ShardBench.Carol);
        SentFrame hidden = await stranger.AnswerAsync(stranger.Subscribe(Room, 0));
        SentFrame missing = await stranger.AnswerAsync(stranger.Subscribe(new ConversationId(0xDEAD), 0));
        Assert.That(hidden.Error, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(hidden.Body, Is.EqualTo(missing.Body), "the same words for hidden and missing");
        Assert.That(stranger.Peer.Subscriptions, Is.Zero);
    }

    [Test]
    public async Task ASecondSubscriptionIsRefusedAndTheFirstGoesOn()
    {
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        await reader.AnswerAsync(reader.Subscribe(Room, 0));
        Assert.That((await reader.AnswerAsync(reader.Subscribe(Room, 0))).Error, Is.EqualTo(ErrorCode.AlreadySubscribed));
        await PublishAsync(1);
        await reader.UntilAsync(() => reader.Delivered.Length > 0);
        Assert.That(reader.Delivered, Is.EqualTo(new[] { 1ul }));
        Assert.That(reader.Peer.Subscriptions, Is.EqualTo(1));
    }

    [Test]
    public async Task TheHandOverFromLogToLiveIsContiguousWhileOthersPublish()
    {
        const int Count = 4000;
        await PublishAsync(200);
        TestPeer[] readers = Enumerable.Range(0, 4).Select(_ => _bench.Connect(ShardBench.Bob, budgetBytes: 128 * 1024)).ToArray();
        Task publishing = Task.Run(() => PublishAsync(Count));
        await Task.WhenAll(readers.Select((reader, i) => Task.Run(async () =>
        {
            await reader.AnswerAsync(reader.Subscribe(Room, (ulong)(i * 50)));
            await reader.UntilAsync(() => reader.Frames.LastOrDefault(frame => frame.Type == FrameType.Deliver)?.Sequences[^1] == 200 + Count);
        })));
        await publishing;
        for (int i = 0; i < readers.Length; i++)
        {
            Assert.That(readers[i].Delivered, Is.EqualTo(Range((ulong)(i * 50) + 1, 200 + Count)));
        }
    }

    [Test]
    public async Task OverItsBudgetAReaderLagsPullsAndIsLiveAgain()
    {
        TestPeer reader = _bench.Connect(ShardBench.Bob, budgetBytes: 10_000);
        await reader.AnswerAsync(reader.Subscribe(Room, 0));
        await PublishAsync(60, size: 1000);
        await reader.UntilAsync(() => reader.Of(FrameType.Lag).Any(), pulling: false);
        Assert.That(reader.Orders, Has.Count.EqualTo(1));
        ulong[] live = reader.Delivered;
        Lag lag = reader.Of(FrameType.Lag).Single().Lag;
        Assert.That(lag.Next, Is.EqualTo((ulong)live.Length + 1), "what was delivered live ends where the lag begins");
        Assert.That(_bench.Router.Pulling, Is.EqualTo(1));

        await reader.UntilAsync(() => reader.Delivered.Length == 60 && reader.Orders.TrueForAll(order => order.IsReported));
        Assert.That(SpinWait.SpinUntil(() => _bench.Router.Pulling == 0, TestPeer.Patience), Is.True, "it is live again");
        await PublishAsync(1);
        await reader.UntilAsync(() => reader.Delivered.Length == 61);
        Assert.That(reader.Delivered, Is.EqualTo(Range(1, 61)));
        Assert.That(reader.Of(FrameType.Lag).Count(), Is.EqualTo(1), "one announcement for one lag");
    }

    [Test]
    public async Task WithoutCreditNothingIsDeliveredAndWithItEverythingIs()
    {
        TestPeer reader = _bench.Connect(ShardBench.Bob, window: 500);
        await reader.AnswerAsync(reader.Subscribe(Room, 0));

        // The first one alone uses the credit up: a frame may overdraw it, so all of them in one turn would pass.
        await PublishAsync(1, size: 600);
        await PublishAsync(19, size: 400);
        await reader.UntilAsync(() => reader.Of(FrameType.Lag).Any(), pulling: false);
        reader.Pull();
        Assert.That(reader.Delivered, Is.EqualTo(new[] { 1ul }));

        reader.Peer.Outbox.Grant(1_000_000);
        await reader.UntilAsync(() => reader.Delivered.Length == 20);
        Assert.That(reader.Delivered, Is.EqualTo(Range(1, 20)));
    }

    [Test]
    public async Task AnUnsubscribeThatCrossesTheReportIsAnsweredOnce([Values] bool reportFirst)
    {
        await PublishAsync(3);
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        await reader.AnswerAsync(reader.Subscribe(Room, 0), pulling: false);
        await reader.UntilAsync(() => reader.Orders.Count == 1, pulling: false);
        PullOrder order = reader.Orders[0];
        reader.Pull(report: false);
        uint request = 0;
        if (reportFirst)
        {
            reader.Report(order);
            request = reader.Unsubscribe(Room);
        }
        else
        {
            request = reader.Unsubscribe(Room);
            reader.Report(order);
        }

        await reader.AnswerAsync(request, pulling: false);
        await PublishAsync(3);
        uint probe = reader.Unsubscribe(Room);
        Assert.That((await reader.AnswerAsync(probe)).Error, Is.EqualTo(ErrorCode.NotSubscribed));
        Assert.That(reader.Of(FrameType.Unsubscribed).Count(), Is.EqualTo(1));
        Assert.That(reader.Delivered, Is.EqualTo(Range(1, 3)), "nothing after Unsubscribed");
        Assert.That(reader.Orders, Is.Empty);
        Assert.That(reader.Peer.Subscriptions, Is.Zero);
    }

    [Test]
    public async Task ARemovalEndsALiveSubscriptionBehindItsOwnRecord()
    {
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        await reader.AnswerAsync(reader.Subscribe(Room, 0));
        await PublishAsync(2);
        CommandResult removed = await _bench.RemoveAsync(Room, ShardBench.Alice, ShardBench.Bob);
        await PublishAsync(5);
        await reader.UntilAsync(() => reader.Of(FrameType.Unsubscribed).Any());
        Assert.That(removed.Sequence, Is.EqualTo(3));
        Assert.That(reader.Delivered, Is.EqualTo(Range(1, 3)));
        Assert.That(reader.Of(FrameType.Unsubscribed).Single().Request, Is.Zero);
        Assert.That((await reader.AnswerAsync(reader.Subscribe(Room, 0))).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public async Task ARemovalEndsAPullingSubscriptionBehindItsOwnRecord()
    {
        await PublishAsync(2);
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        await reader.AnswerAsync(reader.Subscribe(Room, 0), pulling: false);
        await _bench.RemoveAsync(Room, ShardBench.Alice, ShardBench.Bob);
        await PublishAsync(5);
        await reader.UntilAsync(() => reader.Of(FrameType.Unsubscribed).Any());
        Assert.That(reader.Delivered, Is.EqualTo(Range(1, 3)));
        Assert.That(reader.Peer.Subscriptions, Is.Zero);
    }

    [Test]
    public async Task AReportThatCrossesTheRemovalDoesNotMakeTheRemovedMemberLive()
    {
        await PublishAsync(2);
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        await reader.AnswerAsync(reader.Subscribe(Room, 0), pulling: false);
        await reader.UntilAsync(() => reader.Orders.Count == 1, pulling: false);
        reader.Pull(report: false);
        await _bench.RemoveAsync(Room, ShardBench.Alice, ShardBench.Bob);
        await PublishAsync(2);
        reader.Report(reader.Orders[0]);
        await reader.UntilAsync(() => reader.Of(FrameType.Unsubscribed).Any() || reader.Delivered.LastOrDefault() > 3);
        await PublishAsync(2);
        reader.Collect();
        Assert.That(reader.Delivered, Is.EqualTo(Range(1, 3)));
        Assert.That(reader.Of(FrameType.Unsubscribed).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task APullNeverReachesBeyondWhatTheShardHasHandedOut()
    {
        // The loop has to go on while the test holds a sync open.
        End();
        await MakeBenchAsync(0);
        // The removal and a later message become durable in one commit. Between the sync and the shard's own turn the log has both, and a write loop that
        // reads freely would send the removed member what follows the removal (P15).
        await PublishAsync(2);
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        await reader.AnswerAsync(reader.Subscribe(Room, 0), pulling: false);
        await reader.UntilAsync(() => reader.Orders.Count == 1, pulling: false);

        using ManualResetEventSlim synced = new();
        using ManualResetEventSlim goOn = new();
        using ManualResetEventSlim held = new();
        using ManualResetEventSlim letGo = new();
        _bench.Log.BeforeSync = () =>
        {
            held.Set();
            letGo.Wait();
        };
        _writer.Publish(Room, 1000, [1]);
        Assert.That(held.Wait(TestPeer.Patience), Is.True);
        _bench.Log.BeforeSync = null;
        _bench.Log.AfterSync = () =>
        {
            if (_bench.Log.ReadHead(Room).Sequence >= 5)
            {
                synced.Set();
                goOn.Wait();
            }
        };

        // Both commands go into the turn that fills while the first publish syncs.
        Task<CommandResult> removing = _bench.RemoveAsync(Room, ShardBench.Alice, ShardBench.Bob);
        _writer.Publish(Room, 1001, [2]);
        Assert.That(SpinWait.SpinUntil(() => _bench.Router.QueuedBytes == 0, TestPeer.Patience), Is.True);
        letGo.Set();
        Assert.That(synced.Wait(TestPeer.Patience), Is.True);
        reader.Pull();
        goOn.Set();
        await removing;
        await reader.UntilAsync(() => reader.Of(FrameType.Unsubscribed).Any());
        Assert.That(reader.Delivered, Is.EqualTo(Range(1, 4)), "the removal is record 4");
    }

    [Test]
    public async Task ADetachedConnectionIsForgotten()
    {
        TestPeer reader = _bench.Connect(ShardBench.Bob);
        await reader.AnswerAsync(reader.Subscribe(Room, 0));
        Assert.That(_bench.Router.Subscriptions, Is.EqualTo(1));
        _bench.Router.Peers.Remove(reader.Peer);
        reader.Post(CommandKind.Detach, Room, []);
        await PublishAsync(1);
        Assert.That(_bench.Router.Subscriptions, Is.Zero);
        reader.Collect();
        Assert.That(reader.Delivered, Is.Empty);
    }

    private static ulong[] Range(ulong first, ulong last) => Enumerable.Range((int)first, (int)(last - first + 1)).Select(i => (ulong)i).ToArray();

    private async Task PublishAsync(int count, int size = 20)
    {
        uint last = 0;
        for (int i = 0; i < count; i++)
        {
            last = _writer.Publish(Room, ++_nextId, new byte[size]);
        }

        await _writer.AnswerAsync(last);
        Assert.That(_writer.Of(FrameType.Error), Is.Empty);
    }
}
