using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// A conversation on the screen: what is loaded of its log, in the order of the log, what was sent from here behind it, and how far the reader has scrolled.
/// No network and no clock; the loop of the chat owns it.
/// </summary>
internal sealed class ChatRoom
{
    // Loaded entries that nobody looks at any more are dropped from the top and loaded again on demand.
    private const int EntriesMax = 20_000;

    private readonly List<ChatEntry> _entries = [];
    private readonly List<ChatEntry> _unconfirmed = [];
    private ulong _firstUnread;
    private int _scroll;

    /// <summary>Makes an empty room.</summary>
    public ChatRoom(ConversationId conversation, string name)
    {
        Conversation = conversation;
        Name = name;
    }

    /// <summary>The conversation.</summary>
    public ConversationId Conversation { get; }

    /// <summary>What people call it; harmless.</summary>
    public string Name { get; }

    /// <summary>What it is.</summary>
    public ConversationKind Kind { get; init; }

    /// <summary>The user's role when the room was opened.</summary>
    public MemberRole Role { get; init; }

    /// <summary>Sequence of the oldest entry of the log that is loaded; 0 when none is.</summary>
    public ulong Oldest { get; private set; }

    /// <summary>Sequence of the newest entry of the log; 0 when none is loaded.</summary>
    public ulong Newest { get; private set; }

    /// <summary>True when nothing older exists.</summary>
    public bool IsComplete { get; set; }

    /// <summary>True while a page of older entries is under way.</summary>
    public bool IsLoading { get; set; }

    /// <summary>Messages of others that came while another room was on the screen.</summary>
    public int Unread { get; private set; }

    /// <summary>True when the reader has left the newest messages; new ones do not move what he reads.</summary>
    public bool IsScrolled => _scroll > 0;

    /// <summary>Adds a page of older entries, ascending.</summary>
    public void AddOlder(IReadOnlyList<ChatEntry> page, bool isComplete)
    {
        IsLoading = false;
        IsComplete = isComplete;
        List<ChatEntry> older = [.. page.Where(entry => Oldest == 0 || entry.Sequence < Oldest)];
        if (older.Count == 0)
        {
            return;
        }

        _entries.InsertRange(0, older);
        Oldest = older[0].Sequence;
        Newest = Math.Max(Newest, older[^1].Sequence);
    }

    /// <summary>Adds the next entry of the log. One that was sent from here takes the place of its pending self.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="isShown">The room is on the screen.</param>
    /// <param name="columns">Columns of the screen, so that a scrolled view stays where it is.</param>
    public void AddNewer(ChatEntry entry, bool isShown, int columns)
    {
        if (entry.Sequence <= Newest)
        {
            return;
        }

        Newest = entry.Sequence;
        Oldest = Oldest == 0 ? entry.Sequence : Oldest;
        if (entry.IsOwn)
        {
            _unconfirmed.RemoveAll(other => other.ClientMessageId == entry.ClientMessageId);
        }

        Append(_entries, entry, columns);
        if (!isShown && !entry.IsOwn && entry.Kind != EntryKind.Remark)
        {
            _firstUnread = Unread == 0 ? entry.Sequence : _firstUnread;
            Unread++;
        }

        Trim();
    }

    /// <summary>Adds a message that was sent from here; the view returns to the end.</summary>
    public void AddPending(ChatEntry entry)
    {
        _unconfirmed.Add(entry);
        _scroll = 0;
    }

    /// <summary>The message is durable; it stays where it is until it comes back in its place of the log.</summary>
    public void Acknowledge(ClientMessageId id) => Find(id)?.Become(EntryState.Confirmed);

    /// <summary>The message was refused: it stays where it is in the conversation, and what comes later stands below it.</summary>
    public void Fail(ClientMessageId id, int columns)
    {
        if (Find(id) is { } entry)
        {
            entry.Become(EntryState.Failed);
            _unconfirmed.Remove(entry);
            Append(_entries, entry, columns);
        }
    }

    /// <summary>Says something to the reader, in this room only.</summary>
    public void AddRemark(ChatEntry remark, int columns) => Append(_entries, remark, columns);

    /// <summary>The log is another one from here on: what is above stays to be read, and numbers begin anew behind <paramref name="head"/>.</summary>
    public void Restart(ulong head)
    {
        Newest = head;
        IsComplete = true;
    }

    /// <summary>The room comes to the screen: what was unread is marked, and counts no longer.</summary>
    public void Enter()
    {
        _scroll = 0;
        if (Unread == 0)
        {
            _firstUnread = 0;
        }

        Unread = 0;
    }

    /// <summary>Moves the view by rows, up for positive numbers. The next <see cref="View"/> brings it into range.</summary>
    public void Scroll(int rows) => _scroll = Math.Max(0, _scroll + rows);

    /// <summary>Back to the newest message.</summary>
    public void ScrollToEnd() => _scroll = 0;

    /// <summary>The rows that are visible. Says whether older entries should be loaded, because the top of what is loaded is in sight.</summary>
    public List<StyledRow> View(int columns, int height, out bool wantsOlder)
    {
        List<StyledRow> rows = Tail(columns, height + _scroll + 1, out bool reachedTop);
        List<StyledRow> visible = ScreenLayout.Visible(rows, height, ref _scroll);
        wantsOlder = reachedTop && !IsComplete && !IsLoading && Oldest > 1;
        return visible;
    }

    // Wraps from the newest entry upwards, until there are enough rows: a room of ten thousand messages costs a screenful.
    private List<StyledRow> Tail(int columns, int rowsWanted, out bool reachedTop)
    {
        List<StyledRow> reversed = [];
        for (int i = _unconfirmed.Count - 1; i >= 0; i--)
        {
            AddReversed(reversed, _unconfirmed[i].Rows(columns));
        }

        int at = _entries.Count - 1;
        for (; at >= 0 && reversed.Count < rowsWanted; at--)
        {
            ChatEntry entry = _entries[at];
            AddReversed(reversed, entry.Rows(columns));
            if (entry.Sequence == _firstUnread && _firstUnread != 0)
            {
                reversed.Add(EntryLayout.New(columns));
            }

            if (at == 0 || _entries[at - 1].Time.Date != entry.Time.Date)
            {
                reversed.Add(EntryLayout.Day(entry.Time, columns));
            }
        }

        reachedTop = at < 0;
        reversed.Reverse();
        return reversed;
    }

    private static void AddReversed(List<StyledRow> reversed, List<StyledRow> rows)
    {
        for (int i = rows.Count - 1; i >= 0; i--)
        {
            reversed.Add(rows[i]);
        }
    }

    private ChatEntry? Find(ClientMessageId id) => _unconfirmed.Find(entry => entry.ClientMessageId == id);

    private void Append(List<ChatEntry> target, ChatEntry entry, int columns)
    {
        target.Add(entry);
        if (_scroll > 0)
        {
            _scroll += entry.Rows(columns).Count;
        }
    }

    private void Trim()
    {
        if (_entries.Count <= EntriesMax || _scroll > 0)
        {
            return;
        }

        _entries.RemoveRange(0, _entries.Count - (EntriesMax / 2));
        ChatEntry? oldest = _entries.Find(static entry => entry.Sequence > 0);
        Oldest = oldest?.Sequence ?? Newest;
        IsComplete = false;
    }
}
