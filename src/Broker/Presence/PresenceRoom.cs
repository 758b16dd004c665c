using FastChat.Broker.Diagnostics;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Presence;

/// <summary>
/// Who is here. A person is here while one of their sessions has a lease; it begins with the sign-in and ends a grace after the session's last connection went, so that a reconnect, of one or of all, is no event at all:
/// it finds its lease and changes a counter. Once in a tick everybody whom something happened to is looked at, and only who looks different from what was told is told anew (<see cref="PresenceBoard"/>, <see cref="PresenceTeller"/>).
/// <para>
/// One lock for the whole room. Nothing in it waits for a disk or a socket, and nothing on the way of a message takes it: sign-in, teardown, control requests, changes of members and the tick do. Any thread.
/// </para>
/// </summary>
internal sealed class PresenceRoom
{
    /// <summary>Changes that a person may make at once; one more for every second.</summary>
    public const int ChangesBurst = 5;

    private readonly Lock _lock = new();
    private readonly Dictionary<UserId, Person> _people = [];
    private readonly Dictionary<SessionId, Lease> _leases = [];
    private readonly Dictionary<PeerAddress, Onlooker> _onlookers = [];
    private readonly Queue<(Lease Lease, long DetachedAt)> _detached = new();
    private readonly SortedSet<(long Micros, UInt128 User)> _expiries = [];
    private readonly List<Person> _dirty = [];
    private readonly PresenceOptions _options;
    private readonly PresenceStore _store;
    private readonly PresenceWriter _writer;
    private readonly PresenceBoard _board;
    private readonly TimeProvider _clock;

    public PresenceRoom(PresenceOptions options, PresenceStore store, TimeProvider clock, BrokerMetrics metrics)
    {
        _options = options;
        _store = store;
        _clock = clock;
        _writer = new PresenceWriter(store, clock, _lock);
        _board = new PresenceBoard(options, store, clock, _lock, new PresenceTeller(options, clock, metrics), new PresencePeople(FindOrAdd, Load, Settle, Forget));
    }

    /// <summary>People who are here, invisible ones included; a snapshot.</summary>
    public int PeopleHere { get; private set; }

    /// <summary>People in memory; a snapshot.</summary>
    public int PeopleInMemory => _people.Count;

    /// <summary>Watches; a snapshot.</summary>
    public int Watches => _board.Count;

    /// <summary>A connection signed in. Pool threads: the first of a person reads the store.</summary>
    public void Attach(Session session, Peer peer)
    {
        PresenceRecord? read = null;
        while (true)
        {
            lock (_lock)
            {
                bool isKnown = _leases.TryGetValue(session.Id, out Lease? lease);
                if (isKnown || read is not null || (_people.TryGetValue(session.User, out Person? known) && known.IsLoaded))
                {
                    lease ??= Begin(session, read);
                    Onlooker onlooker = new(peer, lease, new ByteBudget(_options.ConnectionBytesPerSecond, _clock.GetTimestamp()));
                    lease.Onlookers.Add(onlooker);
                    _onlookers.Add(peer.Address, onlooker);
                    peer.IsInvisible = lease.Person.Record.Chosen == Availability.Invisible;
                    return;
                }
            }

            read = _store.Read(session.User);
        }
    }

    /// <summary>A connection ended: what it watched ends, and its session's lease in a while.</summary>
    public void Detach(Peer peer)
    {
        lock (_lock)
        {
            if (!_onlookers.Remove(peer.Address, out Onlooker? onlooker))
            {
                return;
            }

            _board.EndAll(onlooker);
            Lease lease = onlooker.Lease;
            lease.Onlookers.Remove(onlooker);
            if (lease.Onlookers.Count == 0)
            {
                lease.DetachedAt = _clock.GetTimestamp();
                lease.DetachedMicros = NowMicros();
                _detached.Enqueue((lease, lease.DetachedAt));
            }
        }
    }

    /// <summary>Changes how a person is seen and completes when that is durable; nothing but a look when nothing is to change. Pool threads.</summary>
    /// <returns>What holds now, and why nothing was changed, with the milliseconds after which to ask again.</returns>
    public async Task<(PresenceSetting Setting, ErrorCode Error, uint RetryAfterMs)> SetAsync(Peer peer, PresenceChange change)
    {
        Onlooker? onlooker;
        Person person;
        PresenceRecord wanted;
        while (true)
        {
            Task writing;
            lock (_lock)
            {
                if (!_onlookers.TryGetValue(peer.Address, out onlooker))
                {
                    return (Setting(PresenceRecord.None), ErrorCode.Internal, 0);
                }

                person = onlooker.Lease.Person;
                if (person.Writing is null)
                {
                    wanted = change.ApplyTo(person.Record, NowMicros());
                    bool isIdleChange = change.IsIdle is { } idle && idle != onlooker.Lease.IsIdle;
                    bool isRecordChange = wanted != person.Record;
                    if ((isIdleChange || isRecordChange) && !TryCount(person, out uint retryAfterMs))
                    {
                        return (Setting(person.Record), ErrorCode.RateLimited, retryAfterMs);
                    }

                    if (isIdleChange)
                    {
                        onlooker.Lease.IsIdle = change.IsIdle!.Value;
                        MarkDirty(person);
                    }

                    if (!isRecordChange)
                    {
                        return (Setting(person.Record), ErrorCode.None, 0);
                    }

                    PresenceWriter.Begin(person);
                    break;
                }

                writing = person.Writing.Task;
            }

            await writing;
        }

        return await WriteAsync(person, wanted);
    }

