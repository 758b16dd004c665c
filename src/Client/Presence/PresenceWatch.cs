using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>
/// One conversation whose people the application watches. The read loop puts in what the broker says, the application's enumerator takes it out; in between lies one merged state, so that a consumer that is slow
/// gets the latest and costs no more than the conversation has members. It outlives connections: each begins with a snapshot.
/// </summary>
internal sealed class PresenceWatch(ConversationId conversation, long number)
{
    private readonly Lock _lock = new();
    private readonly AsyncSignal _signal = new();
    private readonly Dictionary<UserId, int> _placeOf = [];
    private readonly List<PresenceEntry> _entries = [];
    private bool _isActive;
    private bool _isNew;
    private bool _isRestart;
    private bool _isCounted;
    private uint _online;
    private uint _members;
    private SubscriptionEnd? _end;

    /// <summary>Which conversation.</summary>
    public ConversationId Conversation { get; } = conversation;

    /// <summary>Watches of a client are numbered in their order.</summary>
    public long Number { get; } = number;

    /// <summary>True when nothing follows.</summary>
    public bool HasEnded => Volatile.Read(ref _end) is not null;

    /// <summary>The connection ended: what arrives before the next snapshot is not this watch's.</summary>
    public void Suspend()
    {
        lock (_lock)
        {
            _isActive = false;
        }
    }

    /// <summary>The broker's answer: the whole state.</summary>
    public void OnSnapshot(PresenceSnapshot snapshot)
    {
        lock (_lock)
        {
            _isActive = true;
            Restart(snapshot.Entries is null);
            foreach (PresenceEntry entry in snapshot.Entries ?? [])
            {
                Merge(entry);
            }

            Change(snapshot.Online, snapshot.Members);
        }

        _signal.Raise();
    }

    /// <summary>A Presence frame.</summary>
    public void OnPresence(in Protocol.Presence presence)
    {
        if (presence.Shape == PresenceShape.Ended)
        {
            bool isOurs = _isActive;
            if (isOurs)
            {
                End(new SubscriptionEnd(Error: null));
            }

            return;
        }

        lock (_lock)
        {
            if (!_isActive || presence.Shape > PresenceShape.Counts)
            {
                return;
            }

            if (presence.Shape != PresenceShape.Changes)
            {
                Restart(presence.Shape == PresenceShape.Counts);
            }

            ReadOnlySpan<byte> rest = presence.Entries;
            while (!rest.IsEmpty && PresenceEntry.TryRead(ref rest, out PresenceEntry? entry))
            {
                Merge(entry!);
            }

            Change(presence.Online, presence.Members);
        }

        _signal.Raise();
    }

    /// <summary>Nothing follows but what has not been taken. The first end counts.</summary>
    public void End(SubscriptionEnd end)
    {
        Suspend();
        Interlocked.CompareExchange(ref _end, end, null);
        _signal.Raise();
    }

    /// <summary>What is new since the last call; null when the watch has ended normally. Application's side.</summary>
    /// <exception cref="ClientException">The watch ended with an error.</exception>
    public async ValueTask<PresenceUpdate?> TakeAsync(CancellationToken cancellationToken)
    {
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static signal => ((AsyncSignal)signal!).Raise(), _signal);
        await using (registration.ConfigureAwait(Continuation.InContext))
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // The end is read first: it is set behind the last change.
                SubscriptionEnd? end = Volatile.Read(ref _end);
                if (TryTake() is { } update)
                {
                    return update;
                }

                if (end is not null)
                {
                    return end.Error is null ? null : throw end.Error;
                }

                await _signal.WaitAsync().ConfigureAwait(Continuation.InContext);
            }
        }
    }

    private PresenceUpdate? TryTake()
    {
        lock (_lock)
        {
            if (!_isNew)
            {
                return null;
            }

            PresenceUpdate update = new(_isRestart, (int)_online, (int)_members, _isCounted ? null : _entries.ToArray());
            _isNew = false;
            _isRestart = false;
            _entries.Clear();
            _placeOf.Clear();
            return update;
        }
    }

    private void Restart(bool isCounted)
    {
        _isCounted = isCounted;
        _isRestart = true;
        _entries.Clear();
        _placeOf.Clear();
    }

    private void Merge(PresenceEntry entry)
    {
        if (_placeOf.TryGetValue(entry.User, out int place))
        {
            _entries[place] = entry;
            return;
        }

        _placeOf.Add(entry.User, _entries.Count);
        _entries.Add(entry);
    }

    private void Change(uint online, uint members)
    {
        _online = online;
        _members = members;
        _isNew = true;
    }
}
