using System.Text;

using FastChat.Cli;
using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <content>What people look at, how far they have come, and what they let others know of themselves.</content>
internal sealed partial class Acts
{
    /// <summary>Asks what is different in the list since it was last asked for.</summary>
    public async Task CatchUpAsync()
    {
        await TryAsync("catch-up", () => picture.CatchUpAsync(client));
        if (chance.OneIn(3))
        {
            await ReadInboxAsync();
        }
    }

    /// <summary>The whole list, as a device that is new is told it, for the history.</summary>
    public async Task<List<InboxEntry>> ReadInboxAsync()
    {
        HistoryEvent asked = Asking(HistoryOp.ReadInbox);
        History.Write(asked);
        List<InboxEntry> all = [];
        ReadOnlyMemory<byte>? next = null;
        do
        {
            InboxPage page = await client.GetInboxAsync(limit: 100, next: next);
            foreach (InboxEntry entry in page.Entries.Where(static entry => MemberRoles.IsMember(entry.Conversation.Role) && !entry.HasMoreUnread))
            {
                History.Write(new HistoryEvent
                {
                    Process = process,
                    Op = HistoryOp.Inbox,
                    Request = asked.Request,
                    Conversation = entry.Conversation.Conversation,
                    Epoch = page.Epoch,
                    Head = entry.Conversation.Head,
                    Read = entry.Read,
                    Delivered = entry.Delivered,
                    Unread = (ulong)entry.Unread,
                    VisibleFrom = entry.Conversation.VisibleFrom,
                });
            }

            all.AddRange(page.Entries);
            next = page.Next;
        }
        while (next is not null);
        History.Write(asked with { Phase = HistoryPhase.Ok });
        town.Count("inbox");
        return all;
    }

    /// <summary>What became of the messages from a sequence on, for the history too.</summary>
    public async Task<Dictionary<ulong, MessageState>> ReadStatesAsync(ConversationId conversation, ulong first)
    {
        Dictionary<ulong, MessageState> all = [];
        while (first != 0)
        {
            HistoryEvent asked = Asking(HistoryOp.ReadStates) with { Conversation = conversation };
            History.Write(asked);
            MessageStatePage page = await client.GetMessageStatesAsync(conversation, first);
            foreach (MessageState state in page.States)
            {
                all[state.Sequence] = state;
                History.Write(new HistoryEvent
                {
                    Process = process,
                    Op = HistoryOp.State,
                    Request = asked.Request,
                    Conversation = conversation,
                    Epoch = page.Epoch,
                    Sequence = state.Sequence,
                    DeletedBy = state.DeletedBy,
                    PinnedBy = state.PinnedBy,
                    Edits = (uint)state.Edits,
                    EditedBy = state.EditedBy,
                    Content = state.Text is { } text ? BodyHash.Of(Encoding.UTF8.GetBytes(text)) : 0,
                    Replies = state.Replies,
                    InThread = state.InThread,
                    Reactions = DigestOf(state),
                });
            }

            History.Write(asked with { Phase = HistoryPhase.Ok, Epoch = page.Epoch, Head = page.Head, First = first, Last = page.Next == 0 ? ulong.MaxValue : page.Next - 1 });
            first = page.Next;
        }

        town.Count("states");
        return all;
    }

    /// <summary>How far the members have come, for the history too.</summary>
    public async Task<List<MemberCursor>> ListCursorsAsync(ConversationId conversation, ulong thread = 0)
    {
        HistoryEvent asked = Asking(HistoryOp.ListCursors) with { Conversation = conversation, Thread = thread };
        History.Write(asked);
        List<MemberCursor> all = [];
        UserId after = default;
        do
        {
            CursorPage page = await client.ListCursorsAsync(conversation, after, 10, thread);
            foreach (MemberCursor cursor in page.Cursors)
            {
                History.Write(new HistoryEvent
                {
                    Process = process,
                    Op = HistoryOp.Cursor,
                    Request = asked.Request,
                    Conversation = conversation,
                    Member = cursor.User,
                    Thread = thread,
                    Read = cursor.Read,
                    Delivered = cursor.Delivered,
                });
            }

            all.AddRange(page.Cursors);
            after = page.Next;
        }
        while (!after.IsNone);
        History.Write(asked with { Phase = HistoryPhase.Ok });
        return all;
    }

