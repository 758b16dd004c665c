using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Reads every conversation of a replay from its first record, through a session that published nothing, and compares.</summary>
internal static class ReplayReader
{
    // Pages of several conversations under way at once keep the broker and this side busy; the broker takes 16.
    private const int ConversationsAtOnce = 4;

    /// <summary>What the reader is called in a history.</summary>
    public const string Process = "replay-reader";

    /// <summary>Reads and compares everything.</summary>
    /// <param name="client">A fresh session of the publishing user.</param>
    /// <param name="files">What was published.</param>
    /// <param name="onRead">Called with the number of records of each page.</param>
    /// <param name="recording">The history that what is read is written into.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<ReplayFindings> VerifyAsync(
        FastChatClient client, ReplayFile[] files, Action<int> onRead, ReplayRecording? recording, CancellationToken cancellation)
    {
        ReplayFindings[] findings = new ReplayFindings[files.Length];
        ParallelOptions options = new() { MaxDegreeOfParallelism = ConversationsAtOnce, CancellationToken = cancellation };
        await Parallel.ForAsync(0, files.Length, options, async (index, token) =>
            findings[index] = await VerifyAsync(client, files[index], index, onRead, recording, token).ConfigureAwait(false)).ConfigureAwait(false);
        return findings.Aggregate(static (left, right) => left + right);
    }

    private static async Task<ReplayFindings> VerifyAsync(
        FastChatClient client, ReplayFile file, int index, Action<int> onRead, ReplayRecording? recording, CancellationToken cancellation)
    {
        recording?.OnReading(Process, index, file.Conversation);
        ReplayVerifier verifier = new(file, client.User);
        LogPosition after = LogPosition.Start;
        bool complete = false;
        while (!complete)
        {
            HistoryPage page = await client.FetchAsync(file.Conversation, after, FetchDirection.Forward, cancellationToken: cancellation).ConfigureAwait(false);
            foreach (ChatMessage message in page.Messages)
            {
                recording?.OnRecord(Process, index, message);
                verifier.See(message.Sequence, message.Sender, message.Publisher, message.ClientMessageId, message.Kind, message.Body.Span);
                after = message.Position;
            }

            onRead(page.Messages.Count);
            complete = page.IsComplete;
            if (complete)
            {
                recording?.OnRead(Process, index, file.Conversation, page.Epoch, page.Head);
            }
        }

        return verifier.Finish();
    }
}
