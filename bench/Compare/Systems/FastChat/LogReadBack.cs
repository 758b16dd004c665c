using FastChat.Client;
using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// Reads whole logs into a history when a run is over, a page at a time: only so can be told that what was acknowledged is stored. Two of them read the same: that a position is the same to
/// everybody takes two to see.
/// </summary>
/// <param name="client">A connection that published nothing.</param>
/// <param name="history">Its process.</param>
internal sealed class LogReadBack(FastChatClient client, ProcessHistory history)
{
    // Pages of several logs under way at once keep the broker and this side busy; the broker takes 16.
    private const int LogsAtOnce = 4;

    private long _records;

    /// <summary>Reads the logs; returns how many records they hold.</summary>
    /// <exception cref="ClientException">The server does not answer.</exception>
    public async Task<long> ReadAsync(IReadOnlyList<ConversationId> conversations, CancellationToken cancellation)
    {
        ParallelOptions options = new() { MaxDegreeOfParallelism = LogsAtOnce, CancellationToken = cancellation };
        await Parallel.ForAsync(0, conversations.Count, options, async (index, token) =>
            await ReadAsync(conversations[index], (ulong)index + 1, token).ConfigureAwait(false)).ConfigureAwait(false);
        history.End();
        return _records;
    }

    private async Task ReadAsync(ConversationId conversation, ulong request, CancellationToken cancellation)
    {
        HistoryEvent reading = new() { Conversation = conversation };
        history.Write(HistoryOp.ReadLog, HistoryPhase.Invoke, request, reading);
        LogPosition after = LogPosition.Start;
        HistoryPage page;
        do
        {
            page = await client.FetchAsync(conversation, after, FetchDirection.Forward, cancellationToken: cancellation).ConfigureAwait(false);
            foreach (ChatMessage message in page.Messages)
            {
                history.Write(HistoryOp.Record, HistoryPhase.None, request, Of(message));
                after = message.Position;
            }

            Interlocked.Add(ref _records, page.Messages.Count);
        }
        while (!page.IsComplete);

        history.Write(HistoryOp.ReadLog, HistoryPhase.Ok, request, reading with { Epoch = page.Epoch, Head = page.Head });
    }

    private static HistoryEvent Of(ChatMessage message) => RecordEvents.Of(
        message.Conversation, message.Position, message.Sender, message.Publisher, message.Device, message.ClientMessageId, message.Kind, message.Body.Span, message.IsErased);
}
