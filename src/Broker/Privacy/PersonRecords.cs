using System.Buffers;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Privacy;

/// <summary>Sees a page of a conversation's records; the memory is the reader's.</summary>
internal delegate ValueTask PageVisitor(ConversationId conversation, ReadOnlyMemory<byte> records);

/// <summary>
/// Finds what somebody wrote, wherever that was: there is no index by author, because each publish would pay for what is asked for once in a person's life, so everything is read from end to end. A page at a time, and behind
/// each a rest as long as the page took: the disk and a processor belong to those who chat. Pool threads.
/// </summary>
internal sealed class PersonRecords(IConversationLog log, TimeProvider clock)
{
    private const int PageBytes = 256 * 1024;
    private const int TogetherMax = 256;

    private static readonly TimeSpan RestMax = TimeSpan.FromMilliseconds(200);

    /// <summary>Every conversation behind a place, in the order of their ids, some at a time.</summary>
    public List<ConversationId> ConversationsBehind(ConversationId place)
    {
        List<ConversationId> some = [];
        log.Scan(Table.State, "c"u8, place.IsNone ? [] : Routing.ConversationKeys.Meta(place), (key, _) =>
        {
            some.Add(ConversationId.Read(key[1..]));
            return some.Count < TogetherMax;
        });
        return some;
    }

    /// <summary>A moment for the others, between pieces of work that take about as long.</summary>
    public Task RestAsync(CancellationToken stop) => Task.Delay(TimeSpan.FromMilliseconds(1), clock, stop);

    /// <summary>Reads a conversation from its beginning to the head of this moment. What is damaged is passed over: nobody can tell whose it was.</summary>
    public async Task ReadAsync(ConversationId conversation, PageVisitor visit, CancellationToken stop)
    {
        ulong head = log.ReadHead(conversation).Sequence;
        ArrayBufferWriter<byte> buffer = new();
        for (ulong position = 0; position < head;)
        {
            stop.ThrowIfCancellationRequested();
            long began = clock.GetTimestamp();
            buffer.ResetWrittenCount();
            LogPage page;
            try
            {
                page = log.ReadForward(conversation, position, head, int.MaxValue, PageBytes, buffer);
            }
            catch (CorruptRecordException)
            {
                position++;
                continue;
            }

            if (page.Count == 0)
            {
                break;
            }

            await visit(conversation, buffer.WrittenMemory);
            position = page.Last;
            TimeSpan took = clock.GetElapsedTime(began);
            await Task.Delay(took < RestMax ? took : RestMax, clock, stop);
        }
    }
}
