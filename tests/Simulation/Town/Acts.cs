using System.Globalization;

using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <summary>
/// What somebody does next, one thing at a time. Everything is tried without asking first whether it is allowed: what is done and what is refused are counted by name, and both must have happened in a town that
/// shows anything. What the promises are about goes into the history before it is asked for and when it is answered.
/// </summary>
internal sealed partial class Acts(Town town, Citizen self, Chance chance, TownPosts posts, FastChatClient client, string process, Picture picture)
{
    private ulong _request;

    private HistoryWriter History => town.History;

    /// <summary>Does something.</summary>
    public async Task DoAsync()
    {
        try
        {
            if (IsInvited() && chance.OneIn(4))
            {
                await AnswerInvitationAsync(null);
                return;
            }

            int draw = chance.Below(100);
            await (draw switch
            {
                < 32 => SayAsync(),
                < 38 => LaterAsync(),
                < 58 => ChangeMessageAsync(),
                < 70 => ReadSomethingAsync(),
                < 76 => CursorAsync(),
                < 82 => CatchUpAsync(),
                < 91 => ChangeMembersAsync(),
                < 94 => ChangeRoomAsync(),
                < 97 => PeopleAsync(),
                _ => PresenceAsync(),
            });
        }
        catch (ConnectionException error) when (!error.IsFinal)
        {
            town.Count("outcome unknown");
        }
    }

    /// <summary>Makes a conversation of the beginning.</summary>
    public async Task FoundAsync(RoomPlan plan)
    {
        UserId[] members = [.. plan.Members.Select(number => town.People[number].User)];
        ConversationInfo info = plan.Kind == ConversationKind.Direct
            ? await client.DirectAsync(members[0])
            : await client.CreateConversationAsync(
                plan.Kind,
                plan.Kind == ConversationKind.Group ? null : string.Create(CultureInfo.InvariantCulture, $"room{plan.Number}"),
                new ConversationChanges { Title = string.Create(CultureInfo.InvariantCulture, $"Room {plan.Number}"), History = plan.Kind == ConversationKind.Group ? plan.History : null },
                members,
                CancellationToken.None);
        town.Count($"create {ConversationKinds.NameOf(plan.Kind)}");
        town.Add(info, plan.IsSteady, members.Append(self.User));

        // Some others have a say there too.
        for (int i = 0; !plan.IsSteady && plan.Kind != ConversationKind.Direct && i < Math.Min(2, members.Length); i++)
        {
            UserId deputy = members[i];
            await TryAsync("role", () => client.SetRoleAsync(info.Conversation, deputy, i == 0 ? MemberRole.Admin : MemberRole.Moderator));
        }
    }

    /// <summary>Tries something of which the history says nothing.</summary>
    private async Task TryAsync(string deed, Func<Task> act)
    {
        try
        {
            await act();
            town.Count(deed);
        }
        catch (RequestException refused)
        {
            CountRefusal(deed, refused);
        }
    }

    /// <summary>The same with something that may be so already: that is counted by another name.</summary>
    private async Task TryAsync(string deed, Func<Task<ChangeResult>> change)
    {
        try
        {
            ChangeResult result = await change();
            town.Count(result.IsChanged ? deed : $"{deed} in vain");
        }
        catch (RequestException refused)
        {
            CountRefusal(deed, refused);
        }
    }

    private void CountRefusal(string deed, RequestException refused)
    {
        town.Count($"{deed} refused");
        town.Count($"refusal {refused.Code}");
    }

    /// <summary>A conversation: mostly one of the own ones, for the others refuse most things.</summary>
    private Room? SomeRoom(Func<Room, bool>? isFit = null)
    {
        Room[] fit = [.. town.Rooms.Where(room => isFit?.Invoke(room) ?? true)];
        Room[] own = [.. fit.Where(room => picture.Inbox.TryGetValue(room.Id, out InboxEntry? entry) && MemberRoles.IsMember(entry.Conversation.Role))];
        return own.Length > 0 && !chance.OneIn(8) ? chance.Of(own) : fit.Length > 0 ? chance.Of(fit) : null;
    }

    /// <summary>One to be changed: mostly one in which the person has a say.</summary>
    private Room? SomeRoomToRule(int rank = 3)
    {
        Room[] ruled = [.. town.Rooms.Where(room => IsMade(room) && picture.Inbox.TryGetValue(room.Id, out InboxEntry? entry) && MemberRoles.Rank(entry.Conversation.Role) >= rank)];
        return ruled.Length > 0 && !chance.OneIn(3) ? chance.Of(ruled) : SomeRoom(IsMade);
    }

    private Citizen SomebodyElse()
    {
        int number = chance.Between(1, town.People.Count - 1);
        return town.People[number == self.Number ? (number % (town.People.Count - 1)) + 1 : number];
    }

    /// <summary>An earlier record of a conversation, mostly a recent one.</summary>
    private ulong SomeRecord(Room room) =>
        room.Seen == 0 ? 1 : chance.OneIn(3) ? (ulong)chance.Between(1, (int)room.Seen) : (ulong)chance.Between((int)Math.Max(1, (long)room.Seen - 12), (int)room.Seen);

    private HistoryEvent Asking(HistoryOp op) => new() { Process = process, Op = op, Request = ++_request, Phase = HistoryPhase.Invoke };
}
