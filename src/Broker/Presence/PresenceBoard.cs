using FastChat.Protocol;

namespace FastChat.Broker.Presence;

/// <summary>
/// The watched conversations: their members, those who look, and the marks of what changed. A conversation comes into memory with its first watch and stays for a grace after the last one, so that a crowd that comes back
/// finds it. <see cref="PresenceRoom"/>'s lock guards everything; members and records are read outside of it.
/// </summary>
internal sealed class PresenceBoard(PresenceOptions options, PresenceStore store, TimeProvider clock, Lock room, PresenceTeller teller, PresencePeople people)
{
    private readonly Dictionary<ConversationId, WatchedConversation> _conversations = [];
    private readonly List<WatchedConversation> _dirty = [];
    private readonly Queue<(WatchedConversation Conversation, long UnwatchedAt)> _unwatched = new();
    private int _memberships;

    /// <summary>Watches; a snapshot.</summary>
    public int Count { get; private set; }

    /// <summary>Begins a watch, or looks anew at one that there is.</summary>
    /// <param name="onlooker">Who looks.</param>
    /// <param name="id">At what; the policy has been asked.</param>
    /// <param name="isConnected">Asked under the lock: the connection may end while the members are being read.</param>
    public async Task<(PresenceLook? Look, ErrorCode Error)> WatchAsync(Onlooker onlooker, ConversationId id, Func<bool> isConnected)
    {
        WatchedConversation? conversation;
        bool isFirst = false;
        lock (room)
        {
            bool isNew = !onlooker.Watches.Exists(watch => watch.Conversation.Id == id);
            if (isNew && onlooker.Watches.Count + onlooker.Beginning >= ProtocolLimits.PresenceWatchesMax)
            {
                return (null, ErrorCode.TooMany);
            }

            onlooker.Beginning++;
            if (!_conversations.TryGetValue(id, out conversation))
            {
                isFirst = true;
                _conversations.Add(id, conversation = new WatchedConversation(id));
            }
        }

        try
        {
            if (isFirst)
            {
                LoadMembers(conversation);
            }

            if (!await conversation.Loaded.Task)
            {
                return (null, ErrorCode.TooMany);
            }
        }
        finally
        {
            lock (room)
            {
                onlooker.Beginning--;
            }
        }

        lock (room)
        {
            // It may have been dropped, or this user been removed, since the members were read; who asks again is told what holds then.
            if (!isConnected() || conversation.Meanwhile is not null || _conversations.GetValueOrDefault(id) != conversation || !conversation.Has(onlooker.Peer.Actor.User))
            {
                return (null, ErrorCode.NoSuchConversation);
            }

            return (Look(onlooker, conversation), ErrorCode.None);
        }
    }

    /// <summary>Ends a watch; false when there is none. Under the lock.</summary>
    public bool TryEnd(Onlooker onlooker, ConversationId id)
    {
        Watch? watch = onlooker.Watches.Find(watch => watch.Conversation.Id == id);
        if (watch is not null)
        {
            End(watch);
        }

        return watch is not null;
    }

    /// <summary>Ends every watch of a connection. Under the lock.</summary>
    public void EndAll(Onlooker onlooker)
    {
        while (onlooker.Watches.Count > 0)
        {
            End(onlooker.Watches[^1]);
        }
    }

    /// <summary>A person looks different. Under the lock.</summary>
    public static void OnChanged(PresenceBoard board, Person person, in PresenceView told, bool isForOthers)
    {
        int online = (person.Public.Availability != Availability.Offline ? 1 : 0) - (told.Availability != Availability.Offline ? 1 : 0);
        foreach (WatchedConversation conversation in person.Watched)
        {
            conversation.Online += online;
            UInt128 mark = conversation.MarkOf(person.User);
            if (isForOthers)
            {
                conversation.Changed |= mark;
            }
            else
            {
                conversation.ChangedForOneself |= mark;
            }

            board.MarkDirty(conversation);
        }
    }

    /// <summary>A membership changed, durably. Not under the lock.</summary>
    public void OnMembershipChanged(UserId user, ConversationId id, bool added)
    {
        lock (room)
        {
            if (!_conversations.TryGetValue(id, out WatchedConversation? loading) || loading.Has(user) == added)
            {
                loading?.Meanwhile?.Add((user, added));
                return;
            }

            if (loading.Meanwhile is { } meanwhile)
            {
                meanwhile.Add((user, added));
                return;
            }
        }

        PresenceRecord? read = added ? store.Read(user) : null;
        lock (room)
        {
            if (_conversations.TryGetValue(id, out WatchedConversation? conversation) && conversation.Meanwhile is null)
            {
                Change(conversation, user, added, read);
            }
        }
    }

    /// <summary>Marks watches with what changed, tells what fits, and drops what nobody looks at any more. Under the lock.</summary>
    public void Tell(long now)
    {
        foreach (WatchedConversation conversation in _dirty)
        {
            Pass(conversation);
        }

        _dirty.Clear();
        teller.Tell(now);
        while (_unwatched.TryPeek(out (WatchedConversation Conversation, long UnwatchedAt) oldest) && clock.GetElapsedTime(oldest.UnwatchedAt, now) >= options.Grace)
        {
            _unwatched.Dequeue();
            if (oldest.Conversation.Watches.Count == 0 && oldest.Conversation.UnwatchedAt == oldest.UnwatchedAt)
            {
                Drop(oldest.Conversation);
            }
        }
    }

