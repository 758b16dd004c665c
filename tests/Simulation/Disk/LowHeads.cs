using System.Buffers;

using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>A log that now and then gives the last record but one for the last: <see cref="Sabotage.LowHead"/>.</summary>
internal sealed class LowHeads(IConversationLog log, Chance chance) : IConversationLog
{
    public uint Epoch => log.Epoch;

    public ulong CommitNumber => log.CommitNumber;

    public StorageException? Failure => log.Failure;

    public void Commit(ReadOnlySpan<CommitBatch> batches) => log.Commit(batches);

    public LogHead ReadHead(ConversationId conversation)
    {
        LogHead head = log.ReadHead(conversation);
        return head.Sequence > 0 && chance.OneIn(10) ? head with { Sequence = head.Sequence - 1 } : head;
    }

    public LogStart ReadStart(ConversationId conversation) => log.ReadStart(conversation);

    public ChainHash? ReadChain(ConversationId conversation, ulong sequence) => log.ReadChain(conversation, sequence);

    public LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        log.ReadForward(conversation, after, through, countMax, bytesMax, target);

    public LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        log.ReadBackward(conversation, before, countMax, bytesMax, target);

    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value) => log.Get(table, key, value);

    public byte[]? Get(Table table, ReadOnlySpan<byte> key) => log.Get(table, key);

    public void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor) => log.Scan(table, prefix, after, visitor);

    public void Dispose() => log.Dispose();
}
