using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The rooms that are open and which of them is on the screen. The chat's loop owns it; only what is named …Async runs beside the loop.</summary>
internal sealed class ChatRooms
{
    // More rooms than a status line can show help nobody; the rest is reached with /join.
    private const int MembershipsMax = 20;

    private readonly FastChatClient _client;
    private readonly Func<Action, ValueTask> _post;
    private readonly TimeProvider _time;
    private readonly Func<int> _columns;
    private readonly CancellationToken _ending;
    private readonly List<ChatRoom> _rooms = [];
    private readonly Dictionary<ChatRoom, (RoomFollower Follower, CancellationTokenSource Stop)> _followers = [];
    private ChatRoom? _current;

    /// <summary>Makes an empty list.</summary>
    /// <param name="client">The connection.</param>
    /// <param name="post">Queues an action for the loop.</param>
    /// <param name="time">The clock.</param>
    /// <param name="columns">The terminal's width now.</param>
    /// <param name="ending">The chat ends.</param>
    public ChatRooms(FastChatClient client, Func<Action, ValueTask> post, TimeProvider time, Func<int> columns, CancellationToken ending)
    {
        _client = client;
        _post = post;
        _time = time;
        _columns = columns;
        _ending = ending;
    }

    /// <summary>Every open room, in the order of opening.</summary>
    public IReadOnlyList<ChatRoom> All => _rooms;

    /// <summary>The room on the screen; there is always one once the first is shown.</summary>
    public ChatRoom Current => _current ?? throw new InvalidOperationException("no room is shown yet");

    /// <summary>Queues an action for the loop, from beside it.</summary>
    public ValueTask PostAsync(Action action) => _post(action);

    /// <summary>Opens a room and begins to follow it; one that is open is found.</summary>
    public ChatRoom Open(ConversationInfo conversation)
    {
        ChatRoom? open = _rooms.Find(room => room.Conversation == conversation.Conversation);
        if (open is not null)
        {
            return open;
        }

        ChatRoom room = new(conversation.Conversation, ConversationArgument.Label(conversation)) { IsLoading = true, Role = conversation.Role, Kind = conversation.Kind };
        CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(_ending);
        RoomFollower follower = new(_client, room, _post, _time) { OnEntry = (target, entry) => target.AddNewer(entry, target == _current, _columns()) };
        _rooms.Add(room);
        _followers[room] = (follower, stop);
        _ = follower.RunAsync(stop.Token);
        return room;
    }

    /// <summary>Brings a room to the screen.</summary>
    public void Show(ChatRoom room)
    {
        _current = room;
        room.Enter();
    }

    /// <summary>Brings the room with a number (from 0) to the screen, if there is one.</summary>
    public void Show(int index)
    {
        if (index >= 0 && index < _rooms.Count)
        {
            Show(_rooms[index]);
        }
    }

    /// <summary>The next room with something unread; without one, the next room.</summary>
    public void ShowNext()
    {
        int at = _rooms.IndexOf(Current);
        for (int step = 1; step < _rooms.Count; step++)
        {
            ChatRoom room = _rooms[(at + step) % _rooms.Count];
            if (room.Unread > 0)
            {
                Show(room);
                return;
            }
        }

        Show((at + 1) % _rooms.Count);
    }

    /// <summary>Closes a room; false for the last one, which stays.</summary>
    public bool Close(ChatRoom room)
    {
        if (_rooms.Count == 1)
        {
            return false;
        }

        int at = _rooms.IndexOf(room);
        _rooms.RemoveAt(at);
        _followers.Remove(room, out (RoomFollower Follower, CancellationTokenSource Stop) following);
        following.Stop.Cancel();
        following.Stop.Dispose();
        if (room == _current)
        {
            Show(Math.Min(at, _rooms.Count - 1));
        }

        return true;
    }

    /// <summary>Loads a page above what is loaded, unless one is under way.</summary>
    public void LoadOlder(ChatRoom room, int count)
    {
        if (!room.IsLoading && !room.IsComplete && _followers.TryGetValue(room, out (RoomFollower Follower, CancellationTokenSource Stop) following))
        {
            room.IsLoading = true;
            _ = following.Follower.LoadOlderAsync(room.Oldest == 0 ? LogPosition.Latest : room.Oldest, count, following.Stop.Token);
        }
    }

    /// <summary>A message that was sent from here was refused.</summary>
    public void Fail(ChatRoom room, ClientMessageId id) => room.Fail(id, _columns());

    /// <summary>Says something to the reader, in the room on the screen.</summary>
    public void Remark(string text) => Remark(Current, text);

    /// <summary>Says something to the reader of a room.</summary>
    public void Remark(ChatRoom room, string text) => room.AddRemark(ChatEntry.Remark(text, _time.GetLocalNow()), _columns());

    /// <summary>Opens the conversations that the user is a member of, so that their unread messages show.</summary>
    public async Task OpenMembershipsAsync(CancellationToken cancellation)
    {
        ConversationPage page = await _client.ListConversationsAsync(limit: MembershipsMax, cancellationToken: cancellation).ConfigureAwait(false);
        await _post(() =>
        {
            foreach (ConversationInfo conversation in page.Conversations)
            {
                if (conversation.Role == MemberRole.Invited)
                {
                    Remark($"you are invited to {ConversationArgument.Label(conversation)}: /join {conversation.Name ?? conversation.Conversation.ToString()}");
                    continue;
                }

                Open(conversation);
            }
        }).ConfigureAwait(false);
    }
}
