using FastChat.Broker.Sessions;
using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Sessions across reconnects, and the addresses of connections.</summary>
internal sealed class SessionTests
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private FakeTimeProvider _clock = null!;
    private SessionRegistry _sessions = null!;
    private ulong _nextSession;

    [SetUp]
    public void MakeRegistry()
    {
        _clock = new FakeTimeProvider();
        _sessions = new SessionRegistry(_clock, Lifetime);
        _nextSession = 1;
    }

    [Test]
    public void AClientTakesItsSessionUpAgain()
    {
        FakeConnection first = new();
        Session session = Attach(default, ShardBench.Alice, 1, first, out bool resumed)!;
        Assert.That(resumed, Is.False);
        _sessions.Detach(session, first);
        Assert.That(Attach(session.Id, ShardBench.Alice, 1, new FakeConnection(), out resumed), Is.SameAs(session));
        Assert.That(resumed, Is.True);
        Assert.That(first.ClosedWith, Is.Null, "it had left by itself");
        Assert.That(_sessions.Count, Is.EqualTo(1));
    }

    [Test]
    public void ATakeoverClosesTheOldConnectionAndSurvivesItsLateDetach()
    {
        FakeConnection old = new();
        FakeConnection fresh = new();
        Session session = Attach(default, ShardBench.Alice, 1, old, out _)!;
        Attach(session.Id, ShardBench.Alice, 1, fresh, out _);
        Assert.That(old.ClosedWith, Is.EqualTo(CloseCode.SessionReplaced));
        _sessions.Detach(session, old);
        _clock.Advance(2 * Lifetime);
        _sessions.Sweep();
        Assert.That(session.Connection, Is.SameAs(fresh));
        Assert.That(_sessions.Count, Is.EqualTo(1));
    }

    [TestCase(false, 1)]
    [TestCase(true, 2)]
    public void SomebodyElsesSessionIsNotTakenUp(bool sameUser, int device)
    {
        FakeConnection owner = new();
        Session session = Attach(default, ShardBench.Alice, 1, owner, out _)!;
        Session other = Attach(session.Id, sameUser ? ShardBench.Alice : ShardBench.Bob, (ulong)device, new FakeConnection(), out bool resumed)!;
        Assert.That(resumed, Is.False);
        Assert.That(other.Id, Is.Not.EqualTo(session.Id));
        Assert.That(owner.ClosedWith, Is.Null);
    }

    [Test]
    public void ADetachedSessionEndsAfterItsTimeAndNotBefore()
    {
        FakeConnection connection = new();
        Session session = Attach(default, ShardBench.Alice, 1, connection, out _)!;
        _clock.Advance(10 * Lifetime);
        _sessions.Sweep();
        Assert.That(_sessions.Count, Is.EqualTo(1), "attached sessions do not age");
        _sessions.Detach(session, connection);
        _clock.Advance(Lifetime - TimeSpan.FromSeconds(1));
        _sessions.Sweep();
        Assert.That(_sessions.Count, Is.EqualTo(1));
        _clock.Advance(TimeSpan.FromSeconds(1));
        _sessions.Sweep();
        Assert.That(_sessions.Count, Is.Zero);
        Attach(session.Id, ShardBench.Alice, 1, new FakeConnection(), out bool resumed);
        Assert.That(resumed, Is.False);
    }

    [Test]
    public void ComingBackStartsTheTimeAnew()
    {
        FakeConnection first = new();
        FakeConnection second = new();
        Session session = Attach(default, ShardBench.Alice, 1, first, out _)!;
        _sessions.Detach(session, first);
        _clock.Advance(Lifetime / 2);
        Attach(session.Id, ShardBench.Alice, 1, second, out _);
        _sessions.Detach(session, second);
        _clock.Advance(Lifetime / 2);
        _sessions.Sweep();
        Assert.That(_sessions.Count, Is.EqualTo(1), "the first absence does not count");
        _clock.Advance(Lifetime / 2);
        _sessions.Sweep();
        Assert.That(_sessions.Count, Is.Zero);
    }

    [Test]
    public void AUserHasBoundedSessionsAndTheOldestDetachedGivesWay()
    {
        List<(Session Session, FakeConnection Connection)> all = [];
        for (int i = 0; i < SessionRegistry.SessionsPerUserMax; i++)
        {
            FakeConnection connection = new();
            all.Add((Attach(default, ShardBench.Alice, 1, connection, out _)!, connection));
        }

        Assert.That(Attach(default, ShardBench.Alice, 1, new FakeConnection(), out _), Is.Null, "all are in use");
        Assert.That(Attach(default, ShardBench.Bob, 1, new FakeConnection(), out _), Is.Not.Null, "the bound is per user");
        _sessions.Detach(all[5].Session, all[5].Connection);
        _clock.Advance(TimeSpan.FromSeconds(1));
        _sessions.Detach(all[3].Session, all[3].Connection);
        Assert.That(Attach(default, ShardBench.Alice, 1, new FakeConnection(), out _), Is.Not.Null);
        Attach(all[3].Session.Id, ShardBench.Alice, 1, new FakeConnection(), out bool resumed);
        Assert.That(resumed, Is.True, "the one that left later is still there");
    }

    [Test]
    public void EveryOpenConnectionOfTheUserIsTold()
    {
        FakeConnection[] connections = [new(), new(), new(), new()];
        Attach(default, ShardBench.Alice, 1, connections[0], out _);
        Attach(default, ShardBench.Alice, 2, connections[1], out _);
        Session gone = Attach(default, ShardBench.Alice, 3, connections[2], out _)!;
        Attach(default, ShardBench.Bob, 1, connections[3], out _);
        _sessions.Detach(gone, connections[2]);
        _sessions.Tell(ShardBench.Alice, [1]);
        Assert.That(connections.Select(connection => connection.Sent), Is.EqualTo(new[] { 1, 1, 0, 0 }));
    }

    [Test]
    public void AnAddressIsNeverTheNextOwners()
    {
        PeerTable table = new(1);
        Peer first = MakePeer();
        Peer second = MakePeer();
        Assert.That(table.TryAdd(first), Is.True);
        Assert.That(table.TryAdd(second), Is.False, "full");
        PeerAddress old = first.Address;
        Assert.That(table.Find(old), Is.SameAs(first));
        table.Remove(first);
        table.Remove(first);
        Assert.That(table.Count, Is.Zero, "removing twice counts once");
        Assert.That(table.Find(old), Is.Null);
        Assert.That(table.TryAdd(second), Is.True);
        Assert.That(second.Address.Slot, Is.EqualTo(old.Slot));
        Assert.That(table.Find(old), Is.Null, "a late answer to the first must not reach the second");
        Assert.That(table.Find(second.Address), Is.SameAs(second));
        Assert.That(table.Find(PeerAddress.None), Is.Null);
        Assert.That(table.All(), Is.EqualTo(new[] { second }));
    }

    [Test]
    public void AHelloThatComesLateDoesNotTakeTheSessionFromALaterOne()
    {
        FakeConnection first = new();
        FakeConnection late = new();
        FakeConnection later = new();
        Session session = Attach(default, ShardBench.Alice, 1, first, out _, attempt: 1)!;
        Assert.That(Attach(session.Id, ShardBench.Alice, 1, later, out bool resumed, attempt: 3), Is.SameAs(session));
        Assert.That((resumed, first.ClosedWith), Is.EqualTo((true, (CloseCode?)CloseCode.SessionReplaced)));

        Assert.That(Attach(session.Id, ShardBench.Alice, 1, late, out _, attempt: 2), Is.Null, "given up by its client and read late");
        Assert.That((session.Connection, later.ClosedWith), Is.EqualTo(((ISessionConnection?)later, (CloseCode?)null)));

        FakeConnection silent = new();
        Assert.That(Attach(session.Id, ShardBench.Alice, 1, silent, out _), Is.SameAs(session), "a client that does not count");
        Assert.That(later.ClosedWith, Is.EqualTo(CloseCode.SessionReplaced));
    }

    [Test]
    public void AnAddressSurvivesACommand()
    {
        PeerAddress address = new(17_999, uint.MaxValue);
        Routing.CommandHeader header = new(
            Routing.CommandKind.Fetch, ShardBench.ActorOf(ShardBench.Bob, 9, AccountRights.Import), 77, Routing.CommandHeader.ReplyToPeer(address), -5);
        Span<byte> bytes = stackalloc byte[Routing.CommandHeader.Size];
        header.Write(bytes);
        Routing.CommandHeader read = Routing.CommandHeader.Read(bytes);
        Assert.That(read, Is.EqualTo(header));
        Assert.That(read.Peer, Is.EqualTo(address));
    }

    private static Peer MakePeer() => new(ShardBench.ActorOf(ShardBench.Alice), "alice", new Outbox(1, 1000, 0));

    private Session? Attach(SessionId wanted, UserId user, ulong device, FakeConnection connection, out bool resumed, ulong attempt = 0) =>
        _sessions.Attach(wanted, attempt, new SessionId(_nextSession++), user, new DeviceId(device), connection, out resumed, out _);

    private sealed class FakeConnection : ISessionConnection
    {
        public CloseCode? ClosedWith { get; private set; }

        public int Sent { get; private set; }

        public void RequestClose(CloseCode code, string reason) => ClosedWith ??= code;

        public void Send(byte[] frame) => Sent++;
    }
}