    internal static ulong DigestOf(MessageState state) => ReactionDigest.Of(state.Reactions.Select(static one => (ReactionDigest.HashOf(one.Reaction), one.Count)));

    private async Task ReadSomethingAsync()
    {
        if (SomeRoom() is not { } room)
        {
            return;
        }

        switch (chance.Below(7))
        {
            case < 4:
                await TryAsync("page", () => FetchAsync(room));
                break;

            case 4:
                ulong visibleFrom = picture.Inbox.TryGetValue(room.Id, out InboxEntry? entry) ? Math.Max(1, entry.Conversation.VisibleFrom) : ulong.MaxValue;
                if (visibleFrom != ulong.MaxValue || room.Kind is ConversationKind.Public or ConversationKind.Channel)
                {
                    // What may be read may have changed since: then the answer says less than was asked for, and the history is not told of it.
                    await TryAsync("states", () => visibleFrom <= 1 ? ReadStatesAsync(room.Id, 1) : client.GetMessageStatesAsync(room.Id, visibleFrom));
                }
                else
                {
                    await TryAsync("states", () => client.GetMessageStatesAsync(room.Id));
                }

                break;

            case 5:
                await TryAsync("thread read", () => client.GetThreadAsync(room.Id, SomeRecord(room), limit: 20));
                break;

            default:
                await PinsOrNoneAsync(room);
                break;
        }
    }

    private async Task FetchAsync(Room room)
    {
        bool isBackward = chance.OneIn(2);
        HistoryEvent fetch = Asking(HistoryOp.Fetch) with
        {
            Conversation = room.Id,
            Cursor = isBackward ? LogPosition.Latest : chance.OneIn(2) ? 0 : SomeRecord(room),
            Backward = isBackward,
        };
        History.Write(fetch);
        HistoryPage page = await client.FetchAsync(
            room.Id, new LogPosition(0, fetch.Cursor), isBackward ? FetchDirection.Backward : FetchDirection.Forward, chance.Between(1, 50));
        foreach (ChatMessage message in page.Messages)
        {
            History.Write(ReadMessage.ToEvent(message) with { Process = process, Request = fetch.Request });
        }

        bool isEmpty = page.Messages.Count == 0;
        History.Write(fetch with
        {
            Phase = HistoryPhase.Ok,
            Epoch = page.Epoch,
            Head = page.Head,
            Complete = page.IsComplete,
            First = isEmpty ? 0 : page.Messages[0].Sequence,
            Last = isEmpty ? 0 : page.Messages[^1].Sequence,
        });
    }

    private async Task CursorAsync()
    {
        if (SomeRoom() is not { } room)
        {
            return;
        }

        switch (chance.Below(8))
        {
            case < 3:
                await MoveAsync("read", room, Somewhere(room), 0, isPrivate: false, 0);
                break;
            case 3:
                await MoveAsync("delivered", room, 0, Somewhere(room), isPrivate: false, 0);
                break;
            case 4:
                await MoveAsync("read privately", room, Somewhere(room), 0, isPrivate: true, 0);
                break;
            case 5:
                await MoveAsync("read thread", room, Somewhere(room), 0, isPrivate: false, room.Threads.Count > 0 && !chance.OneIn(6) ? chance.Of(room.Threads) : SomeRecord(room));
                break;
            default:
                await TryAsync("cursors", () => ListCursorsAsync(room.Id, chance.OneIn(5) ? SomeRecord(room) : 0));
                break;
        }
    }

