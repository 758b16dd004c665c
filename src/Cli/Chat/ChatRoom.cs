using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// A conversation on the screen, or one thread of it: what is loaded, how far it is read, and which part of it is in view. No network and no clock; the loop of the chat owns it.
/// </summary>
internal sealed class ChatRoom
{
    private const int NamesMax = 2000;
    private const int ReadersShownMax = 3;

    private readonly RoomView _view;
    private readonly Dictionary<UserId, ulong> _readBy = [];
    private readonly Dictionary<string, UserId> _names = new(StringComparer.OrdinalIgnoreCase);
    private ulong? _newBehind;
    private ChatEntry? _firstNew;

    /// <summary>Makes an empty room.</summary>
    public ChatRoom(ConversationId conversation, string name)
    {
        Conversation = conversation;
        Name = name;
        _view = new RoomView(Entries);
    }

    /// <summary>The conversation.</summary>
    public ConversationId Conversation { get; }

    /// <summary>The first message of the thread that this room shows; 0 = it shows the conversation.</summary>
    public ulong Thread { get; init; }

    /// <summary>What people call it; harmless.</summary>
    public string Name { get; }

    /// <summary>What it is about; harmless, one line.</summary>
    public string Topic { get; set; } = string.Empty;

    /// <summary>What it is.</summary>
    public ConversationKind Kind { get; init; }

    /// <summary>The other one of a direct conversation; none in others.</summary>
    public UserId Peer { get; init; }

    /// <summary>The user's role.</summary>
    public MemberRole Role { get; set; }

    /// <summary>True when the broker keeps how far the user has read here.</summary>
    public bool IsMember => MemberRoles.IsMember(Role);

    /// <summary>What is loaded.</summary>
    public RoomEntries Entries { get; } = new();

    /// <summary>How far it is read.</summary>
    public RoomReading Reading { get; } = new();

    /// <summary>The names of members and of those who wrote, for mentions and for the Tab key; bounded.</summary>
    public IReadOnlyDictionary<string, UserId> Names => _names;

    /// <summary>True when the reader has left the newest messages; new ones do not move what they read.</summary>
    public bool IsScrolled => _view.IsScrolled;

    /// <summary>The message that commands are about; null = none is picked.</summary>
    public ChatEntry? Picked => _view.Picked;

    /// <summary>The newest record that has been on the screen.</summary>
    public ulong SeenUpTo => _view.SeenUpTo;

    /// <summary>Adds a page of older entries, ascending, and marks what of it was not read.</summary>
    public void AddOlder(IReadOnlyList<ChatEntry> page, ulong first, ulong last, bool isComplete)
    {
        foreach (ChatEntry entry in page)
        {
            Admit(entry);
        }

        Entries.AddOlder(page, first, last, isComplete);
        foreach (ChatEntry entry in page)
        {
            Reading.OnEntry(entry);
        }

        FindFirstNew();
    }

    /// <summary>Somebody belongs here, or has written.</summary>
    public void Meet(string name, UserId user)
    {
        if (!user.IsNone && _names.Count < NamesMax)
        {
            _names[name] = user;
        }
    }

    /// <summary>Takes the next record of the log. A thread takes what is of it and leaves the rest.</summary>
    /// <param name="item">The record.</param>
    /// <param name="isSeen">The room is on the screen and somebody looks at it.</param>
    public void Take(ChatItem item, bool isSeen)
    {
        if (item.Change is { } change)
        {
            if (Entries.Apply(change) && change.Kind is ChangeKind.Delete or ChangeKind.Expire && Entries.Find(change.Target) is { } gone)
            {
                Reading.OnDeleted(gone);
                _view.Unpick(gone);
            }
        }
        else if (item.Entry is { } entry && (Thread == 0 || entry.Context.Thread == Thread))
        {
            AddNewer(Thread == 0 ? entry : entry.Copy(), isSeen);
        }

        if (Thread == 0)
        {
            Entries.MoveEnd(item.Sequence);
            Topic = item.Topic ?? Topic;
        }
    }

    /// <summary>Adds a message that was sent from here; the view returns to the end, and what was new no longer is.</summary>
    public void AddPending(ChatEntry entry)
    {
        Admit(entry);
        Entries.AddPending(entry);
        _view.ScrollToEnd();
        (_newBehind, _firstNew) = (null, null);
    }

    /// <summary>The message is durable; it stays where it is until it comes back in its place of the log.</summary>
    public void Acknowledge(ClientMessageId id) => Entries.FindPending(id)?.Become(EntryState.Confirmed);

    /// <summary>The message was refused.</summary>
    public void Fail(ClientMessageId id)
    {
        if (Entries.FindPending(id) is { } entry)
        {
            Entries.Fail(entry);
        }
    }

