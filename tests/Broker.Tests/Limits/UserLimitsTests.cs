using FastChat.Broker.Limits;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>How much a user may do: on all connections together, with a time to come again, and remembered for as long as there is something to remember.</summary>
internal sealed class UserLimitsTests
{
    private static readonly Actor Alice = ShardBench.ActorOf(ShardBench.Alice);
    private static readonly Actor Bob = ShardBench.ActorOf(ShardBench.Bob);
    private static readonly ConversationId Room = new(9);

    private readonly FakeTimeProvider _clock = new();
    private UserLimits _limits = null!;

    [SetUp]
    public void Make() => _limits = LimitsOf.With(_clock, new LimitSettings { BurstSeconds = 1, PublishesPerSecond = 100, PublishBytesPerSecond = 100_000, ConversationPublishesPerSecond = 250, RequestsPerSecond = 50 });

    [Test]
    public void AUserHasOneBudgetOnAllConnections()
    {
        Peer first = PeerOf(Alice);
        Peer second = PeerOf(Alice);
        Assert.That(second.Allowance, Is.SameAs(first.Allowance));
        Assert.That(Publish(first, 60), Is.EqualTo(60));
        Assert.That(Publish(second, 60), Is.EqualTo(40));
        Assert.That(_limits.MayPublish(first, Room, 100, _limits.Now, out uint retryAfterMs), Is.False);
        Assert.That(retryAfterMs, Is.EqualTo(251), "a quarter of a second's worth, not one message at a time");
        Assert.That(Publish(PeerOf(Bob), 60), Is.EqualTo(60), "everybody has a budget of their own");
        _clock.Advance(TimeSpan.FromMilliseconds(retryAfterMs));
        Assert.That(Publish(first, 60), Is.EqualTo(25));
    }

    [Test]
    public void BytesCountAsWell()
    {
        Peer alice = PeerOf(Alice);
        Assert.That(Publish(alice, 100, size: 20_000), Is.EqualTo(5));
        Assert.That(Publish(alice, 100, size: 1), Is.Zero);
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        Assert.That(Publish(alice, 100, size: 20_000), Is.EqualTo(2));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(Publish(alice, 200, size: 1), Is.EqualTo(100), "what was refused for its bytes cost no message");
    }

    [Test]
    public void AConversationHasABudgetOfAllItsWriters()
    {
        int taken = 0;
        for (int i = 0; i < 5; i++)
        {
            taken += Publish(PeerOf(ShardBench.ActorOf(new UserId((UInt128)(100 + i)))), 100);
        }

        Assert.That(taken, Is.EqualTo(250));
        Peer last = PeerOf(ShardBench.ActorOf(new UserId(104)));
        Assert.That(Publish(last, 200, new ConversationId(10)), Is.EqualTo(100), "the refused ones were given back, and another conversation has its own");
    }

    [Test]
    public void ProgramsMayDoMoreAndImportersWhatTheyLike()
    {
        Assert.That(Publish(PeerOf(ShardBench.ActorOf(ShardBench.Alice, rights: AccountRights.Service | AccountRights.ServicePublish)), 2000, each: true), Is.EqualTo(1000));
        Assert.That(Publish(PeerOf(ShardBench.ActorOf(ShardBench.Bob, rights: AccountRights.Import)), 3000), Is.EqualTo(3000));
        Assert.That(Publish(PeerOf(ShardBench.ActorOf(ShardBench.Bob, rights: AccountRights.Operator)), 3000), Is.EqualTo(3000));
    }

    [Test]
    public void ARequestCostsWhatItsOperationCosts()
    {
        Peer alice = PeerOf(Alice);
        for (int i = 0; i < 5; i++)
        {
            Assert.That(_limits.MayAsk(alice, FrameType.GetInbox, out _), Is.True);
        }

        Assert.That(_limits.MayAsk(alice, FrameType.MoveCursor, out uint one), Is.False);
        Assert.That(_limits.MayAsk(alice, FrameType.GetInbox, out uint ten), Is.False);
        Assert.That((one, ten), Is.EqualTo((21u, 201u)));
        Assert.That(Enum.GetValues<FrameType>().Where(FrameTypes.IsControlRequest).Select(OperationCosts.Of), Is.All.InRange(1, 100));
    }

    [Test]
    public void SettingsAreReplacedWhileItRuns()
    {
        Peer alice = PeerOf(Alice);
        Assert.That(Publish(alice, 200), Is.EqualTo(100));
        _limits.Settings = _limits.Settings with { IsOn = false };
        Assert.That(Publish(alice, 200), Is.EqualTo(200));
        _limits.Settings = _limits.Settings with { IsOn = true, PublishesPerSecond = 1000 };
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.That(Publish(alice, 200), Is.EqualTo(200));
    }

    [Test]
    public void OtherPeoplesProtectionHoldsWithoutRatesAsWell()
    {
        _limits.Settings = new LimitSettings { IsOn = false };
        Assert.That(_limits.TryTake(Alice, Budget.Names, 1000, out _), Is.True);
        Assert.That(_limits.TryTake(Alice, Budget.Names, 1, out uint retryAfterMs), Is.False);
        Assert.That(retryAfterMs, Is.EqualTo(501));
        Assert.That(_limits.TryTake(Alice, Budget.Own, 1, out _), Is.True, "each thing has its own");
        Actor importer = Alice with { Rights = AccountRights.Import };
        Assert.That(_limits.TryTake(importer, Budget.Names, 100_000, out _), Is.True);
        Assert.That(_limits.TryTake(importer, Budget.Searches, 20, out _) && !_limits.TryTake(importer, Budget.Searches, 1, out _), Is.True, "a search costs whoever asks");
    }

