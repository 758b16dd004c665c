using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What an entry of a room is.</summary>
internal enum EntryKind
{
    /// <summary>Somebody's text.</summary>
    Message,

    /// <summary>Somebody's /me.</summary>
    Action,

    /// <summary>Something about the conversation or this client, in words.</summary>
    Remark,
}

/// <summary>How sure an entry is.</summary>
internal enum EntryState
{
    /// <summary>In the log.</summary>
    Confirmed,

    /// <summary>Sent from here and not acknowledged yet.</summary>
    Pending,

    /// <summary>Sent from here and refused.</summary>
    Failed,
}

/// <summary>What a message says beside its text, and whose it is.</summary>
internal sealed record EntryContext
{
    /// <summary>Nothing.</summary>
    public static EntryContext None { get; } = new();

    /// <summary>Whose it is.</summary>
    public UserId SenderId { get; init; }

    /// <summary>The message that it answers; 0 = none.</summary>
    public ulong ReplyTo { get; init; }

    /// <summary>The message whose thread it is in; 0 = none.</summary>
    public ulong Thread { get; init; }

    /// <summary>Who said first what is forwarded here; empty = nobody did, it is the sender's.</summary>
    public string ForwardedFrom { get; init; } = string.Empty;

    /// <summary>The reader's name when it mentions the reader, or everyone; empty when it does not.</summary>
    public string MentionOf { get; init; } = string.Empty;

    /// <summary>The name and size of each attachment; harmless.</summary>
    public IReadOnlyList<string> Attachments { get; init; } = [];

    /// <summary>It mentions the reader, or everyone.</summary>
    public bool IsMention => MentionOf.Length > 0;
}

/// <summary>The beginning of the message that another one answers; harmless.</summary>
/// <param name="Sender">Whose it is.</param>
/// <param name="Text">What it says now.</param>
internal sealed record Quote(string Sender, string Text);

/// <summary>One thing that a room shows. Changed only by its room; rows are kept for the width they were last wrapped to.</summary>
internal sealed class ChatEntry
{
    private const string ActionPrefix = "/me ";

    private List<StyledRow>? _rows;
    private int _rowsColumns;
    private ulong _appliedTo;
    private bool _isInItsThread;

    /// <summary>What it is.</summary>
    public EntryKind Kind { get; private set; }

    /// <summary>Place in the log; 0 when it has none (pending, failed, a remark of this client, or of a log that was replaced).</summary>
    public ulong Sequence { get; private set; }

    /// <summary>When, in the reader's time zone.</summary>
    public DateTimeOffset Time { get; private init; }

    /// <summary>Who; already harmless.</summary>
    public string Sender { get; private init; } = string.Empty;

    /// <summary>What it says now; already harmless, may hold line feeds.</summary>
    public string Text { get; private set; } = string.Empty;

    /// <summary>What it says now as it was sent, for who edits it.</summary>
    public string Source { get; private set; } = string.Empty;

    /// <summary>By which the sender recognises its own message.</summary>
    public ClientMessageId ClientMessageId { get; private init; }

    /// <summary>True for the messages of the signed-in user.</summary>
    public bool IsOwn { get; private init; }

    /// <summary>What it says beside its text.</summary>
    public EntryContext Context { get; private init; } = EntryContext.None;

    /// <summary>How sure it is.</summary>
    public EntryState State { get; private set; }

    /// <summary>What later records have made of it.</summary>
    public MessageMarks Marks { get; private set; } = MessageMarks.None;

    /// <summary>The message that it answers, or whose thread it is in; null until that is known.</summary>
    public Quote? Quote { get; private set; }

    /// <summary>True for what somebody said and can be answered, edited, deleted.</summary>
    public bool IsMessage => Kind != EntryKind.Remark;

    /// <summary>The message that is quoted above it; 0 = none.</summary>
    public ulong QuotedSequence => Context.ReplyTo != 0 ? Context.ReplyTo : _isInItsThread ? 0 : Context.Thread;

