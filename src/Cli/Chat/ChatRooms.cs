using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The rooms that are open and which of them is on the screen. The chat's loop owns it; only what is named …Async runs beside the loop.</summary>
internal sealed class ChatRooms
{
    // More rooms than a status line can show help nobody; the rest is in /rooms and reached with /join.
    private const int MembershipsMax = 20;

    private readonly FastChatClient _client;
    private readonly Func<Action, ValueTask> _post;
    private readonly TimeProvider _time;
    private readonly ReadReporter _reporter;
    private readonly CancellationToken _ending;
    private readonly List<ChatRoom> _rooms = [];
    private readonly Dictionary<ChatRoom, (RoomFollower Follower, CancellationTokenSource Stop)> _followers = [];
    private ChatRoom? _current;

    /// <summary>Makes an empty list.</summary>
    /// <param name="client">The connection.</param>
    /// <param name="post">Queues an action for the loop.</param>
    /// <param name="time">The clock.</param>
    /// <param name="reporter">Tells the broker what was read.</param>
    /// <param name="ending">The chat ends.</param>
    public ChatRooms(FastChatClient client, Func<Action, ValueTask> post, TimeProvider time, ReadReporter reporter, CancellationToken ending)
    {
        _client = client;
        _post = post;
        _time = time;
        _reporter = reporter;
        _ending = ending;
    }

    /// <summary>A message came that is meant for the user: one that mentions them, or any in a direct conversation, and nobody looks at it.</summary>
    public event Action? Called;

    /// <summary>A room came to the screen.</summary>
    public event Action<ChatRoom>? Shown;

    /// <summary>Every open room, in the order of opening.</summary>
    public IReadOnlyList<ChatRoom> All => _rooms;

    /// <summary>The room on the screen; there is always one once the first is shown.</summary>
    public ChatRoom Current => _current ?? throw new InvalidOperationException("no room is shown yet");

    /// <summary>False while the terminal says that nobody looks at it.</summary>
    public bool IsLookedAt { get; set; } = true;

    /// <summary>Queues an action for the loop, from beside it.</summary>
    public ValueTask PostAsync(Action action) => _post(action);

    /// <summary>Opens a room and begins to follow it; one that is open is found.</summary>
    /// <param name="conversation">What it is.</param>
    /// <param name="name">What people call it.</param>
    /// <param name="waiting">What is unread there; null for who has just come, or is no member: nothing is.</param>
    public ChatRoom Open(ConversationInfo conversation, string name, InboxEntry? waiting = null)
    {
        if (Find(conversation.Conversation) is { } open)
        {
            return open;
        }

        ChatRoom room = new(conversation.Conversation, name)
        {
            Role = conversation.Role,
            Kind = conversation.Kind,
            Peer = conversation.Peer,
            Topic = SafeText.OneLine(conversation.Topic ?? (conversation.Name is null ? string.Empty : conversation.Title ?? string.Empty)),
        };
        room.Reading.Begin(
            waiting?.Read ?? conversation.Head, waiting?.Unread ?? 0, waiting?.HasMoreUnread ?? false, waiting?.Mentions ?? 0, waiting?.Conversation.Head ?? conversation.Head);
        if (waiting is null && room.IsMember && conversation.Head > 0)
        {
            _reporter.Report(room.Conversation, thread: 0, conversation.Head);
        }

        return Follow(room);
    }

    /// <summary>Opens a thread of a room, or finds it.</summary>
    public ChatRoom OpenThread(ChatRoom parent, ulong root)
    {
        ChatRoom? open = _rooms.Find(room => room.Conversation == parent.Conversation && room.Thread == root);
        return open ?? Follow(new ChatRoom(parent.Conversation, $"{parent.Name}›{root}")
        {
            Thread = root,
            Role = parent.Role,
            Kind = parent.Kind,
            Peer = parent.Peer,
            Topic = $"thread in {parent.Name}",
        });
    }

