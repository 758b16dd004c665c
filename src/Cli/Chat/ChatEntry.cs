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

/// <summary>One thing that a room shows. Changed only by its room; rows are kept for the width they were last wrapped to.</summary>
internal sealed class ChatEntry
{
    private const string ActionPrefix = "/me ";

    private List<StyledRow>? _rows;
    private int _rowsColumns;

    /// <summary>What it is.</summary>
    public EntryKind Kind { get; init; }

    /// <summary>Place in the log; 0 when it has none (pending, failed, or a remark of this client).</summary>
    public ulong Sequence { get; init; }

    /// <summary>When, in the reader's time zone.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>Who; already harmless.</summary>
    public string Sender { get; init; } = string.Empty;

    /// <summary>What; already harmless, may hold line feeds.</summary>
    public string Text { get; init; } = string.Empty;

    /// <summary>By which the sender recognises its own message.</summary>
    public ClientMessageId ClientMessageId { get; init; }

    /// <summary>True for the messages of the signed-in user.</summary>
    public bool IsOwn { get; init; }

    /// <summary>How sure it is.</summary>
    public EntryState State { get; private set; }

    /// <summary>A message, or a /me, from the text as it was sent.</summary>
    public static ChatEntry FromText(
        string sender, string text, DateTimeOffset time, ulong sequence, ClientMessageId id, bool isOwn, EntryState state = EntryState.Confirmed)
    {
        bool action = text.StartsWith(ActionPrefix, StringComparison.Ordinal) && text.Length > ActionPrefix.Length;
        return new ChatEntry
        {
            Kind = action ? EntryKind.Action : EntryKind.Message,
            Sequence = sequence,
            Time = time,
            Sender = SafeText.OneLine(sender),
            Text = SafeText.Lines(action ? text[ActionPrefix.Length..] : text),
            ClientMessageId = id,
            IsOwn = isOwn,
            State = state,
        };
    }

    /// <summary>A remark.</summary>
    public static ChatEntry Remark(string text, DateTimeOffset time, ulong sequence = 0) =>
        new() { Kind = EntryKind.Remark, Text = SafeText.Lines(text), Time = time, Sequence = sequence };

    /// <summary>Changes how sure it is.</summary>
    public void Become(EntryState state)
    {
        State = state;
        _rows = null;
    }

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
}