    /// <summary>Mostly what was seen, sometimes what is not there yet.</summary>
    private ulong Somewhere(Room room) => Math.Max(1, chance.OneIn(6) ? room.Seen + (ulong)chance.Between(1, 40) : SomeRecord(room));

    private async Task MoveAsync(string deed, Room room, ulong read, ulong delivered, bool isPrivate, ulong thread)
    {
        HistoryEvent move = Asking(HistoryOp.MoveCursor) with { Conversation = room.Id, Read = read, Delivered = delivered, Private = isPrivate, Thread = thread };
        History.Write(move);
        await TryAsync(deed, async () =>
        {
            MemberCursor moved = await client.MoveCursorAsync(room.Id, read, delivered, isPrivate, thread);
            History.Write(move with { Phase = HistoryPhase.Ok, Read = moved.Read, Delivered = moved.Delivered, Private = false });
        });
    }

    private async Task PeopleAsync()
    {
        Citizen other = SomebodyElse();
        switch (chance.Below(8))
        {
            case < 2:
                await TryAsync("profile", async () =>
                {
                    _profile = await client.SetProfileAsync(new ProfileChange { DisplayName = $"{self.Name} {chance.Below(100)}", IfVersion = chance.OneIn(2) ? _profile : null });
                });
                break;

            case < 4:
                await TryAsync("profiles", () => client.GetProfilesAsync([new ProfileQuery(self.User, 0), new ProfileQuery(other.User, 0)]));
                break;

            case 4:
                await TryAsync("search", () => client.SearchUsersAsync(chance.OneIn(2) ? "person1" : "p", limit: 20));
                break;

            default:
                await BlockAsync();
                break;
        }
    }

    private ulong _profile;
    private readonly List<UserId> _blocked = [];

    /// <summary>Blocks the other one of a direct conversation, or anybody; and takes it back after a while.</summary>
    private async Task BlockAsync()
    {
        ConversationInfo[] all = [.. picture.Inbox.Values.Select(static entry => entry.Conversation)];
        ConversationInfo[] direct = [.. all.Where(one => one.Kind == ConversationKind.Direct && one.Peer != self.User)];
        bool isBack = _blocked.Count > 0 && chance.OneIn(2);
        UserId whom = isBack ? _blocked[0] : direct.Length > 0 && !chance.OneIn(5) ? chance.Of(direct).Peer : chance.OneIn(5) ? self.User : SomebodyElse().User;
        if (whom.IsNone)
        {
            return;
        }

        HistoryEvent block = Asking(HistoryOp.Block) with { Member = whom, TakenBack = isBack };
        History.Write(block);
        try
        {
            await client.BlockAsync(whom, !isBack);
            History.Write(block with { Phase = HistoryPhase.Ok });
            town.Count(isBack ? "unblock" : "block");
            if (isBack)
            {
                _blocked.Remove(whom);
            }
            else
            {
                _blocked.Add(whom);
            }
        }
        catch (RequestException refused)
        {
            History.Write(block with { Phase = refused.Code == ErrorCode.Internal ? HistoryPhase.Info : HistoryPhase.Fail });
            CountRefusal("block", refused);
        }
    }

    private async Task PresenceAsync()
    {
        switch (chance.Below(4))
        {
            case 0:
                Availability seen = chance.Of([Availability.Online, Availability.Online, Availability.Away, Availability.DoNotDisturb, Availability.Invisible]);
                await TryAsync("availability", () => client.SetPresenceAsync(seen));
                break;
            case 1:
                await TryAsync("status", () => client.SetPresenceAsync(status: chance.OneIn(3) ? string.Empty : $"busy with {chance.Below(100)}"));
                break;
            case 2:
                await TryAsync("idle", () => client.SetPresenceAsync(isIdle: chance.OneIn(2)));
                break;
            default:
                await TryAsync("list", () => client.ListConversationsAsync(limit: 100));
                break;
        }
    }
}