    /// <summary>The room of a conversation; null when it is not open.</summary>
    public ChatRoom? Find(ConversationId conversation) => _rooms.Find(room => room.Conversation == conversation && room.Thread == 0);

    /// <summary>Brings a room to the screen.</summary>
    public void Show(ChatRoom room)
    {
        _current?.Unpick();
        _current = room;
        room.Enter();
        Shown?.Invoke(room);
    }

    /// <summary>Brings the room with a number (from 0) to the screen, if there is one.</summary>
    public void Show(int index)
    {
        if (index >= 0 && index < _rooms.Count)
        {
            Show(_rooms[index]);
        }
    }

    /// <summary>The next room that calls the user, else the next with something unread; false when there is none.</summary>
    public bool ShowUnread()
    {
        int at = _rooms.IndexOf(Current);
        ChatRoom[] others = [.. _rooms.Skip(at + 1).Concat(_rooms.Take(at))];
        ChatRoom? next = Array.Find(others, static room => room.Reading.Mentions > 0) ?? Array.Find(others, static room => room.Reading.Unread > 0);
        if (next is not null)
        {
            Show(next);
        }

        return next is not null;
    }

    /// <summary>The next room with something unread; without one, the next room.</summary>
    public void ShowNext()
    {
        if (!ShowUnread())
        {
            Show((_rooms.IndexOf(Current) + 1) % _rooms.Count);
        }
    }

    /// <summary>Closes a room, and its threads; false for the last one, which stays.</summary>
    public bool Close(ChatRoom room)
    {
        ChatRoom[] closing = [.. _rooms.Where(other => other == room || (room.Thread == 0 && other.Conversation == room.Conversation))];
        if (closing.Length == _rooms.Count)
        {
            return false;
        }

        int at = _rooms.IndexOf(room);
        foreach (ChatRoom one in closing)
        {
            _rooms.Remove(one);
            _followers.Remove(one, out (RoomFollower Follower, CancellationTokenSource Stop) following);
            following.Stop.Cancel();
            following.Stop.Dispose();
        }

        if (!_rooms.Contains(Current))
        {
            Show(Find(room.Conversation) is { } parent ? _rooms.IndexOf(parent) : Math.Min(at, _rooms.Count - 1));
        }

        return true;
    }

    /// <summary>Loads a page above what is loaded, unless one is under way.</summary>
    public void LoadOlder(ChatRoom room, int count)
    {
        if (!room.Entries.IsLoading && !room.Entries.IsComplete && !room.Entries.IsFull && _followers.TryGetValue(room, out (RoomFollower Follower, CancellationTokenSource Stop) following))
        {
            room.Entries.IsLoading = true;
            _ = following.Follower.LoadOlderAsync(room.Entries.Oldest == 0 ? LogPosition.Latest : room.Entries.Oldest, count, following.Stop.Token);
        }
    }

    /// <summary>What is on the screen has been seen, if somebody looks at it: it is read on the user's other devices as well. False when that was so already.</summary>
    public bool NoteSeen()
    {
        ChatRoom room = Current;
        if (!IsLookedAt || !room.Read(room.SeenUpTo))
        {
            return false;
        }

        if (room.IsMember)
        {
            _reporter.Report(room.Conversation, room.Thread, room.Reading.Read);
        }

        return true;
    }

    /// <summary>The user has read on, on another device; or somebody else has.</summary>
    public void OnCursor(CursorNotice notice)
    {
        ChatRoom? room = _rooms.Find(room => room.Conversation == notice.Conversation && room.Thread == notice.Thread);
        if (notice.Cursor.User == _client.User)
        {
            room?.Read(notice.Cursor.Read);
        }
        else
        {
            room?.NoteReader(notice.Cursor.User, notice.Cursor.Read);
        }
    }

    /// <summary>Says something to the reader, in the room on the screen.</summary>
    public void Remark(string text) => Remark(Current, text);

