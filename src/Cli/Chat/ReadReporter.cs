using System.Collections.Concurrent;
using System.Threading.Channels;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Tells the broker how far the user has read, so that their other devices agree: the latest position of each room, at most once a second, whatever came in between. The chat's loop
/// puts in, one task beside it sends.
/// </summary>
internal sealed class ReadReporter(FastChatClient client, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // One entry for each open room; a room that may not say anything stays here as one that is not told of.
    private readonly ConcurrentDictionary<(ConversationId Conversation, ulong Thread), ulong> _waiting = new();
    private readonly ConcurrentDictionary<ConversationId, bool> _refused = new();
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>The user has read up to here.</summary>
    public void Report(ConversationId conversation, ulong thread, ulong read)
    {
        if (_refused.ContainsKey(conversation))
        {
            return;
        }

        _waiting[(conversation, thread)] = read;
        _news.Writer.TryWrite(true);
    }

    /// <summary>Sends until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
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

            try
            {
                await client.MoveCursorAsync(conversation, read, thread: thread, cancellationToken: cancellation).ConfigureAwait(false);
            }
            catch (RequestException refused) when (!refused.IsRetryable)
            {
                // Not a member any more, or an older broker: what is read stays known to this program only.
                _refused[conversation] = true;
            }
            catch (RequestException)
            {
                // Too busy, or the disk is full: the next message that is seen says it again, and so does the next visit.
            }
        }
    }
}