    /// <summary>A message, or a /me, from the text as it was sent.</summary>
    public static ChatEntry FromText(
        string sender, string text, DateTimeOffset time, ulong sequence, ClientMessageId id, bool isOwn, EntryState state = EntryState.Confirmed, EntryContext? context = null)
    {
        ChatEntry entry = new()
        {
            Sequence = sequence,
            Time = time,
            Sender = SafeText.OneLine(sender),
            ClientMessageId = id,
            IsOwn = isOwn,
            State = state,
            Context = context ?? EntryContext.None,
            _appliedTo = sequence,
        };
        entry.Say(text);
        return entry;
    }

    /// <summary>A remark.</summary>
    public static ChatEntry Remark(string text, DateTimeOffset time, ulong sequence = 0) =>
        new() { Kind = EntryKind.Remark, Text = SafeText.Lines(text), Time = time, Sequence = sequence };

    /// <summary>The same for another room: each room changes its own.</summary>
    public ChatEntry Copy()
    {
        ChatEntry copy = (ChatEntry)MemberwiseClone();
        copy._rows = null;
        return copy;
    }

    /// <summary>It is shown in its thread, where nobody has to be told which one it is in.</summary>
    public void EnterThread() => (_isInItsThread, _rows) = (true, null);

    /// <summary>Changes how sure it is.</summary>
    public void Become(EntryState state)
    {
        State = state;
        _rows = null;
    }

    /// <summary>What the broker says has become of it, up to a place of the log.</summary>
    /// <param name="marks">The marks.</param>
    /// <param name="text">What it says since its last edit, as it was sent; null when it was not edited.</param>
    /// <param name="head">Everything up to here is in it.</param>
    public void Begin(MessageMarks marks, string? text, ulong head)
    {
        if (text is not null)
        {
            Say(text);
        }

        Become(marks, head);
    }

    /// <summary>Takes a change, unless it is in what <see cref="Begin"/> said already; false then.</summary>
    public bool Apply(ChatChange change)
    {
        if (change.Sequence <= _appliedTo || Marks.IsDeleted)
        {
            return false;
        }

        if (change.Kind == ChangeKind.Edit)
        {
            Say(change.Text);
        }

        Become(Marks.After(change), change.Sequence);
        return true;
    }

    /// <summary>The reader does not want to see it, or wants to again; false when that is so already.</summary>
    public bool Hide(bool isHidden)
    {
        if (Marks.IsHidden == isHidden)
        {
            return false;
        }

        Marks = Marks with { IsHidden = isHidden };
        _rows = null;
        return true;
    }

    /// <summary>A message came into its thread, or went, with the record at <paramref name="sequence"/>.</summary>
    public void CountInThread(int difference, ulong sequence)
    {
        if (sequence > _appliedTo)
        {
            Become(Marks with { InThread = (uint)Math.Max(0, Marks.InThread + difference) }, sequence);
        }
    }

    /// <summary>The message that it answers is known, or has changed.</summary>
    public void Answer(Quote quote)
    {
        if (Quote != quote)
        {
            Quote = quote;
            _rows = null;
        }
    }

    /// <summary>The log that it was in is another one now: its number means nothing any more.</summary>
    public void LosePlace() => Sequence = 0;

    /// <summary>The entry wrapped to <paramref name="columns"/>.</summary>
    public List<StyledRow> Rows(int columns)
    {
        if (_rows is null || _rowsColumns != columns)
        {
            _rows = EntryLayout.Wrap(this, columns);
            _rowsColumns = columns;
        }

        return _rows;
    }

    private void Become(MessageMarks marks, ulong head)
    {
        if (marks.IsDeleted)
        {
            (Text, Source) = (string.Empty, string.Empty);
        }

        Marks = marks;
        _appliedTo = Math.Max(_appliedTo, head);
        _rows = null;
    }

    private void Say(string text)
    {
        bool isAction = text.StartsWith(ActionPrefix, StringComparison.Ordinal) && text.Length > ActionPrefix.Length;
        Kind = isAction ? EntryKind.Action : EntryKind.Message;
        Source = text;
        Text = SafeText.Lines(isAction ? text[ActionPrefix.Length..] : text);
    }
}
