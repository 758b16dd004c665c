using System.Text;

namespace FastChat.History;

/// <summary>The keys of a line, in the order in which they are written. The text form is the name in snake_case.</summary>
internal enum HistoryKey : byte
{
    TNs,
    Process,
    Op,
    Phase,
    Format,
    Connection,
    Request,
    Attempt,
    Conversation,
    Epoch,
    Sequence,
    User,
    Device,
    Publisher,
    ClientMessageId,
    Kind,
    Hash,
    Duplicate,
    Erased,
    Member,
    Cursor,
    Backward,
    Fresh,
    Status,
    First,
    Last,
    Head,
    Next,
    Complete,
    Code,
    Resumed,
    Node,
    Fault,
    ConversationKind,
    Closed,
    Target,
    ReplyTo,
    Thread,
    TakenBack,
    Content,
    Role,
    VisibleFrom,
    Read,
    Delivered,
    Private,
    Unread,
    DeletedBy,
    PinnedBy,
    Edits,
    EditedBy,
    Replies,
    InThread,
    Reactions,
    Erases,
}

/// <summary>
/// Enumerations as the words of a line, in both directions. Looking a word up costs one probe of a small table: a history has a dozen keys a line, and this is half of
/// the reader's work.
/// </summary>
internal sealed class WordTable<T>
    where T : struct, Enum
{
    private const int Slots = 128;

    private readonly (byte[] Word, T Value)[] _slots = new (byte[], T)[Slots];
    private readonly byte[][] _words;

    /// <summary>The words of every value from <paramref name="first"/> on.</summary>
    private WordTable(int first)
    {
        T[] values = Enum.GetValues<T>();
        _words = new byte[values.Length][];
        for (int i = 0; i < values.Length; i++)
        {
            byte[] word = Encoding.ASCII.GetBytes(SnakeCase(values[i].ToString()));
            _words[i] = word;
            if (i >= first)
            {
                int slot = SlotOf(word);
                while (_slots[slot].Word is not null)
                {
                    slot = (slot + 1) % Slots;
                }

                _slots[slot] = (word, values[i]);
            }
        }
    }

    /// <summary>Every value has a word.</summary>
    public static WordTable<T> Whole() => new(0);

    /// <summary>The value zero is never written.</summary>
    public static WordTable<T> WithoutNone() => new(1);

    /// <summary>The word of the value with this number.</summary>
    public ReadOnlySpan<byte> this[int number] => _words[number];

    /// <summary>The value of a word.</summary>
    public bool TryFind(ReadOnlySpan<byte> word, out T value)
    {
        value = default;
        if (word.IsEmpty)
        {
            return false;
        }

        for (int slot = SlotOf(word); _slots[slot].Word is { } candidate; slot = (slot + 1) % Slots)
        {
            if (word.SequenceEqual(candidate))
            {
                value = _slots[slot].Value;
                return true;
            }
        }

        return false;
    }

    private static int SlotOf(ReadOnlySpan<byte> word) => ((word.Length * 37) + (word[0] * 5) + (word[^1] * 11)) % Slots;

    private static string SnakeCase(string name)
    {
        StringBuilder word = new();
        foreach (char letter in name)
        {
            _ = char.IsUpper(letter) && word.Length > 0 ? word.Append('_') : word;
            word.Append(char.ToLowerInvariant(letter));
        }

        return word.ToString();
    }
}

/// <summary>The words of the format.</summary>
internal static class Words
{
    public static readonly WordTable<HistoryKey> Keys = WordTable<HistoryKey>.Whole();
    public static readonly WordTable<HistoryOp> Ops = WordTable<HistoryOp>.WithoutNone();
    public static readonly WordTable<HistoryPhase> Phases = WordTable<HistoryPhase>.WithoutNone();
    public static readonly WordTable<HistoryStatus> Statuses = WordTable<HistoryStatus>.WithoutNone();
    public static readonly WordTable<HistoryFault> Faults = WordTable<HistoryFault>.WithoutNone();
    public static readonly WordTable<HistoryKind> Kinds = WordTable<HistoryKind>.WithoutNone();
}
