using System.Buffers;

using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Retention;

/// <summary>
/// Cuts logs off, step by step, with as long a rest behind each step as it took. A step is decided here, from the durable log, and done by the conversation's shard. One job at a time; pool threads.
/// </summary>
internal sealed class LogTrimmer(Router router, IConversationLog log, TimeProvider clock, TimeSpan retries, CancellationToken stop)
{
    private const int PageBytes = 256 * 1024;
    private static readonly TimeSpan RestMax = TimeSpan.FromMilliseconds(200);

    private readonly ArrayBufferWriter<byte> _page = new(PageBytes);
    private long _records;

    /// <summary>Records cut off, since the start. Any thread.</summary>
    public long Records => Volatile.Read(ref _records);

    /// <summary>Cuts off what stands before the first record that is to be kept, as far as the durable head; says where the log begins then.</summary>
    /// <param name="isKept">Asked of each record in order, until it says yes.</param>
    /// <exception cref="CorruptRecordException">A record cannot be read: nobody can tell what it was, so the log is cut off before it and no farther.</exception>
    /// <exception cref="OperationCanceledException">The broker stops, or the store has failed.</exception>
    public async Task<ulong> TrimAsync(ConversationId conversation, RecordPredicate isKept)
    {
        ulong first = log.ReadStart(conversation).First;
        while (true)
        {
            long began = clock.GetTimestamp();
            int count = CountBefore(conversation, first, isKept, out bool isLast);
            if (count > 0)
            {
                first += (ulong)count;
                ChainHash chain = log.ReadChain(conversation, first - 1) ?? throw new CorruptRecordException($"The chain behind record {first - 1} of conversation {conversation} cannot be told.");
                await CutAsync(conversation, first, chain);
                Volatile.Write(ref _records, _records + count);
            }

            if (isLast)
            {
                return first;
            }

            await RestAsync(began);
        }
    }

    /// <summary>Does what was left to do of a conversation's earlier cuts.</summary>
    public Task FinishAsync(ConversationId conversation, in LogStart start) => CutAsync(conversation, start.First, start.Chain);

    /// <summary>A rest as long as the work since then.</summary>
    public Task RestAsync(long began)
    {
        TimeSpan took = clock.GetElapsedTime(began);
        return Task.Delay(took < RestMax ? took : RestMax, clock, stop);
    }

    /// <summary>How many records from the first one on go with the next step, and whether it is the last one.</summary>
    private int CountBefore(ConversationId conversation, ulong first, RecordPredicate isKept, out bool isLast)
    {
        _page.ResetWrittenCount();
        LogPage page = log.ReadForward(conversation, first - 1, LogPosition.Latest - 1, TruncateCommand.CountMax, PageBytes, _page);
        ReadOnlySpan<byte> records = _page.WrittenSpan;
        int count = 0;

        // A page that begins later is of a log that was cut off meanwhile: whoever did that goes on.
        isLast = page.Complete || page.First != first;
        while (page.First == first && MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            if (isKept(record))
            {
                isLast = true;
                break;
            }

            count++;
        }

        return count;
    }

    /// <summary>One step, and as many behind it as are needed for what hangs on its records.</summary>
    private async Task CutAsync(ConversationId conversation, ulong first, ChainHash chain)
    {
        byte[] body = new TruncateCommand(conversation, first, chain, (long)retries.TotalMicroseconds).ToBytes();
        CommandResult result;
        do
        {
            result = await router.ExecuteOwedAsync(CommandKind.Truncate, default, router.Map.ShardOf(conversation.Value), body, stop);
            if (result.Error != ErrorCode.None)
            {
                throw result.Error == ErrorCode.StoreUnavailable ? new OperationCanceledException(result.Reason) : new StorageException($"Conversation {conversation} is not cut off: {result.Reason}");
            }
        }
        while (result.Changed);
    }
}

/// <summary>Says something of a record, which lives as long as the call.</summary>
internal delegate bool RecordPredicate(in MessageRecord record);
