using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// What is loaded of a room: entries of the log in the log's order, among them remarks of this client, and behind them what was sent from here and has not come back yet. Changes are
/// applied to the entry that they are about. Bounded; the loop of the chat owns it.
/// </summary>
internal sealed class RoomEntries
{
    /// <summary>With more than these, entries that nobody looks at are dropped from the top, and loaded again on demand.</summary>
    public const int EntriesMax = 20_000;

    /// <summary>With these nothing older is loaded, and the top is dropped whoever looks at it.</summary>
    public const int EntriesLimit = 2 * EntriesMax;

    // While a page is under way, changes of messages that it may hold wait here for it. The page's own state is a later one than most of these: only the newest can matter, so the
    // oldest go first.
    private const int EarlyChangesMax = 1024;

    private readonly List<ChatEntry> _entries = [];
    private readonly List<ChatEntry> _unconfirmed = [];
    private readonly Dictionary<ulong, ChatEntry> _bySequence = [];
    private readonly Queue<ChatChange> _early = new();

    /// <summary>All of them.</summary>
    public int Count => _entries.Count + _unconfirmed.Count;

    /// <summary>Entries of the log and remarks, without those that were sent from here and have not come back.</summary>
    public int PlacedCount => _entries.Count;

    /// <summary>Sequence of the oldest record of the log that is loaded; 0 when none is.</summary>
    public ulong Oldest { get; private set; }

    /// <summary>Sequence of the newest record of the log; 0 when none is loaded.</summary>
    public ulong Newest { get; private set; }

    /// <summary>True when nothing older exists.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>True while a page of older entries is under way.</summary>
    public bool IsLoading { get; set; }

    /// <summary>True when nothing older fits.</summary>
    public bool IsFull => _entries.Count >= EntriesLimit;

    /// <summary>One of them, from the top.</summary>
    public ChatEntry this[int index] => index < _entries.Count ? _entries[index] : _unconfirmed[index - _entries.Count];

    /// <summary>The message with a place in the log; null when it is not loaded.</summary>
    public ChatEntry? Find(ulong sequence) => _bySequence.GetValueOrDefault(sequence);

    /// <summary>Where an entry is, looked for from the end; −1 when it is not there any more.</summary>
    public int IndexOf(ChatEntry entry)
    {
        int unconfirmed = _unconfirmed.IndexOf(entry);
        return unconfirmed >= 0 ? _entries.Count + unconfirmed : _entries.LastIndexOf(entry);
    }

    /// <summary>Adds a page of older entries, ascending.</summary>
    /// <param name="page">What the page has to show.</param>
    /// <param name="first">Sequence of its first record, which need not be one that is shown; 0 = it has none.</param>
    /// <param name="last">Sequence of its last record.</param>
    /// <param name="isComplete">Nothing older exists.</param>
    public void AddOlder(IReadOnlyList<ChatEntry> page, ulong first, ulong last, bool isComplete)
    {
        IsLoading = false;
        IsComplete = isComplete;
        List<ChatEntry> older = [.. page.Where(entry => Oldest == 0 || entry.Sequence < Oldest)];
        _entries.InsertRange(0, older);
        older.ForEach(Index);
        AnswerWithin(older);
        if (first != 0)
        {
            Newest = Math.Max(Newest, last);
            Oldest = Oldest == 0 ? first : Math.Min(Oldest, first);
        }

        while (_early.TryDequeue(out ChatChange? change))
        {
            Apply(change);
        }
    }

    /// <summary>Adds the next entry of the log. One that was sent from here takes the place of its pending self. False for what is there already.</summary>
    public bool Add(ChatEntry entry)
    {
        if (entry.Sequence <= Newest)
        {
            return false;
        }

        MoveEnd(entry.Sequence);
        if (entry.IsOwn)
        {
            _unconfirmed.RemoveAll(other => other.ClientMessageId == entry.ClientMessageId);
        }

        _entries.Add(entry);
        Index(entry);
        Answer(entry);
        Find(entry.Context.Thread)?.CountInThread(1, entry.Sequence);
        return true;
    }

    /// <summary>Applies a change to the message that it is about; true when something on the screen may look different now.</summary>
    public bool Apply(ChatChange change)
    {
        if (Find(change.Target) is not { } entry)
        {
            if (IsLoading)
            {
                _early.Enqueue(change);
                if (_early.Count > EarlyChangesMax)
                {
                    _early.Dequeue();
                }
            }

            return false;
        }

        if (!entry.Apply(change))
        {
            return false;
        }

        if (entry.Marks.IsDeleted)
        {
            Find(entry.Context.Thread)?.CountInThread(-1, change.Sequence);
        }

        if (change.Kind is ChangeKind.Edit or ChangeKind.Delete or ChangeKind.Expire)
        {
            AnswerAll(entry);
        }

        return true;
    }

