using System.Buffers;

using FastChat.Broker.Conversations;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Routing;

/// <summary>
/// A conversation in its shard's memory: where its log ends (decided and durable), the records that wait for the next commit, and who is listening. Loop thread
/// only. Dropped when nobody needs it; everything in it can be read again from the log.
/// </summary>
internal sealed class ConversationState(ConversationId id, ConversationMeta meta, uint epoch, LogHead head)
{
    private List<Subscription>? _subscriptions;
    private Dictionary<UserId, Membership?>? _members;
    private byte[] _pending = [];
    private int _pendingSize;

    /// <summary>Its id.</summary>
    public ConversationId Id { get; } = id;

    /// <summary>What it is.</summary>
    public ConversationMeta Meta { get; set; } = meta;

    /// <summary>Of a direct conversation: one of the two blocks the other; null = that was not looked up yet, or may have changed.</summary>
    public bool? IsBlocked { get; set; }

    /// <summary>Its log's incarnation.</summary>
    public uint Epoch { get; } = epoch;

    /// <summary>The first record that is kept, as it was decided last; 1 unless something was cut off.</summary>
    public ulong First { get; set; } = 1;

    /// <summary>The last sequence that was assigned. Assigned in <see cref="Append"/> and nowhere else.</summary>
    public ulong Head { get; private set; } = head.Sequence;

    /// <summary>The last sequence that is durable and was handed to subscribers.</summary>
    public ulong DurableHead { get; set; } = head.Sequence;

    /// <summary>The hash chain behind <see cref="Head"/>.</summary>
    public ChainHash Chain { get; private set; } = head.Chain;

    /// <summary>Sequence of the first record that waits; meaningful while <see cref="PendingCount"/> is not 0.</summary>
    public ulong PendingFirst { get; private set; }

    /// <summary>Records that wait for the turn's end.</summary>
    public uint PendingCount { get; private set; }

    /// <summary>Bytes of them.</summary>
    public ReadOnlySpan<byte> Pending => _pending.AsSpan(0, _pendingSize);

    /// <summary>Subscriptions of connections of this node. Of a million conversations in memory most have none, and no list: ask <see cref="HasListeners"/> first.</summary>
    public List<Subscription> Subscriptions => _subscriptions ??= [];

    /// <summary>True while somebody is subscribed here.</summary>
    public bool HasListeners => _subscriptions is { Count: > 0 };

    /// <summary>Memberships that were looked up, decided ones included; null = not a member. Groups only.</summary>
    public Dictionary<UserId, Membership?> Members => _members ??= [];

    /// <summary>When it was last used, in turns of the loop: the least recently used unused one is dropped.</summary>
    public long UsedInTurn { get; set; }

    /// <summary>Assigns the next sequence and adds the record to those that wait.</summary>
    /// <param name="bodyHash">Empty when the record will be stored as other bytes: then the chain goes on with <see cref="AdvanceChain"/>.</param>
    public ulong Append(
        long timeMicros, UserId sender, UserId publisher, DeviceId device, ClientMessageId clientMessageId, MessageKind kind,
        ReadOnlySpan<byte> body, ReadOnlySpan<byte> bodyHash)
    {
        int size = MessageRecord.SizeOf(publisher != sender, body.Length);
        Reserve(size);
        Span<byte> target = _pending.AsSpan(_pendingSize, size);
        ulong sequence = Head + 1;
        MessageRecord.Write(target, sequence, timeMicros, sender, publisher, device, clientMessageId, kind, RecordFlags.None, body);
        ReadOnlySpan<byte> written = target;
        MessageRecord.TryRead(ref written, out MessageRecord record);
        Chain = bodyHash.IsEmpty ? Chain : Chain.Next(record, bodyHash);
        Head = sequence;
        if (PendingCount++ == 0)
        {
            PendingFirst = sequence;
        }

        _pendingSize += size;
        return sequence;
    }

    /// <summary>The chain behind <see cref="Head"/>, now that the waiting records are what they are on the disk.</summary>
    public void AdvanceChain(in ChainHash chain) => Chain = chain;

    /// <summary>Forgets the waiting records, which are in a batch now.</summary>
    public void ClearPending()
    {
        PendingCount = 0;
        _pendingSize = 0;
        if (_pending.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_pending);
            _pending = [];
        }
    }

    private void Reserve(int more)
    {
        if (_pendingSize + more <= _pending.Length)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(_pendingSize + more, Math.Min(2 * _pending.Length, ProtocolLimits.ChunkSizeMax)));
        Pending.CopyTo(larger);
        if (_pending.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_pending);
        }

        _pending = larger;
    }
}
