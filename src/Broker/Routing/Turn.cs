using System.Diagnostics.CodeAnalysis;

using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// What one commit of a loop carries: the writes, what is not durable yet but already decided (so that later commands of the same or the next
/// turn see it), and the effects that are released when the writes are durable. A loop has two: one is applied to while the other syncs.
/// Everything is reused; a turn allocates only while it grows. Loop thread only, except <see cref="Batch"/> while it is submitted.
/// </summary>
/// <param name="epoch">The store's.</param>
/// <param name="sealer">Encrypts bodies on their way into the batch, the loop's own; null while they are stored as they are.</param>
internal sealed class Turn(uint epoch, RecordSealer? sealer = null)
{
    /// <summary>A buffer that grew past this is given back.</summary>
    private const int ServedBytesMax = 8 * 1024 * 1024;

    private readonly Dictionary<byte[], byte[]?> _state = new(ByteKeyComparer.Instance);
    private readonly Dictionary<DedupeId, PendingPublish> _publishes = [];
    private byte[] _served = [];
    private int _servedSize;

    /// <summary>The writes.</summary>
    public CommitBatch Batch { get; } = new(epoch);

    /// <summary>Encrypts bodies on their way into the batch; null while they are stored as they are.</summary>
    public RecordSealer? Sealer => sealer;

    /// <summary>Conversations with records that are not in the batch yet.</summary>
    public List<ConversationState> Open { get; } = [];

    /// <summary>Publishes to acknowledge.</summary>
    public List<Acknowledgement> Acknowledgements { get; } = [];

    /// <summary>Chunks to fan out, in the order of their conversations' logs.</summary>
    public List<SealedChunk> Chunks { get; } = [];

    /// <summary>Handlers that wait for a result.</summary>
    public List<(ulong Ticket, CommandResult Result)> Results { get; } = [];

    /// <summary>Records whose bodies it takes away.</summary>
    public List<(ConversationId Conversation, ulong Sequence)> Erased { get; } = [];

    /// <summary>Cursors that moved, for those who listen.</summary>
    public List<Receipt> Receipts { get; } = [];

    /// <summary>Conversations that it ends for everybody.</summary>
    public List<ConversationState> Ended { get; } = [];

    /// <summary>Effects for other shards, stored with the batch.</summary>
    public List<OutgoingEffect> Outgoing { get; } = [];

    /// <summary>True when there is nothing to write and nothing to release.</summary>
    public bool IsEmpty => Batch.Count == 0 && Open.Count == 0 && !HasEffects;

    /// <summary>True when something waits for the writes before it.</summary>
    public bool HasEffects => Acknowledgements.Count != 0 || Results.Count != 0;

    /// <summary>Writes a side-table entry, visible to later commands at once.</summary>
    public void Put(byte[] key, byte[] value)
    {
        Batch.Put(Table.State, key, value);
        _state[key] = value;
    }

    /// <summary>Deletes a side-table entry, for later commands at once.</summary>
    public void Delete(byte[] key)
    {
        Batch.Delete(Table.State, key);
        _state[key] = null;
    }

    /// <summary>Keeps records as readers get them while the batch has them sealed, and says where.</summary>
    public int KeepServed(ReadOnlySpan<byte> records)
    {
        int offset = _servedSize;
        if (offset + records.Length > _served.Length)
        {
            Array.Resize(ref _served, Math.Max(offset + records.Length, 2 * _served.Length));
        }

        records.CopyTo(_served.AsSpan(offset));
        _servedSize += records.Length;
        return offset;
    }

    /// <summary>A chunk's records as readers get them. They live as long as the turn.</summary>
    public ReadOnlySpan<byte> RecordsOf(in SealedChunk chunk) => sealer is null ? Batch.Slice(chunk.Offset, chunk.Length).Span : _served.AsSpan(chunk.Offset, chunk.Length);

    /// <summary>Takes the body of a record away, for every reader from the moment in which the turn is durable.</summary>
    public void Erase(ConversationId conversation, ulong sequence)
    {
        Batch.Erase(conversation, sequence);
        Erased.Add((conversation, sequence));
    }

    /// <summary>Cuts a log off at its beginning, for every reader from the moment in which the turn is durable.</summary>
    public void Truncate(ConversationId conversation, in LogStart start)
    {
        Batch.Truncate(conversation, start);
        _state[TruncateCommands.StartKey(conversation)] = start.ToBytes();
    }

    /// <summary>The side-table entries that this turn decided about; null = deleted. In no order.</summary>
    public IReadOnlyDictionary<byte[], byte[]?> Entries => _state;

