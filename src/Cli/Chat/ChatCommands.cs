using System.Security.Cryptography;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Does what typed lines ask for. Called on the chat's loop; what asks the broker runs beside it and posts its result.</summary>
internal sealed class ChatCommands
{
    private const int HistoryPageSize = 2000;

    private readonly FastChatClient _client;
    private readonly ChatRooms _rooms;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _ending;

    /// <summary>Commands of one chat; <paramref name="ending"/> is cancelled by /quit.</summary>
    public ChatCommands(FastChatClient client, ChatRooms rooms, TimeProvider time, CancellationTokenSource ending)
    {
        _client = client;
        _rooms = rooms;
        _time = time;
        _ending = ending;
    }

    /// <summary>Does it.</summary>
    public void Run(ChatInput input)
    {
        ChatRoom room = _rooms.Current;
        switch (input.Verb)
        {
            case ChatVerb.Say: Say(room, input.Argument); break;
            case ChatVerb.Help: _rooms.Remark(ChatInput.Help); break;
            case ChatVerb.Join: Start(cancellation => JoinAsync(input.Argument, cancellation)); break;
            case ChatVerb.Leave: Start(cancellation => LeaveAsync(room, cancellation)); break;
            case ChatVerb.List: List(); break;
            case ChatVerb.Who: Start(cancellation => WhoAsync(room, cancellation)); break;
            case ChatVerb.History: LoadHistory(room); break;
            case ChatVerb.Create: Start(cancellation => CreateAsync(input.Argument, cancellation)); break;
            case ChatVerb.Invite: Start(cancellation => InviteAsync(room, input.Argument, cancellation)); break;
            case ChatVerb.Quit: _ending.Cancel(); break;
            default: _rooms.Remark($"there is no {input.Argument}; /help lists what there is"); break;
        }
    }

    /// <summary>Runs something beside the loop and says its failure in the room on the screen.</summary>
    public void Start(Func<CancellationToken, Task> work) => _ = GuardAsync(work, _ending.Token);

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

    private void Say(ChatRoom room, string text)
    {
        if (text.Length == 0)
        {
            return;
        }

        Span<byte> random = stackalloc byte[Id128.Size];
        RandomNumberGenerator.Fill(random);
        ClientMessageId id = ClientMessageId.Read(random);
        room.AddPending(ChatEntry.FromText(_client.UserName, text, _time.GetLocalNow(), 0, id, isOwn: true, EntryState.Pending));

        // The text is in the send queue before this returns, so lines leave in the order of typing, and wait there while there is no connection.
        ValueTask<PublishReceipt> receipt = _client.PublishTextAsync(room.Conversation, text, new PublishOptions { ClientMessageId = id }, _ending.Token);
        Start(cancellation => AwaitReceiptAsync(room, id, receipt, cancellation));
    }

    private async Task AwaitReceiptAsync(ChatRoom room, ClientMessageId id, ValueTask<PublishReceipt> receipt, CancellationToken cancellation)
    {
        try
        {
            await receipt.ConfigureAwait(false);
            await _rooms.PostAsync(() => room.Acknowledge(id)).ConfigureAwait(false);
        }
        catch (ClientException refused) when (!cancellation.IsCancellationRequested)
        {
            await _rooms.PostAsync(() =>
            {
                _rooms.Fail(room, id);
                _rooms.Remark(room, FailureText.Of(refused));
            }).ConfigureAwait(false);
        }
    }

    private async Task JoinAsync(string name, CancellationToken cancellation)
    {
        ConversationInfo conversation = await ConversationArgument.ResolveAsync(_client, name, create: true, cancellation).ConfigureAwait(false);
        if (conversation.Role == MemberRole.Invited)
        {
            await _client.AcceptAsync(conversation.Conversation, cancellation).ConfigureAwait(false);
        }

        await _rooms.PostAsync(() => _rooms.Show(_rooms.Open(conversation))).ConfigureAwait(false);
    }

    private async Task LeaveAsync(ChatRoom room, CancellationToken cancellation)
    {
        if (room.Role != MemberRole.None)
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
    }

    private void List() => _rooms.Remark(string.Join('\n', _rooms.All.Select(static (room, index) =>
        $"{index + 1}: {room.Name}{(room.Kind == ConversationKind.Public ? string.Empty : $"  ({ConversationKinds.NameOf(room.Kind)})")}{(room.Unread > 0 ? $"  {room.Unread} unread" : string.Empty)}")));

    private async Task WhoAsync(ChatRoom room, CancellationToken cancellation)
    {
        MemberPage page = await _client.ListMembersAsync(room.Conversation, cancellationToken: cancellation).ConfigureAwait(false);
        PresenceUpdate? presence = await LookAsync(room, cancellation).ConfigureAwait(false);
        string open = ConversationKinds.IsOpen(room.Kind) ? "open to everyone who is signed in" : "members";
        string there = presence is null ? string.Empty : $", {presence.Online} of {presence.Members} are there";
        string lines = ChatPeople.Lines([.. page.Members.Where(static member => MemberRoles.IsMember(member.Role))], presence);
        await _rooms.PostAsync(() => _rooms.Remark(
            room, $"{open}{there}{(lines.Length > 0 ? ":\n" : string.Empty)}{lines}{(page.IsComplete ? string.Empty : "\nand more")}")).ConfigureAwait(false);
    }

    // Null for who is no member, who may not be told: they see who belongs here and no more.
    private async Task<PresenceUpdate?> LookAsync(ChatRoom room, CancellationToken cancellation)
    {
        try
        {
            await foreach (PresenceUpdate first in _client.WatchPresenceAsync(room.Conversation, cancellation).ConfigureAwait(false))
            {
                return first;
            }
        }
        catch (Exception refused) when (refused is RequestException or InvalidOperationException)
        {
            // Not a member, too large, an older broker; or the question was asked twice at once.
        }

        return null;
    }

    private void LoadHistory(ChatRoom room)
    {
        if (room.IsComplete)
        {
            _rooms.Remark("everything is loaded");
        }

        _rooms.LoadOlder(room, HistoryPageSize);
    }

    private async Task CreateAsync(string name, CancellationToken cancellation)
    {
        string? bareName = name.Length == 0 ? null : ConversationArgument.NameOf(name);
        ConversationInfo made = await _client.CreateConversationAsync(ConversationKind.Group, bareName, cancellationToken: cancellation).ConfigureAwait(false);
        await _rooms.PostAsync(() => _rooms.Show(_rooms.Open(made))).ConfigureAwait(false);
    }

    private async Task InviteAsync(ChatRoom room, string names, CancellationToken cancellation)
    {
        string[] wanted = names.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
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
