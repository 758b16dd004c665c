using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Does what typed lines ask for. Called on the chat's loop; what asks the broker runs beside it and posts its result.</summary>
internal sealed class ChatCommands
{
    private const int HistoryPageSize = 2000;
    private const int RoomsListedMax = 200;

    private readonly FastChatClient _client;
    private readonly ChatRooms _rooms;
    private readonly ChatPresence _presence;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _ending;
    private readonly MessageCommands _messages;

    /// <summary>Commands of one chat; <paramref name="ending"/> is cancelled by /quit.</summary>
    public ChatCommands(FastChatClient client, ChatRooms rooms, ChatPresence presence, TimeProvider time, CancellationTokenSource ending)
    {
        _client = client;
        _rooms = rooms;
        _presence = presence;
        _time = time;
        _ending = ending;
        _messages = new MessageCommands(client, rooms, time, Start, ending.Token);
    }

    /// <summary>Does it.</summary>
    public void Run(ChatInput input)
    {
        ChatRoom room = _rooms.Current;
        string argument = input.Argument;
        switch (input.Verb)
        {
            case ChatVerb.Say: _messages.Say(room, argument); break;
            case ChatVerb.Reply: _messages.Reply(room, argument); break;
            case ChatVerb.Edit: _messages.Edit(room, argument); break;
            case ChatVerb.Delete: _messages.Delete(room); break;
            case ChatVerb.Hide or ChatVerb.Unhide: _messages.Hide(room, input.Verb == ChatVerb.Hide); break;
            case ChatVerb.React: _messages.React(room, argument); break;
            case ChatVerb.Unreact: _messages.Unreact(room, argument); break;
            case ChatVerb.Thread: _messages.OpenThread(room); break;
            case ChatVerb.Pin or ChatVerb.Unpin: _messages.Pin(room, input.Verb == ChatVerb.Pin); break;
            case ChatVerb.Pins: _messages.ListPins(room); break;
            case ChatVerb.Forward: _messages.Forward(room, argument); break;
            case ChatVerb.Back: Appear(Availability.Online, string.Empty); break;
            case ChatVerb.Away: Appear(Availability.Away, argument); break;
            case ChatVerb.DoNotDisturb: Appear(Availability.DoNotDisturb, argument); break;
            case ChatVerb.Invisible: Appear(Availability.Invisible, string.Empty); break;
            case ChatVerb.Status: Appear(null, argument); break;
            default: RunOnRooms(room, input.Verb, argument); break;
        }
    }

    /// <summary>Runs something beside the loop and says its failure in the room on the screen.</summary>
    public void Start(Func<CancellationToken, Task> work) => _ = GuardAsync(work, _ending.Token);

    /// <summary>Learns how the user is seen.</summary>
    public async Task LearnOwnPresenceAsync(CancellationToken cancellation)
    {
        PresenceSetting setting = await _client.SetPresenceAsync(cancellationToken: cancellation).ConfigureAwait(false);
        await _rooms.PostAsync(() => _presence.Own = setting.Availability).ConfigureAwait(false);
    }

