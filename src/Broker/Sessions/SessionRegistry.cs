using System.Collections.Concurrent;

using FastChat.Protocol;

namespace FastChat.Broker.Sessions;

/// <summary>A logical client that survives reconnects. It holds no subscriptions: those are the client's positions (protocol.md §6).</summary>
internal sealed class Session(SessionId id, UserId user, DeviceId device)
{
    private readonly Lock _attaching = new();
    private ISessionConnection? _connection;
    private ulong _attempt;

    /// <summary>The session's id.</summary>
    public SessionId Id { get; } = id;

    /// <summary>Whose it is.</summary>
    public UserId User { get; } = user;

    /// <summary>The device it belongs to.</summary>
    public DeviceId Device { get; } = device;

    /// <summary>When it lost its connection, as a timestamp of the registry's clock; meaningless while attached.</summary>
    public long DetachedAt { get; set; }

    /// <summary>The connection it has now.</summary>
    public ISessionConnection? Connection => Volatile.Read(ref _connection);

    /// <summary>Gives it a connection, and gives back the one that it had; false when the client has come with a later attempt already.</summary>
    /// <param name="attempt">Number of the Hello; 0 = it did not say.</param>
    public bool TryAttach(ISessionConnection connection, ulong attempt, out ISessionConnection? replaced)
    {
        // Two Hellos of one client may be signed in at the same time; looking and taking are one step.
        lock (_attaching)
        {
            bool isLate = attempt != 0 && attempt < _attempt;
            _attempt = Math.Max(_attempt, attempt);
            replaced = isLate ? null : Interlocked.Exchange(ref _connection, connection);
            return !isLate;
        }
    }

    /// <summary>Takes the connection away, if it is still this one.</summary>
    public bool Detach(ISessionConnection connection) => Interlocked.CompareExchange(ref _connection, null, connection) == connection;
}

/// <summary>What a session needs of its connection: to end it, and to tell it something.</summary>
internal interface ISessionConnection
{
    /// <summary>Ends the connection with a Close frame. Any thread.</summary>
    void RequestClose(CloseCode code, string reason);

    /// <summary>Sends a ready frame. Any thread.</summary>
    void Send(byte[] frame);
}

/// <summary>
/// The sessions, attached or waiting for their client to come back. Bounded: a user has at most <see cref="SessionsPerUserMax"/> sessions, the oldest
/// detached one gives way; detached sessions end after their time. Any thread.
/// </summary>
internal sealed class SessionRegistry(TimeProvider clock, TimeSpan lifetime)
{
    /// <summary>Sessions of one user, attached ones included.</summary>
    public const int SessionsPerUserMax = 1024;

    private readonly ConcurrentDictionary<SessionId, Session> _sessions = new();
    private readonly ConcurrentDictionary<UserId, ConcurrentDictionary<SessionId, Session>> _byUser = new();
    private readonly ConcurrentQueue<(SessionId Id, long DetachedAt)> _detached = new();

    /// <summary>Sessions, attached or not.</summary>
    public int Count => _sessions.Count;

    /// <summary>
    /// Takes up the session that a client names, if it is that user's and device's, or begins a new one. A connection that the session had
    /// is closed. Null, with the code to close with, when the user has too many sessions, or the client has come with a later attempt already.
    /// </summary>
    public Session? Attach(
        SessionId wanted, ulong attempt, SessionId fresh, UserId user, DeviceId device, ISessionConnection connection, out bool resumed, out CloseCode refused)
    {
        refused = CloseCode.None;
        Session? known = wanted.IsNone ? null : _sessions.GetValueOrDefault(wanted);
        resumed = known is not null && known.User == user && known.Device == device;
        Session session = resumed ? known! : new Session(fresh, user, device);
        ConcurrentDictionary<SessionId, Session> own = _byUser.GetOrAdd(user, static _ => new());
        if (!resumed)
        {
            if (own.Count >= SessionsPerUserMax && !EvictOldest(own))
            {
                refused = CloseCode.TooManyConnections;
                return null;
            }

            _sessions[session.Id] = session;
            own[session.Id] = session;
        }

        if (!session.TryAttach(connection, attempt, out ISessionConnection? replaced))
        {
            refused = CloseCode.SessionReplaced;
            return null;
        }

        replaced?.RequestClose(CloseCode.SessionReplaced, "another connection took up this session");
        return session;
    }