    /// <summary>True when this turn decided about the key; the value is null when it deleted it.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out byte[]? value)
    {
        if (_state.Count == 0)
        {
            value = null;
            return false;
        }

        return _state.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out value);
    }

    /// <summary>Writes a dedupe entry, visible to later commands at once.</summary>
    public void AddPublish(in DedupeId id, in PendingPublish publish)
    {
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        DedupeKey.Write(key, id.Conversation, id.Publisher, id.Device, id.ClientMessageId);
        DedupeValue stored = sealer is null ? publish.Value : RecordSealer.Stored(publish.Value, publish.Kind);
        stored.Write(value);
        Batch.Put(Table.Dedupe, key, value);
        _publishes.Add(id, publish);
    }

    /// <summary>A publish of this turn.</summary>
    public bool TryGetPublish(in DedupeId id, out PendingPublish publish) => _publishes.TryGetValue(id, out publish);

    /// <summary>Empties the turn for its next use.</summary>
    public void Reset()
    {
        Batch.Reset();
        Open.Clear();
        Acknowledgements.Clear();
        Chunks.Clear();
        Results.Clear();
        Receipts.Clear();
        Erased.Clear();
        Ended.Clear();
        Outgoing.Clear();
        _state.Clear();
        _publishes.Clear();
        _servedSize = 0;
        if (_served.Length > ServedBytesMax)
        {
            _served = [];
        }
    }
}

/// <summary>What makes a publish the same one (protocol.md §1.3, 2).</summary>
internal readonly record struct DedupeId(ConversationId Conversation, UserId Publisher, DeviceId Device, ClientMessageId ClientMessageId)
{
    /// <summary>The client message id alone is spread well unless a client is careless; the device separates careless ones.</summary>
    public override int GetHashCode() => HashCode.Combine(ClientMessageId.Value, Device.Value, (ulong)Conversation.Value);
}

/// <summary>A publish that was decided and may not be durable yet.</summary>
/// <param name="Value">Its sequence and body hash.</param>
/// <param name="Sender">Whose message it is.</param>
/// <param name="Kind">What its body is.</param>
internal readonly record struct PendingPublish(DedupeValue Value, UserId Sender, MessageKind Kind)
{
    /// <summary>True when its body is gone and so is every hash of it.</summary>
    public bool IsUnreadable { get; init; }

    /// <summary>True when its record is gone: whose message it was, and of what kind, nobody knows any more.</summary>
    public bool IsCutOff { get; init; }
}

/// <summary>A Published frame to send once the writes before it are durable.</summary>
/// <param name="Peer">Who published.</param>
/// <param name="Request">The request number.</param>
/// <param name="Answer">The frame's body.</param>
internal readonly record struct Acknowledgement(PeerAddress Peer, uint Request, Published Answer);

/// <summary>Records of one conversation that became one chunk of the batch.</summary>
/// <param name="Conversation">Whose they are.</param>
/// <param name="Offset">Where they lie in the batch's representation, or, sealed there, among what the turn keeps for readers.</param>
/// <param name="Length">Bytes.</param>
/// <param name="First">Sequence of the first.</param>
/// <param name="Count">How many.</param>
/// <param name="Removed">The member that the last record removed; none otherwise.</param>
internal readonly record struct SealedChunk(ConversationState Conversation, int Offset, int Length, ulong First, uint Count, UserId Removed)
{
    /// <summary>Sequence of the last record.</summary>
    public ulong Last => First + Count - 1;
}

/// <summary>A state write that this shard owes to another one; stored until the other has confirmed it.</summary>
/// <param name="Key">Its key in Table.State.</param>
/// <param name="Value">Target shard (u16 little-endian), then the body of a <see cref="StateWriteCommand"/>.</param>
internal readonly record struct OutgoingEffect(byte[] Key, byte[] Value);

/// <summary>What a state-changing command answers to the handler that waits for it.</summary>
/// <param name="Error">None when it was done.</param>
/// <param name="Reason">What the client is told when it was not.</param>
internal sealed record CommandResult(ErrorCode Error, string Reason = "")
{
    /// <summary>The one answer to whoever may not know of a conversation, and for one that does not exist.</summary>
    public static CommandResult NoSuchConversation { get; } = new(ErrorCode.NoSuchConversation, "no such conversation");

    /// <summary>The conversation concerned.</summary>
    public ConversationId Conversation { get; init; }

    /// <summary>True when the conversation was made.</summary>
    public bool Created { get; init; }

    /// <summary>How many members, or other things, were changed.</summary>
    public int Count { get; init; }

    /// <summary>Sequence of the last record written.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Version of the profile, or of what is hidden, when that was to be changed.</summary>
    public ulong Version { get; init; }

    /// <summary>False when what was asked for was so already.</summary>
    public bool Changed { get; init; }

    /// <summary>The value that a state write met, or that a cursor has.</summary>
    public byte[]? Existing { get; init; }

    /// <summary>The heads that a query asked for.</summary>
    public ulong?[]? Heads { get; init; }

    /// <summary>What was asked of the loop as a whole.</summary>
    public LoopReport? Report { get; init; }

    /// <summary>Why a scheduled message was not published and will not be; None when it was, or was none any more.</summary>
    public ErrorCode ScheduledRefusal { get; init; }

    /// <summary>When the same request may succeed, ms; 0 = no telling.</summary>
    public uint RetryAfterMs { get; init; }
}

/// <summary>Byte-wise equality for keys, with lookup by span.</summary>
internal sealed class ByteKeyComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static ByteKeyComparer Instance { get; } = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode((ReadOnlySpan<byte>)obj);

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        HashCode hash = default;
        hash.AddBytes(alternate);
        return hash.ToHashCode();
    }

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}
