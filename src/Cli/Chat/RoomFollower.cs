using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Keeps one room up to date: its newest page, then everything that comes, without a seam; older pages when they are asked for. A page comes with what has become of its messages up
/// to a head, and the room leaves the changes up to there out. Runs beside the chat's loop and hands everything over by <c>post</c>, so the room itself is touched by the loop alone.
/// </summary>
internal sealed class RoomFollower
{
    private const int FirstPageSize = 200;
    private const int BatchMax = 256;
    private const int QuotesMax = 32;
    private const int ThreadMax = 2000;

    private readonly FastChatClient _client;
    private readonly ChatRoom _room;
    private readonly Func<Action, ValueTask> _post;
    private readonly TimeProvider _time;
    private readonly ChatTexts _texts;

    /// <summary>Follows <paramref name="room"/>; <paramref name="post"/> queues an action for the chat's loop.</summary>
    public RoomFollower(FastChatClient client, ChatRoom room, Func<Action, ValueTask> post, TimeProvider time)
    {
        _client = client;
        _room = room;
        _post = post;
        _time = time;
        _texts = new ChatTexts(client.User, client.UserName, time.LocalTimeZone);
    }

    /// <summary>Takes a record of the log; the chat knows which rooms show it. Called on the chat's loop.</summary>
    public required Action<ChatRoom, ChatItem> OnItem { get; init; }

