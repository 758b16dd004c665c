using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Broker.Sessions;

/// <summary>
/// A signed-in connection as routing sees it: who it is, where answers go, and how many publishes of it are under way. Shards hold it by
/// <see cref="PeerAddress"/> inside commands, which is a number and not a reference, so that commands stay bytes.
/// </summary>
internal sealed class Peer
{
    private int _inFlight;
    private bool _isReadPaused;
    private bool _isInvisible;
    private long _holdsUntil;
    private ulong _shardsLow;
    private ScramExchange? _challenge;

    public Peer(Actor actor, string name, Outbox outbox)
    {
        Actor = actor;
        Name = name;
        Outbox = outbox;
    }

    /// <summary>Who it is.</summary>
    public Actor Actor { get; }

    /// <summary>The user's name as registered.</summary>
    public string Name { get; }

    /// <summary>Where its frames wait.</summary>
    public Outbox Outbox { get; }

    /// <summary>Where it comes from, without the port.</summary>
    public string Remote { get; init; } = string.Empty;

    /// <summary>What a proof on its connection can be bound to.</summary>
    public IReadOnlyList<ChannelBinding> Bindings { get; init; } = [];

    /// <summary>The session that it carries; none before it is attached.</summary>
    public SessionId Session { get; set; }

    /// <summary>Until when its sign-in holds, µs since 1970-01-01 UTC; 0 = until it is ended. Written by the handshake and by Reauthenticate, read by the timer.</summary>
    public long HoldsUntilMicros
    {
        get => Volatile.Read(ref _holdsUntil);
        set => Volatile.Write(ref _holdsUntil, value);
    }

    /// <summary>True when the client wants Signal and Presence frames.</summary>
    public bool TakesSignals { get; init; }

    /// <summary>True while the user is invisible: then nobody is told that they type. Written by presence, read by the read loop; a moment late does no harm.</summary>
    public bool IsInvisible
    {
        get => Volatile.Read(ref _isInvisible);
        set => Volatile.Write(ref _isInvisible, value);
    }

    /// <summary>Where commands answer to; set once, by the table.</summary>
    public PeerAddress Address { get; set; }

    /// <summary>Raised when the read loop, which paused because of a limit, may look again.</summary>
    public AsyncSignal ReadGate { get; } = new();

    /// <summary>True while the read loop waits at the gate. It sets this before it looks at the limits for the last time.</summary>
    public bool IsReadPaused
    {
        get => Volatile.Read(ref _isReadPaused);
        set => Volatile.Write(ref _isReadPaused, value);
    }

    /// <summary>Publishes that are posted and not answered.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>What its user's connections spend from, together; one of its own where nobody counts.</summary>
    public UserAllowance Allowance
    {
        get => field ??= new UserAllowance(Actor.User);
        init;
    }

    /// <summary>
    /// The request number of the first publish that was refused for the time being; 0: none. Nothing behind it is taken before it comes again: it would overtake it (protocol.md §7.4). Read loop.
    /// </summary>
    public uint RefusedFrom;

    /// <summary>What it was refused with, and so is everything behind it. Read loop.</summary>
    public (ErrorCode Code, string Reason, uint RetryAfterMs) RefusedWith;

    /// <summary>Subscriptions asked for and not ended: a bound, counted by the read loop.</summary>
    public int Subscriptions;

    /// <summary>Fetches that are not answered yet.</summary>
    public int Fetches;

    /// <summary>Control requests that are not answered yet.</summary>
    public int Controls;

    /// <summary>Takes the challenge that was not answered yet, if there is one, and leaves another in its place: a connection has one at a time, for one proof. Any thread.</summary>
    public ScramExchange? TakeChallenge(ScramExchange? next = null) => Interlocked.Exchange(ref _challenge, next);

    /// <summary>Counts a publish in. Read loop.</summary>
    public void BeginPublish() => Interlocked.Increment(ref _inFlight);

    /// <summary>Counts a publish out. Shard loop, when its answer is in the outbox.</summary>
    public void EndPublish() => Interlocked.Decrement(ref _inFlight);

    /// <summary>Notes that a shard may hold something of this peer (shards above 63 share marks). Read loop.</summary>
    public void TouchShard(int shard) => _shardsLow |= 1ul << (shard & 63);

    /// <summary>True when the shard may hold something of this peer. Read loop, after its last frame.</summary>
    public bool HasTouchedShard(int shard) => (_shardsLow & (1ul << (shard & 63))) != 0;
}

/// <summary>Where a command's answer goes: a slot of the <see cref="PeerTable"/> and the slot's generation, so that a late answer never reaches the next owner of the slot.</summary>
/// <param name="Slot">Index in the table.</param>
/// <param name="Generation">Generation of the slot, from 1; 0 = nobody.</param>
internal readonly record struct PeerAddress(int Slot, uint Generation)
{
    /// <summary>Nobody: the answer is dropped.</summary>
    public static PeerAddress None => default;
}

/// <summary>
/// The peers by address. Lookups are lock-free and come from shard loops for every answer; adding and removing happens once per
/// connection. The size bounds the signed-in connections.
/// </summary>
internal sealed class PeerTable
{
    private readonly Entry[] _entries;
    private readonly System.Collections.Concurrent.ConcurrentStack<int> _free = new();
    private int _count;

    public PeerTable(int capacity)
    {
        _entries = new Entry[capacity];
        for (int slot = capacity - 1; slot >= 0; slot--)
        {
            _free.Push(slot);
        }
    }

    /// <summary>Peers in the table.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Gives the peer an address. False when the table is full.</summary>
    public bool TryAdd(Peer peer)
    {
        if (!_free.TryPop(out int slot))
        {
            return false;
        }

        ref Entry entry = ref _entries[slot];
        uint generation = entry.Generation + 1 == 0 ? 1 : entry.Generation + 1;
        peer.Address = new PeerAddress(slot, generation);
        entry.Generation = generation;
        Volatile.Write(ref entry.Peer, peer);
        Interlocked.Increment(ref _count);
        return true;
    }

    /// <summary>Takes the peer's address back.</summary>
    public void Remove(Peer peer)
    {
        ref Entry entry = ref _entries[peer.Address.Slot];
        if (Interlocked.CompareExchange(ref entry.Peer, null, peer) == peer)
        {
            Interlocked.Decrement(ref _count);
            _free.Push(peer.Address.Slot);
        }
    }

    /// <summary>The peer at an address; null when it has left.</summary>
    public Peer? Find(PeerAddress address)
    {
        if (address.Generation == 0)
        {
            return null;
        }

        // The peer knows its own address, so a slot that was reused meanwhile cannot be mistaken for the old owner.
        Peer? peer = Volatile.Read(ref _entries[address.Slot].Peer);
        return peer is not null && peer.Address == address ? peer : null;
    }

    /// <summary>All peers present now; a snapshot.</summary>
    public IEnumerable<Peer> All()
    {
        foreach (Entry entry in _entries)
        {
            if (entry.Peer is { } peer)
            {
                yield return peer;
            }
        }
    }

    private struct Entry
    {
        public uint Generation;
        public Peer? Peer;
    }
}
