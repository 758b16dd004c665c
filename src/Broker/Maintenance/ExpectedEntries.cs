using FastChat.Broker.Routing;
using FastChat.Protocol;

namespace FastChat.Broker.Maintenance;

/// <summary>
/// What <see cref="MessageRules"/> make of the records of one conversation, read again from the first: the entries that there must be about its messages, and the records whose bodies must be gone. In memory,
/// some hundred bytes for each entry and each rich message of one conversation at a time. One thread.
/// </summary>
internal sealed class ExpectedEntries : IMessageEntries
{
    private readonly Dictionary<byte[], byte[]> _entries = new(ByteKeyComparer.Instance);

    /// <summary>What the records make of messages that were cut off: none of it is in the store, but the end of such a message is the end of its edits, too.</summary>
    private readonly Dictionary<byte[], byte[]> _cutOff = new(ByteKeyComparer.Instance);
    private readonly Dictionary<ulong, MessageAttributes> _attributes = [];
    private readonly Dictionary<ulong, (UserId Sender, ReactionBody? Body)> _reactions = [];
    private readonly Dictionary<ulong, ulong> _deleted = [];
    private readonly Dictionary<ulong, bool> _tombstones = [];

    /// <summary>The entries, by their keys.</summary>
    public IReadOnlyDictionary<byte[], byte[]> Entries => _entries;

    /// <summary>The last record that was added; before that, the one before the first that will be.</summary>
    public ulong Head { get; private set; }

    /// <summary>The conversation's first record that is kept: of those before it nothing is expected.</summary>
    public ulong First { get; private set; } = 1;

    /// <summary>Records that have their body, though a later one took it away, with that one's sequence: messages and their edits.</summary>
    public IEnumerable<(ulong Sequence, ulong By)> Condemned => _deleted.Where(one => one.Key >= First && HasBody(one.Key)).Select(one => (one.Key, one.Value)).Order();

    /// <summary>Messages that are tombstones though no record deletes them. Whose edit a tombstone was nobody can tell.</summary>
    public IEnumerable<ulong> Lost => _tombstones.Where(one => one.Value && !_deleted.ContainsKey(one.Key)).Select(one => one.Key).Order();

    /// <summary>True when the records still tell in which order reactions first came: none of them was erased.</summary>
    public bool TellsOrderOfReactions => _reactions.Values.All(static reaction => reaction.Body is not null);

    /// <summary>True when a record says that this one's body is to go.</summary>
    public bool IsDeleted(ulong sequence) => _deleted.ContainsKey(sequence);

    /// <summary>True when the record is no tombstone.</summary>
    public bool HasBody(ulong sequence) => !_tombstones.ContainsKey(sequence);

    /// <summary>A conversation begins, maybe behind what was cut off.</summary>
    public void Begin(ulong first) => (First, Head) = (first, first - 1);

    /// <summary>The next record of the conversation.</summary>
    public void Add(ConversationId conversation, in MessageRecord record)
    {
        Head = record.Sequence;
        if (record.Kind == MessageKind.Reaction)
        {
            bool isWhole = (record.Flags & RecordFlags.Erased) == 0;
            _reactions[record.Sequence] = (record.Sender, isWhole && ReactionBody.TryRead(record.Body, out ReactionBody? reaction) ? reaction : null);
        }

        if ((record.Flags & RecordFlags.Erased) != 0)
        {
            _tombstones.Add(record.Sequence, MessageKinds.IsMessage(record.Kind));
            return;
        }

        if (record.Kind is MessageKind.Rich or MessageKind.Edit && MessageContent.AttributesOf(record.Kind, record.Body) is { } attributes)
        {
            _attributes[record.Sequence] = attributes;
        }

        MessageRules.Note(conversation, this, record.Sequence, record.Sender, record.Kind, record.Body);
    }

    /// <summary>Forgets everything, for the next conversation.</summary>
    public void Clear()
    {
        _entries.Clear();
        _cutOff.Clear();
        _attributes.Clear();
        _reactions.Clear();
        _deleted.Clear();
        _tombstones.Clear();
        (First, Head) = (1, 0);
    }

    public byte[]? Read(byte[] key) => Of(key).GetValueOrDefault(key);

    public void Put(byte[] key, byte[] value) => Of(key)[key] = value;

    public void Delete(byte[] key) => Of(key).Remove(key);

    private Dictionary<byte[], byte[]> Of(byte[] key) => First > 1 && MessageEntry.TryRead(key, out MessageEntry entry) && entry.Place < First ? _cutOff : _entries;

    public MessageAttributes AttributesOf(ulong sequence) => _attributes.GetValueOrDefault(sequence) ?? new MessageAttributes();

    public (UserId Sender, ReactionBody Body)? ReactionOf(ulong sequence) =>
        _reactions.TryGetValue(sequence, out (UserId Sender, ReactionBody? Body) one) && one.Body is { } body ? (one.Sender, body) : null;

    public bool IsReaction(ulong sequence) => _reactions.ContainsKey(sequence);

    public void Erase(ulong sequence) => _deleted[sequence] = Head;

    /// <summary>Nothing: what is owed to other shards is <see cref="AttachmentCheck"/>'s to compare.</summary>
    public void Refer(ulong sequence, MessageAttachment attachment, bool isThere)
    {
    }
}
