using FastChat.Broker.Diagnostics;
using FastChat.Broker.Presence;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>The room over a real router and an in-memory log, on a clock that the test moves. The test lets it tick, and hands over the changes of members.</summary>
internal sealed class PresenceBench : IDisposable
{
    private readonly BrokerMetrics _metrics = new();
    private ulong _nextSession = 1;

    public PresenceBench(PresenceOptions? options = null)
    {
        Clock.SetUtcNow(new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero));
        Room = new PresenceRoom(options ?? new PresenceOptions(), new PresenceStore(Routing.Log, Routing.Router), Clock, _metrics);
    }

    public FakeTimeProvider Clock { get; } = new();

    public RouterBench Routing { get; } = new(commitHereMax: 64);

    public PresenceRoom Room { get; private set; }

    public long NowMicros => (Clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    public void Dispose()
    {
        Routing.Dispose();
        _metrics.Dispose();
    }

    /// <summary>Forgets everything that is only in memory, as a restart does.</summary>
    public void Restart() => Room = new PresenceRoom(new PresenceOptions(), new PresenceStore(Routing.Log, Routing.Router), Clock, _metrics);

    public PresencePeer Connect(UserId user, Session? session = null, bool takesSignals = true)
    {
        session ??= new Session(new SessionId(_nextSession++), user, new DeviceId(7));
        Peer peer = new(ShardBench.ActorOf(user), "somebody", new Outbox(Routing.Router.LoopCount, 1 << 20, 0)) { TakesSignals = takesSignals };
        Assert.That(Routing.Router.Peers.TryAdd(peer), Is.True);
        Room.Attach(session, peer);
        return new PresencePeer(peer, session);
    }

    public void Leave(PresencePeer peer)
    {
        Room.Detach(peer.Peer);
        Routing.Router.Peers.Remove(peer.Peer);
    }

    public void Pass(double seconds)
    {
        for (double left = seconds; left > 0; left -= 1)
        {
            Clock.Advance(TimeSpan.FromSeconds(Math.Min(left, 1)));
            Room.Tick();
        }
    }

    public Task CreateAsync(ConversationId id, params UserId[] members) => Routing.CreateAsync(id, ConversationKind.Group, members[0], members[1..]);

    public async Task<PresenceSnapshot> WatchAsync(PresencePeer peer, ConversationId id)
    {
        (PresenceLook? look, ErrorCode error) = await Room.WatchAsync(peer.Peer, id);
        Assert.That(error, Is.EqualTo(ErrorCode.None));
        look!.Activate();
        return look.Snapshot;
    }

    public async Task SetAsync(PresencePeer peer, Availability? chosen = null, string? status = null, long until = 0, bool? idle = null)
    {
        (_, ErrorCode error, _) = await Room.SetAsync(peer.Peer, new PresenceChange(chosen, status, until, idle));
        Assert.That(error, Is.EqualTo(ErrorCode.None));
    }

    /// <summary>Changes members and lets the room hear of it, as it does when the lists are durable.</summary>
    public async Task ChangeMembersAsync(ConversationId id, UserId by, MemberRole role, params UserId[] users)
    {
        CommandResult changed = await Routing.ExecuteAsync(CommandKind.ChangeMembers, by, id, new ChangeMembersCommand(id, role, users).ToBytes());
        Assert.That(changed.Count, Is.EqualTo(users.Length));
        foreach (UserId user in users)
        {
            (UserId, ConversationId, bool) change = (user, id, role != MemberRole.None);
            Assert.That(SpinWait.SpinUntil(() => Routing.ListChanges.Contains(change), TestPeer.Patience), Is.True);
            Room.OnMembershipChanged(user, id, role != MemberRole.None);
        }
    }
}

/// <summary>A connection and what presence has sent it.</summary>
internal sealed class PresencePeer(Peer peer, Session session)
{
    public Peer Peer { get; } = peer;

    public Session Session { get; } = session;

    /// <summary>The Presence frames since the last call.</summary>
    public List<ToldFrame> Take()
    {
        List<ToldFrame> told = [];
        while (Peer.Outbox.TryTakeFrame(out byte[]? frame))
        {
            FrameHeader header = FrameHeader.Read(frame);
            Assert.That((header.Type, header.Request, header.Length), Is.EqualTo((FrameType.Presence, 0u, frame.Length - FrameHeader.Size)));
            Assert.That(Protocol.Presence.TryRead(frame.AsSpan(FrameHeader.Size), out Protocol.Presence presence), Is.True);
            List<PresenceEntry> entries = [];
            ReadOnlySpan<byte> rest = presence.Entries;
            while (!rest.IsEmpty && PresenceEntry.TryRead(ref rest, out PresenceEntry? entry))
            {
                entries.Add(entry!);
            }

            told.Add(new ToldFrame(presence.Conversation, presence.Shape, (int)presence.Online, (int)presence.Members, entries, frame.Length));
        }

        return told;
    }
}

/// <summary>A Presence frame, read.</summary>
internal sealed record ToldFrame(ConversationId Conversation, PresenceShape Shape, int Online, int Members, List<PresenceEntry> Entries, int Size);
