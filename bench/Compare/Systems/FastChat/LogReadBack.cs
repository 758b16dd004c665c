using System.Globalization;

using FastChat.Client;
using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// Reads whole logs into a history when a run is over, a page at a time: only so can be told that what was acknowledged is stored. A log is read whole or not at all. After
/// <see cref="RecordsMax"/> records no further one is begun, or the history of a long run would be mostly what is read in the end; how many were not read is said.
/// </summary>
/// <param name="client">A connection that published nothing.</param>
/// <param name="history">Its process.</param>
internal sealed class LogReadBack(FastChatClient client, ProcessHistory history)
{
    /// <summary>Records after which no further log is begun: some 2 GB of lines.</summary>
    public const long RecordsMax = 5_000_000;

    // Pages of several logs under way at once keep the broker and this side busy; the broker takes 16.
    private const int LogsAtOnce = 4;

    private long _records;
    private int _logs;

    /// <summary>Reads the logs; returns a line that says what was read and what was not.</summary>
    /// <exception cref="ClientException">The server does not answer.</exception>
    public async Task<string> ReadAsync(IReadOnlyList<ConversationId> conversations, CancellationToken cancellation)
    {
        history.OnConnecting();
        history.OnWelcome(client.User, client.Device, isResumed: false);
        ParallelOptions options = new() { MaxDegreeOfParallelism = LogsAtOnce, CancellationToken = cancellation };
        await Parallel.ForAsync(0, conversations.Count, options, async (index, token) =>
        {
            if (Interlocked.Read(ref _records) < RecordsMax)
            {
                await ReadAsync(conversations[index], (ulong)index + 1, token).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
        history.End();
        int left = conversations.Count - _logs;
        string unread = left == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"; {left:N0} more were NOT read back: no log is begun after {RecordsMax:N0} records");
        return string.Create(CultureInfo.InvariantCulture, $"{_records:N0} records of {_logs:N0} conversations read back{unread}");
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
        Interlocked.Increment(ref _logs);
    }

    private static HistoryEvent Of(ChatMessage message) => new()
    {
        Conversation = message.Conversation,
        Epoch = message.Position.Epoch,
        Sequence = message.Sequence,
        User = message.Sender,
        Publisher = message.Publisher == message.Sender ? default : message.Publisher,
        Device = message.Device,
        ClientMessageId = message.ClientMessageId,
        Kind = message.Kind,
        Hash = BodyHash.OfRecord(message.Body.Span, message.IsErased),
        Erased = message.IsErased,
        Member = (byte)message.Kind >= MessageKinds.FirstSystemKind && MembershipBody.TryRead(message.Body.Span, out MembershipBody body) ? body.User : default,
    };
}