    private void LoadMembers(WatchedConversation conversation)
    {
        bool isLoaded = false;
        try
        {
            List<UserId>? members = store.ReadMembers(conversation.Id, ProtocolLimits.PresenceCountedMax);
            PresenceRecord[]? records = members?.Count <= ProtocolLimits.PresenceMembersMax ? members.Select(store.Read).ToArray() : null;
            lock (room)
            {
                isLoaded = members is not null && _memberships + members.Count <= options.WatchedMembershipsMax;
                for (int i = 0; isLoaded && i < members!.Count; i++)
                {
                    Add(conversation, members[i], records?[i]);
                }
            }
        }
        finally
        {
            lock (room)
            {
                List<(UserId User, bool Added)> meanwhile = conversation.Meanwhile!;
                conversation.Meanwhile = null;
                if (isLoaded)
                {
                    meanwhile.ForEach(change => Change(conversation, change.User, change.Added, read: null));
                    NoteUnwatched(conversation);
                }
                else
                {
                    _conversations.Remove(conversation.Id);
                }
            }

            conversation.Loaded.SetResult(isLoaded);
        }
    }

    private PresenceLook Look(Onlooker onlooker, WatchedConversation conversation)
    {
        Watch? known = onlooker.Watches.Find(watch => watch.Conversation == conversation);
        if (known is not null)
        {
            // The new look stands in for everything that the old watch has not told.
            End(known);
        }

        Watch watch = new(onlooker, conversation) { Told = (conversation.Online, conversation.Members) };
        onlooker.Watches.Add(watch);
        conversation.Watches.Add(watch);
        Count++;
        List<PresenceEntry>? entries = null;
        if (!conversation.IsCounted)
        {
            // As they are at this moment and not as of the last tick: a person who has just chosen something sees it.
            foreach ((_, Person person) in conversation.InSlots())
            {
                people.Settle(person);
            }

            // What settling has found is in the snapshot, and goes to the others with the tick.
            entries = conversation.InSlots()
                .Select(slot => slot.Person)
                .OrderBy(static person => person.User.Value)
                .Select(person => (person.User == onlooker.Peer.Actor.User ? person.Own : person.Public).ToEntry(person.User))
                .ToList();
        }

        Pass(conversation);
        watch.Marks = 0;
        watch.Told = (conversation.Online, conversation.Members);
        return new PresenceLook(new PresenceSnapshot((uint)conversation.Online, (uint)conversation.Members, entries), () => Activate(watch));
    }

    private void Activate(Watch watch)
    {
        lock (room)
        {
            watch.IsActive = true;
            teller.Queue(watch);
        }
    }

    /// <summary>Gives every watch the marks that have gathered.</summary>
    private void Pass(WatchedConversation conversation)
    {
        conversation.IsDirty = false;
        foreach (Watch watch in conversation.Watches)
        {
            watch.Marks |= conversation.Changed | (conversation.ChangedForOneself & conversation.MarkOf(watch.Onlooker.Peer.Actor.User));
            teller.Queue(watch);
        }

        conversation.Changed = 0;
        conversation.ChangedForOneself = 0;
    }

    private void Change(WatchedConversation conversation, UserId user, bool added, PresenceRecord? read)
    {
        if (conversation.Has(user) == added)
        {
            return;
        }

        bool wasCounted = conversation.IsCounted;
        if (added)
        {
            Add(conversation, user, read);
            conversation.Changed |= conversation.MarkOf(user);
        }
        else
        {
            Person person = people.FindOrAdd(user);
            conversation.Remove(person);
            people.Forget(person);
            _memberships--;
            foreach (Watch over in conversation.Watches.Where(watch => watch.Onlooker.Peer.Actor.User == user).ToArray())
            {
                teller.TellEnd(over);
                End(over);
            }
        }

        if (conversation.Members > ProtocolLimits.PresenceCountedMax)
        {
            foreach (Watch over in conversation.Watches.ToArray())
            {
                teller.TellEnd(over);
                End(over);
            }
        }
        else if (!added || (conversation.IsCounted && !wasCounted))
        {
            foreach (Watch watch in conversation.Watches)
            {
                watch.IsRestart = true;
                watch.Marks = conversation.IsCounted ? 0 : conversation.AllMarks();
            }
        }

        MarkDirty(conversation);
    }

    private void Add(WatchedConversation conversation, UserId user, PresenceRecord? read)
    {
        Person person = people.FindOrAdd(user);
        people.Load(person, read);
        conversation.Add(person);
        _memberships++;
    }

    private void MarkDirty(WatchedConversation conversation)
    {
        if (!conversation.IsDirty)
        {
            conversation.IsDirty = true;
            _dirty.Add(conversation);
        }
    }

    private void End(Watch watch)
    {
        watch.IsGone = true;
        watch.Onlooker.Watches.Remove(watch);
        watch.Conversation.Watches.Remove(watch);
        Count--;
        if (watch.Conversation.Watches.Count == 0)
        {
            NoteUnwatched(watch.Conversation);
        }
    }

    private void NoteUnwatched(WatchedConversation conversation)
    {
        conversation.UnwatchedAt = clock.GetTimestamp();
        _unwatched.Enqueue((conversation, conversation.UnwatchedAt));
    }

    private void Drop(WatchedConversation conversation)
    {
        // Looked at once only: an older note of the same moment finds it gone.
        if (!_conversations.TryGetValue(conversation.Id, out WatchedConversation? current) || current != conversation)
        {
            return;
        }

        _conversations.Remove(conversation.Id);
        foreach (UserId user in conversation.Users.ToArray())
        {
            Person person = people.FindOrAdd(user);
            conversation.Remove(person);
            people.Forget(person);
            _memberships--;
        }
    }
}

/// <summary>What a watch begins with.</summary>
/// <param name="Snapshot">Who is there.</param>
/// <param name="Activate">To be called when the snapshot stands in the outbox: changes follow it from then on.</param>
internal sealed record PresenceLook(PresenceSnapshot Snapshot, Action Activate);
