using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Who of the room on the screen is there. One conversation is watched at a time, the one that somebody looks at: a screen shows no more. The chat's loop owns it; the watch runs
/// beside the loop and posts.
/// </summary>
internal sealed class ChatPresence(FastChatClient client, Func<Action, ValueTask> post, CancellationToken ending)
{
    private readonly Dictionary<UserId, PresenceEntry> _entries = [];
    private CancellationTokenSource? _watching;
    private Task _watch = Task.CompletedTask;
    private ConversationId _conversation;

    /// <summary>Members who are there; null while that is not known, or may not be told.</summary>
    public int? Online { get; private set; }

    /// <summary>All members.</summary>
    public int Members { get; private set; }

    /// <summary>How the user is seen.</summary>
    public Availability Own { get; set; } = Availability.Online;

    /// <summary>What the header says of a room: how the other one of a direct conversation is there, or how many are; empty when it is not known.</summary>
    public string LineOf(ChatRoom room, TimeZoneInfo zone) => room.Conversation != _conversation || Online is not { } online
        ? string.Empty
        : room.Kind == ConversationKind.Direct && _entries.GetValueOrDefault(room.Peer) is { } peer ? ChatPeople.Line(peer, zone) : $"● {online} of {Members} online";

    /// <summary>Everybody who is known of.</summary>
    public IReadOnlyDictionary<UserId, PresenceEntry> Entries => _entries;

    /// <summary>The room is on the screen from now on.</summary>
    public void Show(ChatRoom room)
    {
        if (room.Conversation == _conversation)
        {
            return;
        }

        _conversation = room.Conversation;
        _watching?.Cancel();
        _watching?.Dispose();
        _watching = null;
        _entries.Clear();
        Online = null;
        if (room.IsMember)
        {
            _watching = CancellationTokenSource.CreateLinkedTokenSource(ending);
            _watch = WatchAsync(_watch, room.Conversation, _watching.Token);
        }
    }

    private async Task WatchAsync(Task before, ConversationId conversation, CancellationToken cancellation)
    {
        // A conversation is watched once at a time, and this may be the one that was left a moment ago.
        await before.ConfigureAwait(false);
        try
        {
            await foreach (PresenceUpdate update in client.WatchPresenceAsync(conversation, cancellation).ConfigureAwait(false))
            {
                await post(() => Take(conversation, update)).ConfigureAwait(false);
            }

            await post(() => Forget(conversation)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Another room is on the screen, or the chat ends.
        }
        catch (ClientException)
        {
            // No longer a member, too many members, an older broker, or no connection, which the status line says: nobody is shown then.
            await post(() => Forget(conversation)).ConfigureAwait(false);
        }
    }

    private void Forget(ConversationId conversation)
    {
        if (conversation == _conversation)
        {
            Online = null;
            _entries.Clear();
        }
    }

    private void Take(ConversationId conversation, PresenceUpdate update)
    {
        if (conversation != _conversation)
        {
            return;
        }

        if (update.IsRestart || update.Entries is null)
        {
            _entries.Clear();
        }

        foreach (PresenceEntry entry in update.Entries ?? [])
        {
            _entries[entry.User] = entry;
        }

        (Online, Members) = (update.Online, update.Members);
    }
}