    /// <summary>Follows until cancelled, or until the user is no longer a member. A thread is loaded, and then fed by its conversation's room.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await (_room.Thread == 0 ? FollowAsync(cancellation) : LoadThreadAsync(cancellation)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The room was left, or the chat ends.
        }
        catch (ClientException failure)
        {
            await _post(() => _room.Entries.IsLoading = false).ConfigureAwait(false);
            await RemarkAsync(FailureText.Of(failure)).ConfigureAwait(false);
        }
    }

    /// <summary>Loads a page above what is loaded. The caller has set <see cref="RoomEntries.IsLoading"/>.</summary>
    public async Task LoadOlderAsync(ulong before, int count, CancellationToken cancellation)
    {
        try
        {
            await LoadPageAsync(before, count, new UserNames(_client), cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The room was left, or the chat ends.
        }
        catch (ClientException failure)
        {
            await _post(() => _room.Entries.IsLoading = false).ConfigureAwait(false);
            await RemarkAsync(FailureText.Of(failure)).ConfigureAwait(false);
        }
    }

    private async Task FollowAsync(CancellationToken cancellation)
    {
        UserNames names = new(_client);
        LogPosition after = await LoadPageAsync(LogPosition.Latest, FirstPageSize, names, cancellation).ConfigureAwait(false);
        while (true)
        {
            try
            {
                await ReadAsync(after, names, cancellation).ConfigureAwait(false);
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

    private async Task<LogPosition> LoadPageAsync(ulong before, int count, UserNames names, CancellationToken cancellation)
    {
        HistoryPage page = await _client.FetchAsync(_room.Conversation, new LogPosition(0, before), FetchDirection.Backward, count, cancellation).ConfigureAwait(false);
        List<ChatEntry> entries = await EntriesAsync(page.Messages, names, cancellation).ConfigureAwait(false);
        ulong first = page.Messages.Count > 0 ? page.Messages[0].Sequence : 0;
        ulong last = page.Messages.Count > 0 ? page.Messages[^1].Sequence : 0;
        await _post(() => _room.AddOlder(entries, first, last, page.IsComplete)).ConfigureAwait(false);
        await QuoteAsync(entries, names, cancellation).ConfigureAwait(false);
        return page.Messages.Count > 0 ? page.Messages[^1].Position : new LogPosition(page.Epoch, 0);
    }

    private async Task LoadThreadAsync(CancellationToken cancellation)
    {
        UserNames names = new(_client);
        HistoryPage root = await _client.FetchAsync(_room.Conversation, new LogPosition(0, _room.Thread + 1), FetchDirection.Backward, 1, cancellation).ConfigureAwait(false);
        List<ChatMessage> messages = [.. root.Messages.Where(message => message.Sequence == _room.Thread)];
        MessagePage page;
        do
        {
            page = await _client.GetThreadAsync(_room.Conversation, _room.Thread, messages.Count > 0 ? messages[^1].Sequence : 0, cancellationToken: cancellation).ConfigureAwait(false);
            messages.AddRange(page.Messages);
        }
        while (!page.IsComplete && page.Messages.Count > 0 && messages.Count < ThreadMax);

        List<ChatEntry> entries = await EntriesAsync(messages, names, cancellation).ConfigureAwait(false);
        await _post(() => _room.AddOlder(entries, _room.Thread, messages.Count > 0 ? messages[^1].Sequence : 0, isComplete: true)).ConfigureAwait(false);
        if (!page.IsComplete)
        {
            await RemarkAsync($"the thread has more than {ThreadMax} messages: the later ones are in the conversation").ConfigureAwait(false);
        }
    }

    // Messages that arrived together are handed over together: one question for names, one redraw.
    private async Task ReadAsync(LogPosition after, UserNames names, CancellationToken cancellation)
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
                    await LearnAsync(names, batch, cancellation).ConfigureAwait(false);
                    ChatItem[] items = [.. batch.Select(message => _texts.ItemOf(message, names.View(message), names))];
                    batch.Clear();
                    await _post(() => Array.ForEach(items, item => OnItem(_room, item))).ConfigureAwait(false);
                    await QuoteAsync([.. items.Select(static item => item.Entry).OfType<ChatEntry>()], names, cancellation).ConfigureAwait(false);
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
        await LearnAsync(names, messages, cancellation).ConfigureAwait(false);
        List<ChatEntry> entries = [.. messages.Select(message => _texts.ItemOf(message, names.View(message), names).Entry).OfType<ChatEntry>()];
        if (messages.Count > 0)
        {
            try
            {
                await BeginAsync(entries, messages[0].Sequence, messages[^1].Sequence, cancellation).ConfigureAwait(false);
            }
            catch (RequestException)
            {
                // An older broker, or one that is too busy: the messages are shown as they were sent, and changed by what comes.
            }
        }

        return entries;
    }

    // Every part of the answer is the state at a head of its own.
    private async Task BeginAsync(List<ChatEntry> entries, ulong first, ulong last, CancellationToken cancellation)
    {
        for (ulong next = first; next != 0 && next <= last;)
        {
            MessageStatePage page = await _client.GetMessageStatesAsync(_room.Conversation, next, last, cancellation).ConfigureAwait(false);
            HashSet<ulong> hidden = [.. page.Hidden];
            Dictionary<ulong, MessageState> states = page.States.ToDictionary(static state => state.Sequence);
            ulong from = next;
            ulong end = page.Next == 0 ? last : page.Next - 1;
            foreach (ChatEntry entry in entries.Where(entry => entry.IsMessage && entry.Sequence >= from && entry.Sequence <= end))
            {
                entry.Begin(states.TryGetValue(entry.Sequence, out MessageState? state) ? MessageMarks.Of(state) : entry.Marks, state?.Text, page.Head);
                entry.Hide(hidden.Contains(entry.Sequence));
            }

            next = page.Next > next ? page.Next : 0;
        }
    }

    // What is answered and not loaded is asked for, message by message, behind what is on the screen already.
    private async Task QuoteAsync(IReadOnlyList<ChatEntry> entries, UserNames names, CancellationToken cancellation)
    {
        if (!entries.Any(static entry => entry.QuotedSequence != 0))
        {
            return;
        }

        TaskCompletionSource<ulong[]> asking = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await _post(() => asking.SetResult([.. _room.Entries.MissingQuotes(entries).Take(QuotesMax)])).ConfigureAwait(false);
        foreach (ulong sequence in await asking.Task.WaitAsync(cancellation).ConfigureAwait(false))
        {
            ChatEntry? quoted = await FindAsync(sequence, names, cancellation).ConfigureAwait(false);
            Quote quote = quoted is null ? new Quote("?", "not to be read here") : RoomEntries.QuoteOf(quoted);
            await _post(() => _room.Entries.AnswerAll(sequence, quote)).ConfigureAwait(false);
        }
    }

    // Null where the user may not read: what somebody answers may be older than their right to the history.
    private async Task<ChatEntry?> FindAsync(ulong sequence, UserNames names, CancellationToken cancellation)
    {
        try
        {
            HistoryPage page = await _client.FetchAsync(_room.Conversation, new LogPosition(0, sequence + 1), FetchDirection.Backward, 1, cancellation).ConfigureAwait(false);
            List<ChatEntry> found = await EntriesAsync([.. page.Messages.Where(message => message.Sequence == sequence)], names, cancellation).ConfigureAwait(false);
            return found.Count > 0 ? found[0] : null;
        }
        catch (RequestException)
        {
            return null;
        }
    }

    // Names have a budget (protocol.md §2.3): past it people are shown by their ids, and asked about again with their next message.
    private static async Task LearnAsync(UserNames names, IReadOnlyList<ChatMessage> messages, CancellationToken cancellation)
    {
        try
        {
            await names.LearnAsync(messages, cancellation).ConfigureAwait(false);
        }
        catch (RequestException refused) when (refused.IsRetryable)
        {
            // The ids stand for them.
        }
    }

    private ValueTask RemarkAsync(string text) => _post(() => _room.AddRemark(ChatEntry.Remark(text, _time.GetLocalNow())));
}
