using System.Collections.Concurrent;
using System.Threading.Channels;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What became of telling the broker how far the user has read.</summary>
internal enum ReportOutcome
{
    /// <summary>It knows.</summary>
    Told,

    /// <summary>It does not want to know: the user is no member any more, or the broker is an older one.</summary>
    Refused,

    /// <summary>It had no time, or no room.</summary>
    Later,
}

/// <summary>
/// Tells the broker how far the user has read, so that their other devices agree: the latest position of each room, at most once a second, whatever came in between. The chat's loop
/// puts in, one task beside it sends.
/// </summary>
/// <param name="tell">Tells it of a conversation, a thread of it (0 = itself) and a position.</param>
/// <param name="time">The clock.</param>
internal sealed class ReadReporter(Func<ConversationId, ulong, ulong, CancellationToken, Task<ReportOutcome>> tell, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // One entry for each open room that has something to say.
    private readonly ConcurrentDictionary<(ConversationId Conversation, ulong Thread), ulong> _waiting = new();
    private readonly ConcurrentDictionary<ConversationId, bool> _refused = new();
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>A reporter of a client.</summary>
    public static ReadReporter Of(FastChatClient client, TimeProvider time) => new(
        async (conversation, thread, read, cancellation) =>
        {
            try
            {
                await client.MoveCursorAsync(conversation, read, thread: thread, cancellationToken: cancellation).ConfigureAwait(false);
                return ReportOutcome.Told;
            }
            catch (RequestException refused)
            {
                return refused.IsRetryable ? ReportOutcome.Later : ReportOutcome.Refused;
            }
        },
        time);

    /// <summary>The user has read up to here.</summary>
    public void Report(ConversationId conversation, ulong thread, ulong read)
    {
        if (!_refused.ContainsKey(conversation))
        {
            _waiting.AddOrUpdate((conversation, thread), read, (_, before) => Math.Max(before, read));
            _news.Writer.TryWrite(true);
        }
    }

    /// <summary>Sends until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await _news.Reader.ReadAsync(cancellation).ConfigureAwait(false);
            await SendAsync(cancellation).ConfigureAwait(false);
            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Sends what waits.</summary>
    public async Task SendAsync(CancellationToken cancellation)
    {
        foreach ((ConversationId conversation, ulong thread) in _waiting.Keys)
        {
            if (!_waiting.TryRemove((conversation, thread), out ulong read))
            {
                continue;
            }

            // Until it is told it waits here, also when the telling is given up.
            ReportOutcome outcome = ReportOutcome.Later;
            try
            {
                outcome = await tell(conversation, thread, read, cancellation).ConfigureAwait(false);
            }
            finally
            {
                if (outcome == ReportOutcome.Later)
                {
                    Report(conversation, thread, read);
                }
            }

            if (outcome == ReportOutcome.Refused)
            {
                _refused[conversation] = true;
            }
        }
    }
}
