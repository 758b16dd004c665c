using FastChat.Client;

namespace FastChat.Cli;

/// <summary>
/// Publishes the files of a plan over several connections. A file is published by one connection from its first to its last line, which keeps its order; the
/// next file begins while the acknowledgements of the last one are under way. The client's send queue is the only brake.
/// </summary>
internal sealed class ReplayPublisher
{
    private readonly ReplayPlan _plan;
    private readonly ReplayTally _tally;
    private readonly ReplayRecording? _recording;
    private int _nextFile = -1;

    /// <summary>Publishes <paramref name="plan"/>, counts in <paramref name="tally"/>, and writes a history when there is one to write.</summary>
    public ReplayPublisher(ReplayPlan plan, ReplayTally tally, ReplayRecording? recording)
    {
        _plan = plan;
        _tally = tally;
        _recording = recording;
    }

    /// <summary>Publishes everything; returns when every message has been answered.</summary>
    public async Task RunAsync(IReadOnlyList<FastChatClient> clients, CancellationToken cancellation)
    {
        _tally.Start();
        await Task.WhenAll(clients.Select((client, number) => Task.Run(() => PublishAsync(client, number, cancellation), cancellation))).ConfigureAwait(false);
    }

    private async Task PublishAsync(FastChatClient client, int number, CancellationToken cancellation)
    {
        int index;
        while ((index = Interlocked.Increment(ref _nextFile)) < _plan.Files.Length)
        {
            _recording?.Assign(index, number);
            await PublishFileAsync(client, index, cancellation).ConfigureAwait(false);
        }

        await client.FlushAsync(cancellation).ConfigureAwait(false);
    }

    private async Task PublishFileAsync(FastChatClient client, int index, CancellationToken cancellation)
    {
        ReplayFile file = _plan.Files[index];
        for (int i = 0; i < file.Count; i++)
        {
            long tag = ReplayTally.TagOf(index, i);
            try
            {
                ChatLogMessage message = file.Log.Messages[i];
                _recording?.OnPosting(index, file, i);
                ValueTask posted = client.PostAsync(
                    file.Conversation, file.Ids[i], message.Kind, file.Log.Text(message), file.Senders[i], _tally, tag, cancellation);
                if (!posted.IsCompletedSuccessfully)
                {
                    await posted.ConfigureAwait(false);
                }
            }
            catch (RequestException refused)
            {
                // Larger than the broker takes: told here and not by the broker, counted the same.
                _tally.OnFailed(tag, refused);
            }
        }
    }
}
