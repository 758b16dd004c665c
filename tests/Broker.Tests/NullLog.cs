using System.Buffers;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>A log that holds nothing: what is measured over it is the caller's own cost.</summary>
internal sealed class NullLog : IConversationLog
{
    public uint Epoch => 1;

    public ulong CommitNumber => 0;

    public StorageException? Failure => null;

    public void Commit(ReadOnlySpan<CommitBatch> batches)
    {
    }

    public LogHead ReadHead(ConversationId conversation) => default;

    public ChainHash? ReadChain(ConversationId conversation, ulong sequence) => null;

    public LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        new(0, 0, 0, 0, Complete: true);

    public LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        new(0, 0, 0, 0, Complete: true);

    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value) => -1;

    public byte[]? Get(Table table, ReadOnlySpan<byte> key) => null;

    public void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor)
    {
    }

    public void Dispose()
    {
    }
}