    /// <summary>Begins to watch a conversation, or takes a new look at one that is watched. The watch tells nothing before <see cref="PresenceLook.Activate"/>. Pool threads.</summary>
    public async Task<(PresenceLook? Look, ErrorCode Error)> WatchAsync(Peer peer, ConversationId conversation)
    {
        ErrorCode denied = _store.Authorize(peer.Actor, conversation);
        if (denied != ErrorCode.None)
        {
            return (null, denied);
        }

        Onlooker? onlooker;
        lock (_lock)
        {
            if (!_onlookers.TryGetValue(peer.Address, out onlooker))
            {
                return (null, ErrorCode.Internal);
            }
        }

        return await _board.WatchAsync(onlooker, conversation, () => _onlookers.ContainsKey(peer.Address));
    }

    /// <summary>Ends a watch; false when there is none.</summary>
    public bool Unwatch(Peer peer, ConversationId conversation)
    {
        lock (_lock)
        {
            return _onlookers.TryGetValue(peer.Address, out Onlooker? onlooker) && _board.TryEnd(onlooker, conversation);
        }
    }

    /// <summary>A membership changed, durably. Pool threads.</summary>
    public void OnMembershipChanged(UserId user, ConversationId conversation, bool added) => _board.OnMembershipChanged(user, conversation, added);

    /// <summary>Once in a tick: ends leases, looks at whom something happened to, tells, and writes what is owed. One thread at a time.</summary>
    public void Tick()
    {
        lock (_lock)
        {
            long now = _clock.GetTimestamp();
            EndLeases(now);
            EndStatuses();
            foreach (Person person in _dirty)
            {
                Settle(person);
                Forget(person);
            }

            _dirty.Clear();
            _board.Tell(now);
        }

        _ = _writer.WriteOwedAsync(Forget, isLast: false);
    }

    /// <summary>Stores that everybody who is here was seen now. At the end, while the shards still run.</summary>
    public Task SaveAsync()
    {
        lock (_lock)
        {
            long micros = NowMicros();
            foreach (Person person in _people.Values.Where(static person => person.Leases.Count > 0).OrderBy(static person => person.User.Value))
            {
                See(person, micros);
            }
        }

        return _writer.WriteOwedAsync(Forget, isLast: true);
    }

    private async Task<(PresenceSetting Setting, ErrorCode Error, uint RetryAfterMs)> WriteAsync(Person person, PresenceRecord wanted)
    {
        CommandResult result = new(ErrorCode.Internal);
        try
        {
            result = await _store.WriteAsync(_store.ShardOf(person.User), [(person.User, wanted)]);
        }
        finally
        {
            lock (_lock)
            {
                if (result.Error == ErrorCode.None)
                {
                    // A lease may have ended meanwhile: of two last-seen times the later one is true.
                    person.Record = wanted with { LastSeenMicros = Math.Max(wanted.LastSeenMicros, person.Record.LastSeenMicros) };
                    foreach (Onlooker own in person.Leases.SelectMany(static lease => lease.Onlookers))
                    {
                        own.Peer.IsInvisible = wanted.Chosen == Availability.Invisible;
                    }

                    MarkDirty(person);
                }

                PresenceWriter.End(person, result.Error == ErrorCode.None ? wanted : null);
                Forget(person);
            }
        }

        return (Setting(result.Error == ErrorCode.None ? wanted : person.Record), result.Error, 0);
    }

    private long NowMicros() => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static PresenceSetting Setting(PresenceRecord record) => new(record.Chosen, record.Status, record.StatusUntilMicros);

    private Lease Begin(Session session, PresenceRecord? read)
    {
        Person person = FindOrAdd(session.User);
        Load(person, read);
        PeopleHere += person.Leases.Count == 0 ? 1 : 0;
        Lease lease = new(session.Id, person);
        person.Leases.Add(lease);
        _leases.Add(session.Id, lease);
        MarkDirty(person);
        return lease;
    }

    private void EndLeases(long now)
    {
        while (_detached.TryPeek(out (Lease Lease, long DetachedAt) oldest) && _clock.GetElapsedTime(oldest.DetachedAt, now) >= _options.Grace)
        {
            _detached.Dequeue();
            Lease lease = oldest.Lease;
            if (lease.Onlookers.Count > 0 || lease.DetachedAt != oldest.DetachedAt || !_leases.Remove(lease.Session))
            {
                continue;
            }

            Person person = lease.Person;
            person.Leases.Remove(lease);
            MarkDirty(person);
            if (person.Leases.Count == 0)
            {
                PeopleHere--;
                See(person, lease.DetachedMicros);
            }
        }
    }