    /// <summary>Learns who belongs to a room, for mentions and for the Tab key.</summary>
    public async Task LearnNamesAsync(ChatRoom room, CancellationToken cancellation)
    {
        try
        {
            MemberPage page = await _client.ListMembersAsync(room.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
            await _rooms.PostAsync(() =>
            {
                foreach (MemberInfo member in page.Members)
                {
                    room.Meet(SafeText.OneLine(member.Name), member.User);
                }
            }).ConfigureAwait(false);
        }
        catch (RequestException)
        {
            // Members are not listed to everybody: then only those are known who write.
        }
    }

    /// <summary>Learns how far others have read a room, where that is told.</summary>
    public async Task LearnReadersAsync(ChatRoom room, CancellationToken cancellation)
    {
        if (!room.IsMember || room.Thread != 0 || ConversationKinds.IsOpen(room.Kind))
        {
            return;
        }

        CursorPage page = await _client.ListCursorsAsync(room.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
        await _rooms.PostAsync(() =>
        {
            foreach (MemberCursor cursor in page.Cursors.Where(cursor => cursor.User != _client.User))
            {
                room.NoteReader(cursor.User, cursor.Read);
            }
        }).ConfigureAwait(false);
    }

    private void RunOnRooms(ChatRoom room, ChatVerb verb, string argument)
    {
        switch (verb)
        {
            case ChatVerb.Help: _rooms.Remark(ChatCommandList.Help); break;
            case ChatVerb.Join: Start(cancellation => JoinAsync(argument, cancellation)); break;
            case ChatVerb.Message: Start(cancellation => MessageAsync(argument, cancellation)); break;
            case ChatVerb.Leave: Leave(room); break;
            case ChatVerb.Rooms: Start(ListAsync); break;
            case ChatVerb.Next when !_rooms.ShowUnread(): _rooms.Remark("nothing is unread"); break;
            case ChatVerb.Next: break;
            case ChatVerb.Unread when !room.ScrollToNew(): _rooms.Remark(room.Entries.IsComplete ? "nothing here is new" : "nothing that is loaded is new; /history loads more"); break;
            case ChatVerb.Unread: break;
            case ChatVerb.Who: Start(cancellation => WhoAsync(room, cancellation)); break;
            case ChatVerb.History: LoadHistory(room); break;
            case ChatVerb.Create: Start(cancellation => CreateAsync(argument, cancellation)); break;
            case ChatVerb.Invite: Start(cancellation => InviteAsync(room, argument, cancellation)); break;
            case ChatVerb.Quit: _ending.Cancel(); break;
            default: _rooms.Remark($"there is no {SafeText.OneLine(argument)}; /help lists what there is"); break;
        }
    }

    private async Task GuardAsync(Func<CancellationToken, Task> work, CancellationToken cancellation)
    {
        try
        {
            await work(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The chat ends.
        }
        catch (Exception failure) when (failure is ClientException or CliException)
        {
            await _rooms.PostAsync(() => _rooms.Remark(FailureText.Of(failure))).ConfigureAwait(false);
        }
    }

    private void Appear(Availability? availability, string line) => Start(async cancellation =>
    {
        // Away and do-not-disturb keep the line unless there is a new one; coming back and /status without a text take it away.
        string? status = line.Length > 0 || availability is null or Availability.Online ? line : null;
        PresenceSetting setting = await _client.SetPresenceAsync(availability, status, cancellationToken: cancellation).ConfigureAwait(false);
        await _rooms.PostAsync(() =>
        {
            _presence.Own = setting.Availability;
            string how = setting.Availability == Availability.Invisible ? "offline" : ChatPeople.Name(setting.Availability);
            _rooms.Remark($"you are seen as {how}{(setting.Status.Length > 0 ? $"  “{setting.Status}”" : string.Empty)}");
        }).ConfigureAwait(false);
    });

    private async Task JoinAsync(string name, CancellationToken cancellation)
    {
        if (name.Length == 0)
        {
            throw new CliException("/join #room");
        }

        (ConversationInfo conversation, InboxEntry? waiting) = await ChatTargets.JoinAsync(_client, name, cancellation).ConfigureAwait(false);
        string label = await RoomLabels.OfAsync(_client, conversation, cancellation).ConfigureAwait(false);
        await _rooms.PostAsync(() => _rooms.Show(_rooms.Open(conversation, label, waiting))).ConfigureAwait(false);
    }

    private async Task MessageAsync(string argument, CancellationToken cancellation)
    {
        string[] parts = argument.Split(' ', 2, StringSplitOptions.TrimEntries);
        if (parts[0].TrimStart('@').Length == 0)
        {
            throw new CliException("/msg NAME TEXT");
        }

        (ConversationInfo conversation, InboxEntry? waiting) = await ChatTargets.JoinAsync(_client, $"@{parts[0].TrimStart('@')}", cancellation).ConfigureAwait(false);
        string label = await RoomLabels.OfAsync(_client, conversation, cancellation).ConfigureAwait(false);
        await _rooms.PostAsync(() =>
        {
            ChatRoom room = _rooms.Open(conversation, label, waiting);
            _rooms.Show(room);
            _messages.Say(room, parts.Length > 1 ? parts[1] : string.Empty);
        }).ConfigureAwait(false);
    }

    private void Leave(ChatRoom room) => Start(async cancellation =>
    {
        // There is one direct conversation for each pair of people, for good: it is only closed here, like a thread.
        if (room is { Thread: 0, IsMember: true, Kind: not ConversationKind.Direct } && _rooms.All.Any(other => other.Conversation != room.Conversation))
        {
            await _client.RemoveMemberAsync(room.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
        }

        await _rooms.PostAsync(() =>
        {
            if (!_rooms.Close(room))
            {
                _rooms.Remark("this is the last room; /quit ends the chat");
            }
        }).ConfigureAwait(false);
    });

    // What is open here has a number; everything else that the user belongs to follows, as the broker counts it.
    private async Task ListAsync(CancellationToken cancellation)
    {
        InboxPage page = await _client.GetInboxAsync(limit: RoomsListedMax, cancellationToken: cancellation).ConfigureAwait(false);
        List<(InboxEntry Entry, string Label)> closed = [];
        foreach (InboxEntry entry in page.Entries)
        {
            closed.Add((entry, await RoomLabels.OfAsync(_client, entry.Conversation, cancellation).ConfigureAwait(false)));
        }

        await _rooms.PostAsync(() =>
        {
            IEnumerable<string> open = _rooms.All.Select((room, index) =>
                $"{index + 1,2}  {room.Name}{Waiting(room.Reading.Unread, room.Reading.HasMore, room.Reading.Mentions)}{(room == _rooms.Current ? "  ← here" : string.Empty)}");
            IEnumerable<string> others = closed.Where(one => _rooms.Find(one.Entry.Conversation.Conversation) is null).Select(static one =>
                $" ·  {one.Label}{(one.Entry.Conversation.Role == MemberRole.Invited ? "  (invited)" : Waiting(one.Entry.Unread, one.Entry.HasMoreUnread, one.Entry.Mentions))}");
            _rooms.Remark($"your conversations:\n{string.Join('\n', open.Concat(others))}{(page.Next is null ? string.Empty : "\nand more")}");
        }).ConfigureAwait(false);
    }

    private static string Waiting(int unread, bool hasMore, int mentions) => unread == 0
        ? string.Empty
        : string.Create(CultureInfo.InvariantCulture, $"  {unread}{(hasMore ? "+" : string.Empty)} unread{(mentions > 0 ? $", {mentions} for you" : string.Empty)}");

    private async Task WhoAsync(ChatRoom room, CancellationToken cancellation)
    {
        MemberPage page = await _client.ListMembersAsync(room.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
        MemberInfo[] members = [.. page.Members.Where(static member => MemberRoles.IsMember(member.Role))];
        await _rooms.PostAsync(() =>
        {
            string open = ConversationKinds.IsOpen(room.Kind) ? "open to everyone who is signed in" : "members";
            string there = _presence.Online is { } online && room.Conversation == _rooms.Current.Conversation ? $", {online} of {_presence.Members} are there" : string.Empty;
            string lines = ChatPeople.Lines(members, _presence.Entries, _time.LocalTimeZone);
            _rooms.Remark(room, $"{open}{there}{(lines.Length > 0 ? ":\n" : string.Empty)}{lines}{(page.IsComplete ? string.Empty : "\nand more")}");
        }).ConfigureAwait(false);
    }

    private void LoadHistory(ChatRoom room)
    {
        if (room.Entries.IsComplete || room.Entries.IsFull)
        {
            _rooms.Remark(room.Entries.IsComplete ? "everything is loaded" : "more than these are not shown at once");
        }

        _rooms.LoadOlder(room, HistoryPageSize);
    }

    private async Task CreateAsync(string name, CancellationToken cancellation)
    {
        string? bareName = name.Length == 0 ? null : ConversationArgument.NameOf(name);
        ConversationInfo made = await _client.CreateConversationAsync(ConversationKind.Group, bareName, cancellationToken: cancellation).ConfigureAwait(false);
        await _rooms.PostAsync(() => _rooms.Show(_rooms.Open(made, ConversationArgument.Label(made)))).ConfigureAwait(false);
    }

    private async Task InviteAsync(ChatRoom room, string names, CancellationToken cancellation)
    {
        string[] wanted = [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(static name => name.TrimStart('@'))];
        UserId[] users = wanted.Length > 0
            ? await Users.ResolveAsync(_client, wanted, cancellation).ConfigureAwait(false)
            : throw new CliException("/invite NAME… adds people to this conversation");
        MembersAdded added = await _client.AddMembersAsync(room.Conversation, users, cancellationToken: cancellation).ConfigureAwait(false);
        if (added.Added == 0)
        {
            await _rooms.PostAsync(() => _rooms.Remark(room, "they are members already")).ConfigureAwait(false);
        }
    }
}