    [Test]
    public void ComingAndGoingHasABudgetThatRefills()
    {
        Assert.That(_limits.TryTake(Alice, Budget.Own, 1000, out _), Is.True);
        Assert.That(_limits.TryTake(Alice, Budget.Own, 1, out uint retryAfterMs), Is.False);
        Assert.That(retryAfterMs, Is.EqualTo(1001));
        _clock.Advance(TimeSpan.FromMilliseconds(retryAfterMs));
        Assert.That(_limits.TryTake(Alice, Budget.Own, 1, out _), Is.True);
        Assert.That(_limits.TryTake(Alice, Budget.Own, 1, out _), Is.False);
    }

    [Test]
    public void WhoComesBackFindsWhatTheyLeftAndWhoIsFullAgainIsForgotten()
    {
        Peer alice = PeerOf(Alice);
        Publish(alice, 100);
        _limits.Leave(alice.Allowance);
        Peer again = PeerOf(Alice);
        Assert.That(Publish(again, 10), Is.Zero, "a new connection is no new budget");
        _limits.Leave(again.Allowance);

        for (int i = 0; i < 5000; i++)
        {
            Peer other = PeerOf(ShardBench.ActorOf(new UserId((UInt128)(1000 + i))));
            Publish(other, 1, new ConversationId((UInt128)(i + 1) << 64));
            _limits.Leave(other.Allowance);
        }

        Assert.That(_limits.Remembered, Is.EqualTo(5001));
        _clock.Advance(TimeSpan.FromSeconds(2));
        for (int i = 0; i < 2600; i++)
        {
            Peer other = PeerOf(Bob);
            _limits.Leave(other.Allowance);
        }

        Assert.That(_limits.Remembered, Is.LessThanOrEqualTo(1), "two are looked at in each call");
    }

    [Test]
    public void MoreThanMayBeRememberedAreNot()
    {
        for (int i = 0; i < UserAllowances.RememberedMax + 5000; i++)
        {
            _limits.TryTake(ShardBench.ActorOf(new UserId((UInt128)(1000 + i))), Budget.Made, 100, out _);
        }

        Assert.That(_limits.Remembered, Is.LessThanOrEqualTo(UserAllowances.RememberedMax + 2));
    }

    [Test]
    public void ConnectionsOfAUserHaveAnEnd()
    {
        _limits.Settings = _limits.Settings with { ConnectionsPerUserMax = 2 };
        Peer first = PeerOf(Alice);
        PeerOf(Alice);
        Assert.That(_limits.Enter(Alice.User), Is.Null);
        _limits.Leave(first.Allowance);
        Assert.That(_limits.Enter(Alice.User), Is.Not.Null);
    }

    [Test]
    public void ManyComingAndGoingAtOnceAreCountedRight()
    {
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < 3000; i++)
            {
                UserAllowance allowance = _limits.Enter(Alice.User)!;
                _limits.Leave(allowance);
            }
        });
        UserAllowance last = _limits.Enter(Alice.User)!;
        Assert.That((last.Connections, last.IsForgotten), Is.EqualTo((1, false)));
    }

    [Test]
    public void AConnectionThatSendsTooMuchIsMadeToWaitAndNothingIsLost()
    {
        _limits.Settings = _limits.Settings with { ConnectionBytesPerSecond = 100_000 };
        long state = 0;
        Assert.That(_limits.SpendBytes(PeerOf(Alice), ref state, _limits.Now, 100_000), Is.Zero);
        Assert.That(_limits.SpendBytes(PeerOf(Alice), ref state, _limits.Now, 10_000), Is.EqualTo(101));
        _clock.Advance(TimeSpan.FromMilliseconds(101));
        Assert.That(_limits.SpendBytes(PeerOf(Alice), ref state, _limits.Now, 1), Is.InRange(0, 1));
        Assert.That(_limits.SpendBytes(PeerOf(Alice with { Rights = AccountRights.Import }), ref state, _limits.Now, 100_000_000), Is.Zero);
    }

    private Peer PeerOf(in Actor actor) => new(actor, "somebody", new Outbox(1, 1 << 20, 0)) { Allowance = _limits.Enter(actor.User)! };

    /// <summary>Publishes so many and returns how many may pass; <paramref name="each"/>: into another conversation each.</summary>
    private int Publish(Peer peer, int count, ConversationId? room = null, int size = 100, bool each = false)
    {
        int taken = 0;
        for (int i = 0; i < count; i++)
        {
            ConversationId conversation = each ? new ConversationId((UInt128)(i + 1) << 64) : room ?? Room;
            taken += _limits.MayPublish(peer, conversation, size, _limits.Now, out uint retryAfterMs) ? 1 : 0;
            Assert.That(retryAfterMs, Is.LessThan(10_000));
        }

        return taken;
    }
}