    /// <summary>Says something to the reader of a room.</summary>
    public void Remark(ChatRoom room, string text) => room.AddRemark(ChatEntry.Remark(text, _time.GetLocalNow()));

    /// <summary>Opens the conversations that the user belongs to, the most recently active first, so that what waits there shows.</summary>
    public async Task OpenMembershipsAsync(CancellationToken cancellation)
    {
        InboxPage page = await _client.GetInboxAsync(limit: MembershipsMax, cancellationToken: cancellation).ConfigureAwait(false);
        foreach (InboxEntry entry in page.Entries)
        {
            string label = await RoomLabels.OfAsync(_client, entry.Conversation, cancellation).ConfigureAwait(false);
            await _post(() =>
            {
                if (entry.Conversation.Role == MemberRole.Invited)
                {
                    Remark(RoomLabels.Invitation(entry.Conversation, label));
                }
                else
                {
                    Open(entry.Conversation, label, entry);
                }
            }).ConfigureAwait(false);
        }
    }

    /// <summary>The user does not want to see other messages of a conversation than before, said on this device or another.</summary>
    public async Task OnHiddenAsync(ConversationId conversation, CancellationToken cancellation)
    {
        HashSet<ulong> hidden = [];
        ReadOnlyMemory<byte>? next = null;
        do
        {
            HiddenPage page = await _client.ListHiddenAsync(conversation, next, cancellation).ConfigureAwait(false);
            hidden.UnionWith(page.Messages.Select(static message => message.Sequence));
            next = page.Next;
        }
        while (next is not null);
        await _post(() =>
        {
            foreach (ChatRoom room in _rooms.Where(room => room.Conversation == conversation))
            {
                room.Entries.Hide(hidden);
            }
        }).ConfigureAwait(false);
    }

    /// <summary>The user was added or invited somewhere, or is something else there now.</summary>
    public async Task OnBelongingAsync(ConversationId conversation, CancellationToken cancellation)
    {
        ConversationInfo info = await _client.GetConversationAsync(conversation, cancellation).ConfigureAwait(false);
        string label = await RoomLabels.OfAsync(_client, info, cancellation).ConfigureAwait(false);
        InboxEntry? waiting = MemberRoles.IsMember(info.Role) ? await ChatTargets.WaitingAsync(_client, conversation, cancellation).ConfigureAwait(false) : null;
        await _post(() =>
        {
            foreach (ChatRoom room in _rooms.Where(room => room.Conversation == conversation))
            {
                room.Role = info.Role;
            }

            if (info.Role == MemberRole.Invited)
            {
                Remark(RoomLabels.Invitation(info, label));
            }
            else if (MemberRoles.IsMember(info.Role) && Find(conversation) is null && _rooms.Count < 2 * MembershipsMax)
            {
                // A direct conversation speaks for itself: somebody writes there.
                Open(info, label, waiting);
                if (info.Kind != ConversationKind.Direct)
                {
                    Remark($"you belong to {label} now");
                }
            }
        }).ConfigureAwait(false);
    }

    private ChatRoom Follow(ChatRoom room)
    {
        room.Entries.IsLoading = true;
        CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(_ending);
        RoomFollower follower = new(_client, room, _post, _time) { OnItem = Take };
        _rooms.Add(room);
        _followers[room] = (follower, stop);
        _ = follower.RunAsync(stop.Token);
        return room;
    }

    // A record goes to its conversation's room and to the threads of it that are open.
    private void Take(ChatRoom source, ChatItem item)
    {
        bool isSeen = IsLookedAt && _current is { } current && current.Conversation == source.Conversation && !current.IsScrolled;
        foreach (ChatRoom room in _rooms)
        {
            if (room.Conversation == source.Conversation)
            {
                room.Take(item, isSeen && room == _current);
            }
        }

        if (!isSeen && item.Entry is { IsMessage: true, IsOwn: false } entry && (entry.Context.IsMention || source.Kind == ConversationKind.Direct))
        {
            Called?.Invoke();
        }
    }
}