    /// <summary>What the reader does not want to see, of everything that is loaded.</summary>
    public void Hide(IReadOnlySet<ulong> hidden)
    {
        foreach (ChatEntry entry in _entries.Where(entry => entry.IsMessage && entry.Sequence != 0 && entry.Hide(hidden.Contains(entry.Sequence))).ToArray())
        {
            AnswerAll(entry);
        }
    }

    /// <summary>The end of the log is here now.</summary>
    public void MoveEnd(ulong sequence)
    {
        Newest = Math.Max(Newest, sequence);
        Oldest = Oldest == 0 ? sequence : Oldest;
    }

    /// <summary>Says to the messages that answer one which is not loaded what that one says.</summary>
    public void AnswerAll(ulong sequence, Quote quote)
    {
        foreach (ChatEntry entry in _entries)
        {
            if (entry.QuotedSequence == sequence)
            {
                entry.Answer(quote);
            }
        }
    }

    /// <summary>Adds a message that was sent from here.</summary>
    public void AddPending(ChatEntry entry)
    {
        _unconfirmed.Add(entry);
        Answer(entry);
    }

    /// <summary>A message that was sent from here, by its id; null when it has come back.</summary>
    public ChatEntry? FindPending(ClientMessageId id) => _unconfirmed.Find(entry => entry.ClientMessageId == id);

    /// <summary>The message was refused: it stays where it is in the conversation, and what comes later stands below it.</summary>
    public void Fail(ChatEntry entry)
    {
        entry.Become(EntryState.Failed);
        _unconfirmed.Remove(entry);
        _entries.Add(entry);
    }

    /// <summary>Adds what this client says.</summary>
    public void AddRemark(ChatEntry remark) => _entries.Add(remark);

    /// <summary>The log is another one from here on: what is above stays to be read, and numbers begin anew behind <paramref name="head"/>.</summary>
    public void Restart(ulong head)
    {
        foreach (ChatEntry entry in _entries)
        {
            if (entry.Sequence > head)
            {
                _bySequence.Remove(entry.Sequence);
                entry.LosePlace();
            }
        }

        Newest = head;
        IsComplete = true;
    }

    /// <summary>Drops the older ones when there are too many.</summary>
    /// <param name="isLookedAt">Somebody reads among them, so that more are kept.</param>
    public void Trim(bool isLookedAt)
    {
        if (_entries.Count <= (isLookedAt ? EntriesLimit : EntriesMax))
        {
            return;
        }

        int count = _entries.Count - (EntriesMax / 2);
        for (int i = 0; i < count; i++)
        {
            _bySequence.Remove(_entries[i].Sequence);
        }

        _entries.RemoveRange(0, count);
        Oldest = _entries.Find(static entry => entry.Sequence > 0)?.Sequence ?? Newest;
        IsComplete = false;
    }

    /// <summary>The sequences that are quoted and not loaded, the newest first.</summary>
    public IEnumerable<ulong> MissingQuotes(IReadOnlyList<ChatEntry> among) =>
        among.Reverse().Where(entry => entry.QuotedSequence != 0 && entry.Quote is null && Find(entry.QuotedSequence) is null).Select(static entry => entry.QuotedSequence).Distinct();

    private void Index(ChatEntry entry)
    {
        if (entry.IsMessage && entry.Sequence != 0)
        {
            _bySequence[entry.Sequence] = entry;
        }
    }

    // What is loaded answers by itself, whichever of the two came first.
    private void Answer(ChatEntry entry)
    {
        if (Find(entry.QuotedSequence) is { } quoted)
        {
            entry.Answer(QuoteOf(quoted));
        }
    }

    private void AnswerAll(ChatEntry quoted) => AnswerAll(quoted.Sequence, QuoteOf(quoted));

    /// <summary>How a message is quoted.</summary>
    public static Quote QuoteOf(ChatEntry entry) => new(entry.Sender, entry.Marks.IsDeleted ? "message deleted" : entry.Marks.IsHidden ? "hidden by you" : entry.Text);

    // A page quotes what is above and in it, and is quoted from below.
    private void AnswerWithin(IReadOnlyList<ChatEntry> page)
    {
        HashSet<ulong> quoted = [.. page.Select(static entry => entry.Sequence)];
        foreach (ChatEntry entry in _entries)
        {
            if (entry.Quote is null && entry.QuotedSequence != 0 && (quoted.Contains(entry.QuotedSequence) || quoted.Contains(entry.Sequence)))
            {
                Answer(entry);
            }
        }
    }
}