    /// <summary>The person was last seen then, unless nobody could see them.</summary>
    private void See(Person person, long micros)
    {
        if (person.Record.Chosen != Availability.Invisible && micros > person.Record.LastSeenMicros)
        {
            person.Record = person.Record with { LastSeenMicros = micros };
            _writer.Owe(person);
        }
    }

    private void EndStatuses()
    {
        long nowMicros = NowMicros();
        while (_expiries.Count > 0 && _expiries.Min.Micros <= nowMicros)
        {
            (long Micros, UInt128 User) first = _expiries.Min;
            _expiries.Remove(first);
            if (_people.TryGetValue(new UserId(first.User), out Person? person))
            {
                person.ExpiryNoted = 0;
                MarkDirty(person);
            }
        }
    }

    private void MarkDirty(Person person)
    {
        if (!person.IsDirty)
        {
            person.IsDirty = true;
            _dirty.Add(person);
        }
    }

    /// <summary>Looks at a person, and passes on what is different from what was told.</summary>
    private void Settle(Person person)
    {
        if (!person.IsDirty)
        {
            return;
        }

        person.IsDirty = false;
        long nowMicros = NowMicros();
        PresenceView own = person.OwnNow(nowMicros);
        PresenceView others = PresenceView.OfOthers(own, person.Record);
        PresenceView told = person.Public;
        bool isOwnNew = own != person.Own;
        person.Own = own;
        person.Public = others;
        NoteExpiry(person, nowMicros);
        if (others != told || isOwnNew)
        {
            PresenceBoard.OnChanged(_board, person, told, isForOthers: others != told);
        }
    }

    private void NoteExpiry(Person person, long nowMicros)
    {
        long until = person.Leases.Count > 0 && person.Record.StatusUntilMicros > nowMicros ? person.Record.StatusUntilMicros : 0;
        if (person.ExpiryNoted == until)
        {
            return;
        }

        _expiries.Remove((person.ExpiryNoted, person.User.Value));
        person.ExpiryNoted = until;
        if (until != 0)
        {
            _expiries.Add((until, person.User.Value));
        }
    }

    private bool TryCount(Person person, out uint retryAfterMs)
    {
        long now = _clock.GetTimestamp();
        double gained = person.ChangesCountedAt == 0 ? 0 : _clock.GetElapsedTime(person.ChangesCountedAt, now).TotalSeconds;
        person.ChangesLeft = Math.Min(ChangesBurst, person.ChangesLeft + gained);
        person.ChangesCountedAt = now;
        bool isAllowed = person.ChangesLeft >= 1;
        retryAfterMs = isAllowed ? 0 : (uint)Math.Ceiling((1 - person.ChangesLeft) * 1000);
        person.ChangesLeft -= isAllowed ? 1 : 0;
        return isAllowed;
    }

    private Person FindOrAdd(UserId user)
    {
        if (!_people.TryGetValue(user, out Person? person))
        {
            _people.Add(user, person = new Person(user));
        }

        return person;
    }

    /// <summary>Gives a person the record that was read, unless they have a newer one.</summary>
    private void Load(Person person, PresenceRecord? read)
    {
        if (!person.IsLoaded && read is not null)
        {
            person.IsLoaded = true;
            person.Record = read;
            person.StoredSeenMicros = read.LastSeenMicros;
            if (person.Leases.Count == 0)
            {
                // Nobody was told anything of who was not in memory: this is how they look, and no change.
                person.Own = person.Public = person.OwnNow(NowMicros());
            }
        }
    }

    private void Forget(Person person)
    {
        // By identity: one that was forgotten may stand in a list while a new one has its place.
        if (person.IsForgettable && _people.TryGetValue(person.User, out Person? current) && current == person)
        {
            _people.Remove(person.User);
        }
    }
}

/// <summary>What somebody wants to change of how they are seen; null leaves a thing as it is.</summary>
/// <param name="Chosen">The availability.</param>
/// <param name="Status">The line; empty takes it away.</param>
/// <param name="StatusUntilMicros">When the line goes; only with a line.</param>
/// <param name="IsIdle">Whether this session's device is idle. It is not stored.</param>
internal sealed record PresenceChange(Availability? Chosen, string? Status, long StatusUntilMicros, bool? IsIdle)
{
    /// <summary>The record with the change.</summary>
    public PresenceRecord ApplyTo(PresenceRecord record, long nowMicros)
    {
        bool hides = Chosen == Availability.Invisible && record.Chosen != Availability.Invisible;
        return record with
        {
            Chosen = Chosen ?? record.Chosen,
            Status = Status ?? record.Status,
            StatusUntilMicros = Status is null ? record.StatusUntilMicros : Status.Length == 0 ? 0 : StatusUntilMicros,

            // Whoever hides looks as if they left now, and that does not move while they are hidden.
            LastSeenMicros = hides ? nowMicros : record.LastSeenMicros,
        };
    }
}

/// <summary>What the board needs of the people. Under the room's lock.</summary>
internal sealed record PresencePeople(Func<UserId, Person> FindOrAdd, Action<Person, PresenceRecord?> Load, Action<Person> Settle, Action<Person> Forget);
