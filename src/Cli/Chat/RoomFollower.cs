using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Keeps one room up to date: its newest page, then everything that comes, without a seam; older pages when they are asked for. Runs beside the chat's loop and
/// hands everything over by <c>post</c>, so the room itself is touched by the loop alone.
/// </summary>
internal sealed class RoomFollower
{
    private const int FirstPageSize = 200;
    private const int BatchMax = 256;

    private readonly FastChatClient _client;
    private readonly ChatRoom _room;
    private readonly Func<Action, ValueTask> _post;
    private readonly TimeProvider _time;

    /// <summary>Follows <paramref name="room"/>; <paramref name="post"/> queues an action for the chat's loop.</summary>
    public RoomFollower(FastChatClient client, ChatRoom room, Func<Action, ValueTask> post, TimeProvider time)
    {
        _client = client;
        _room = room;
        _post = post;
        _time = time;
    }

    /// <summary>Adds an entry of the log to the room; the chat knows whether the room is on the screen.</summary>
    public required Action<ChatRoom, ChatEntry> OnEntry { get; init; }

    /// <summary>Follows until cancelled, or until the user is no longer a member.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        UserNames names = new(_client);
        try
        {
            LogPosition after = await LoadNewestAsync(names, cancellation).ConfigureAwait(false);
            while (true)
            {
                try
                {
                    await FollowAsync(after, names, cancellation).ConfigureAwait(false);
                    await RemarkAsync("you are no longer a member of this conversation").ConfigureAwait(false);
                    return;
                }
                catch (EpochChangedException changed)
                {
                    await RemarkAsync($"the server's log was replaced (epoch {changed.Epoch}): messages above may be gone").ConfigureAwait(false);
                    after = new LogPosition(changed.Epoch, changed.Head);
                    await _post(() => _room.Restart(changed.Head)).ConfigureAwait(false);
                }
                catch (HistoryTruncatedException truncated)
                {
                    await RemarkAsync($"messages before {truncated.First} are no longer kept").ConfigureAwait(false);
                    after = truncated.ResumeAfter;
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The room was left, or the chat ends.
        }
        catch (ClientException failure)
        {
            await RemarkAsync(FailureText.Of(failure)).ConfigureAwait(false);
        }
    }

    /// <summary>Loads a page above what is loaded. The caller has set <see cref="ChatRoom.IsLoading"/>.</summary>
    public async Task LoadOlderAsync(ulong before, int count, CancellationToken cancellation)
    {
        try
        {
            UserNames names = new(_client);
            HistoryPage page = await _client.FetchAsync(_room.Conversation, new LogPosition(0, before), FetchDirection.Backward, count, cancellation).ConfigureAwait(false);
            List<ChatEntry> entries = await EntriesAsync(page.Messages, names, cancellation).ConfigureAwait(false);
            await _post(() => _room.AddOlder(entries, page.IsComplete)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The room was left, or the chat ends.
        }
        catch (ClientException failure)
        {
            await _post(() => _room.IsLoading = false).ConfigureAwait(false);
            await RemarkAsync(FailureText.Of(failure)).ConfigureAwait(false);
        }
    }

    private async Task<LogPosition> LoadNewestAsync(UserNames names, CancellationToken cancellation)
    {
        HistoryPage page = await _client.FetchAsync(
            _room.Conversation, new LogPosition(0, LogPosition.Latest), FetchDirection.Backward, FirstPageSize, cancellation).ConfigureAwait(false);
        List<ChatEntry> entries = await EntriesAsync(page.Messages, names, cancellation).ConfigureAwait(false);
        await _post(() => _room.AddOlder(entries, page.IsComplete)).ConfigureAwait(false);
        return page.Messages.Count > 0 ? page.Messages[^1].Position : new LogPosition(page.Epoch, 0);
    }

    // Messages that arrived together are handed over together: one question for names, one redraw.
    private async Task FollowAsync(LogPosition after, UserNames names, CancellationToken cancellation)
    {
        List<ChatMessage> batch = [];
        IAsyncEnumerator<ChatMessage> messages = _client.ReadAsync(_room.Conversation, after, cancellation).GetAsyncEnumerator(cancellation);
        await using (messages.ConfigureAwait(false))
        {
            bool more = true;
            while (more)
            {
                ValueTask<bool> next = messages.MoveNextAsync();
                if (batch.Count > 0 && (!next.IsCompleted || batch.Count >= BatchMax))
                {
                    List<ChatEntry> entries = await EntriesAsync(batch, names, cancellation).ConfigureAwait(false);
                    batch.Clear();
                    await _post(() => entries.ForEach(entry => OnEntry(_room, entry))).ConfigureAwait(false);
                }

                more = await next.ConfigureAwait(false);
                if (more)
                {
                    batch.Add(messages.Current);
                }
            }
        }
    }

    private async Task<List<ChatEntry>> EntriesAsync(IReadOnlyList<ChatMessage> messages, UserNames names, CancellationToken cancellation)
    {
        await names.LearnAsync(messages, cancellation).ConfigureAwait(false);
        return [.. messages.Select(message => ChatTexts.EntryOf(message, names.View(message), _client.User, _time.LocalTimeZone))];
    }

    private ValueTask RemarkAsync(string text) => _post(() => _room.AddRemark(ChatEntry.Remark(text, _time.GetLocalNow()), columns: 80));
}