    /// <summary>Says something to the reader, in this room only.</summary>
    public void AddRemark(ChatEntry remark) => Entries.AddRemark(remark);

    /// <summary>The room comes to the screen: from what was unread on, a line stands above it until the next time.</summary>
    public void Enter()
    {
        _view.ScrollToEnd();
        _newBehind = Reading.Unread > 0 ? Reading.Read : null;
        FindFirstNew();
    }

    /// <summary>The log is another one from here on: what is above stays to be read, and nothing of it is unread.</summary>
    public void Restart(ulong head)
    {
        Entries.Restart(head);
        Reading.Begin(head, unread: 0, hasMore: false, mentions: 0, head);
    }

    /// <summary>The user has read up to here; false when that was so already.</summary>
    public bool Read(ulong upTo) => Reading.OnRead(upTo, Entries);

    /// <summary>Another member has read up to here, as far as they let others know.</summary>
    public void NoteReader(UserId user, ulong read)
    {
        if (_readBy.Count < NamesMax || _readBy.ContainsKey(user))
        {
            _readBy[user] = Math.Max(read, _readBy.GetValueOrDefault(user));
        }
    }

    /// <summary>Who has seen the last message, when it is the user's own, in words; empty when it is not, or nobody has.</summary>
    public string SeenLine()
    {
        if (Thread != 0 || Entries.Count > Entries.PlacedCount || Newest(static _ => true) is not { IsOwn: true } last)
        {
            return string.Empty;
        }

        IEnumerable<string> all = _names.Where(one => _readBy.GetValueOrDefault(one.Value) >= last.Sequence).Select(static one => one.Key);
        string[] readers = [.. all.Order(StringComparer.OrdinalIgnoreCase).Take(ReadersShownMax + 1)];
        return readers.Length switch
        {
            0 => string.Empty,
            _ when Kind == ConversationKind.Direct => "seen",
            > ReadersShownMax => $"seen by {_readBy.Count(one => one.Value >= last.Sequence)} people",
            _ => $"seen by {string.Join(", ", readers)}",
        };
    }

    /// <summary>Moves the view by rows, up for positive numbers.</summary>
    public void Scroll(int rows) => _view.Scroll(rows);

    /// <summary>Back to the newest message; nothing is picked any more.</summary>
    public void ScrollToEnd() => _view.ScrollToEnd();

    /// <summary>Brings the first message that was not seen into view; false when there is none, or it is not loaded.</summary>
    public bool ScrollToNew() => _firstNew is not null && _view.Pick(_firstNew);

    /// <summary>Picks the message above (−1) or below (1) the picked one.</summary>
    public void PickNext(int step) => _view.PickNext(step);

    /// <summary>Picks a message; false when it is not loaded, or not one that commands can be about.</summary>
    public bool Pick(ulong sequence) => Entries.Find(sequence) is { } entry && _view.Pick(entry);

    /// <summary>Picks nothing.</summary>
    public void Unpick() => _view.Unpick();

    /// <summary>The newest message that a command can be about, of which <paramref name="isWanted"/> is true; null when none is loaded.</summary>
    public ChatEntry? Newest(Func<ChatEntry, bool> isWanted)
    {
        for (int i = Entries.PlacedCount - 1; i >= 0; i--)
        {
            ChatEntry entry = Entries[i];
            if (entry.IsMessage && entry.Sequence != 0 && !entry.Marks.IsDeleted && isWanted(entry))
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>The rows that are visible. Says whether older entries should be loaded, because the top of what is loaded is in sight.</summary>
    public List<StyledRow> View(int columns, int height, out bool wantsOlder)
    {
        List<StyledRow> rows = _view.Compose(columns, height, _firstNew, out bool isTopInSight);
        wantsOlder = isTopInSight && Thread == 0 && !Entries.IsComplete && !Entries.IsLoading && !Entries.IsFull && Entries.Oldest > 1;
        return rows;
    }

    private void AddNewer(ChatEntry entry, bool isSeen)
    {
        bool isFirst = Reading.Unread == 0;
        Admit(entry);
        if (!Entries.Add(entry))
        {
            return;
        }

        Reading.OnEntry(entry);
        if (!isSeen && isFirst && Reading.Unread > 0)
        {
            _newBehind = Reading.Read;
            _firstNew = entry;
        }

        Entries.Trim(isLookedAt: IsScrolled || Picked is not null);
    }

    private void Admit(ChatEntry entry)
    {
        Meet(entry.Sender, entry.Context.SenderId);
        if (Thread != 0)
        {
            entry.EnterThread();
        }
    }

    private void FindFirstNew() => _firstNew = _newBehind is { } read ? RoomReading.FirstBehind(read, Entries) : null;
}