    /// <summary>True when there is such a session; whose it is shows when it is taken up.</summary>
    public bool Knows(SessionId session) => _sessions.ContainsKey(session);

    /// <summary>Notes that a connection ended; its session waits for the client from now on.</summary>
    public void Detach(Session session, ISessionConnection connection)
    {
        if (session.Detach(connection))
        {
            session.DetachedAt = clock.GetTimestamp();
            _detached.Enqueue((session.Id, session.DetachedAt));
        }
    }

    /// <summary>Ends sessions that waited too long. Called from the timer.</summary>
    public void Sweep()
    {
        while (_detached.TryPeek(out (SessionId Id, long DetachedAt) oldest) && clock.GetElapsedTime(oldest.DetachedAt) >= lifetime)
        {
            _detached.TryDequeue(out oldest);
            if (_sessions.TryGetValue(oldest.Id, out Session? session) && session.Connection is null && session.DetachedAt == oldest.DetachedAt)
            {
                Remove(session);
            }
        }
    }

    /// <summary>Sends a frame to every open connection of a user.</summary>
    public void Tell(UserId user, byte[] frame)
    {
        if (_byUser.TryGetValue(user, out ConcurrentDictionary<SessionId, Session>? own))
        {
            // In the order of their ids and not of their hashes, which differ from process to process: a seed is to repeat a run.
            foreach (Session session in own.Values.OrderBy(static session => session.Id.Value))
            {
                session.Connection?.Send(frame);
            }
        }
    }

    /// <summary>
    /// Closes every open connection of a user. Looks at all sessions and not at the user's own list, from which a session that begins at this very moment may be missing (see <see cref="Remove"/>): this is no hint.
    /// </summary>
    public void CloseAllOf(UserId user, CloseCode code, string reason) => CloseAllOf(user, static _ => true, code, reason);

    /// <summary>As above, of those of the user's devices that are meant.</summary>
    public void CloseAllOf(UserId user, Func<DeviceId, bool> isMeant, CloseCode code, string reason)
    {
        foreach (Session session in _sessions.Values.Where(session => session.User == user && isMeant(session.Device)).OrderBy(static session => session.Id.Value))
        {
            session.Connection?.RequestClose(code, reason);
        }
    }

    /// <summary>The devices of a user that have a connection now.</summary>
    public HashSet<DeviceId> OnlineDevicesOf(UserId user) => _byUser.TryGetValue(user, out ConcurrentDictionary<SessionId, Session>? own)
        ? own.Values.Where(static session => session.Connection is not null).Select(static session => session.Device).ToHashSet()
        : [];

    private bool EvictOldest(ConcurrentDictionary<SessionId, Session> own)
    {
        Session? oldest = own.Values.Where(session => session.Connection is null).MinBy(session => session.DetachedAt);
        if (oldest is null)
        {
            return false;
        }

        Remove(oldest);
        return true;
    }

    private void Remove(Session session)
    {
        _sessions.TryRemove(session.Id, out _);
        if (_byUser.TryGetValue(session.User, out ConcurrentDictionary<SessionId, Session>? own))
        {
            own.TryRemove(session.Id, out _);
            if (own.IsEmpty)
            {
                // A session of the same user that begins at this very moment may lose its place here; it loses only Tell's hint.
                _byUser.TryRemove(new KeyValuePair<UserId, ConcurrentDictionary<SessionId, Session>>(session.User, own));
            }
        }
    }
}
