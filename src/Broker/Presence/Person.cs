using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Presence;

/// <summary>
/// A person whom presence has in memory: somebody who is here, or a member of a watched conversation. <see cref="PresenceRoom"/> owns it and its lock guards it. It is forgotten when there is no lease, no
/// watched conversation and nothing to be written.
/// </summary>
internal sealed class Person(UserId user)
{
    /// <summary>Who.</summary>
    public UserId User { get; } = user;

    /// <summary>What is stored, and what is about to be.</summary>
    public PresenceRecord Record { get; set; } = PresenceRecord.None;

    /// <summary>False while <see cref="Record"/> was not read: of members of large conversations nobody asks for it.</summary>
    public bool IsLoaded { get; set; }

    /// <summary>The leases of the person's sessions. Here = at least one.</summary>
    public List<Lease> Leases { get; } = [];

    /// <summary>The watched conversations that the person is a member of.</summary>
    public List<WatchedConversation> Watched { get; } = [];

    /// <summary>True while it waits for the next tick to look at it.</summary>
    public bool IsDirty { get; set; }

    /// <summary>As others were last told.</summary>
    public PresenceView Public { get; set; } = PresenceView.Unknown;

    /// <summary>As the person's own devices were last told.</summary>
    public PresenceView Own { get; set; } = PresenceView.Unknown;

    /// <summary>The write under way; the next one waits for it. One of them at a time, whatever happens meanwhile.</summary>
    public TaskCompletionSource? Writing { get; set; }

    /// <summary>True when <see cref="Record"/> holds a last-seen time that is not stored yet.</summary>
    public bool OwesWrite { get; set; }

    /// <summary>The last-seen time that is stored: the next one is stored when it is a minute later.</summary>
    public long StoredSeenMicros { get; set; }

    /// <summary>Changes by the person that are still allowed, and when that was so.</summary>
    public double ChangesLeft { get; set; } = PresenceRoom.ChangesBurst;

    /// <inheritdoc cref="ChangesLeft"/>
    public long ChangesCountedAt { get; set; }

    /// <summary>The expiry that is noted in the room's list; 0 = none.</summary>
    public long ExpiryNoted { get; set; }

    /// <summary>True when nobody needs it in memory.</summary>
    public bool IsForgettable => Leases.Count == 0 && Watched.Count == 0 && !OwesWrite && Writing is null && !IsDirty;

    /// <summary>How it is now, for the person's own devices.</summary>
    public PresenceView OwnNow(long nowMicros) => PresenceView.OfOwn(Record, Leases.Count > 0, Leases.TrueForAll(static lease => lease.IsIdle), nowMicros);
}

/// <summary>What makes a person be here: a session, from its sign-in until a while after its last connection went. Guarded like its person.</summary>
internal sealed class Lease(SessionId session, Person person)
{
    /// <summary>Whose session.</summary>
    public SessionId Session { get; } = session;

    /// <summary>The person.</summary>
    public Person Person { get; } = person;

    /// <summary>Connections of the session: one, and for a moment two while one takes over from the other.</summary>
    public List<Onlooker> Onlookers { get; } = new(capacity: 1);

    /// <summary>True when the device says that nobody is at it.</summary>
    public bool IsIdle { get; set; }

    /// <summary>When the last connection went, a timestamp of the room's clock; meaningless while there is one.</summary>
    public long DetachedAt { get; set; }

    /// <summary>The same moment, µs since 1970-01-01 UTC.</summary>
    public long DetachedMicros { get; set; }
}

/// <summary>A connection as presence knows it: whose it is and what it watches. Guarded like its person.</summary>
internal sealed class Onlooker(Peer peer, Lease lease, ByteBudget budget)
{
    /// <summary>The connection.</summary>
    public Peer Peer { get; } = peer;

    /// <summary>Its session's lease.</summary>
    public Lease Lease { get; } = lease;

    /// <summary>Bytes of Presence frames that it may still be sent. A field: the budget changes in place.</summary>
    public ByteBudget Budget = budget;

    /// <summary>What it watches, in the order in which it began; at most <see cref="ProtocolLimits.PresenceWatchesMax"/>.</summary>
    public List<Watch> Watches { get; } = [];

    /// <summary>Watches that are being begun: they count, for requests of one connection run beside one another.</summary>
    public int Beginning { get; set; }
}
