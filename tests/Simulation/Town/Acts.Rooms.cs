using System.Globalization;

using FastChat.Client;
using FastChat.History;

namespace FastChat.Simulation;

/// <content>Who belongs to a conversation, and what it is.</content>
internal sealed partial class Acts
{
    private static bool IsMade(Room room) => room is { IsSteady: false, Kind: not ConversationKind.Direct };

    private async Task ChangeMembersAsync()
    {
        if (SomeRoomToRule() is not { } room)
        {
            return;
        }

        Citizen other = SomebodyElse();
        MemberInfo? member = await SomeMemberAsync(room);
        UserId whom = member is not null && !chance.OneIn(6) ? member.User : other.User;
        switch (chance.Below(22))
        {
            case < 3:
                await ChangeAsync("add", HistoryOp.AddMember, room, other.User, async () =>
                {
                    MembersAdded added = await client.AddMembersAsync(room.Id, [other.User], chance.OneIn(4) ? MemberRole.Reader : MemberRole.Member);
                    return added.Added > 0 ? added.Sequence : 0;
                });
                break;

            case 3:
                await ChangeAsync("kick", HistoryOp.RemoveMember, room, whom, () => client.RemoveMemberAsync(room.Id, whom));
                break;

            case 4 when chance.OneIn(2):
                await ChangeAsync("leave", HistoryOp.RemoveMember, room, self.User, () => client.RemoveMemberAsync(room.Id));
                break;

            case < 7:
                await TryAsync("invite", () => client.InviteAsync(room.Id, other.User, chance.OneIn(3) ? MemberRole.Reader : MemberRole.Member));
                break;

            case 7:
                MemberInfo? invited = await SomeMemberAsync(room, static one => one.Role == MemberRole.Invited);
                await TryAsync("uninvite", () => client.UninviteAsync(room.Id, invited?.User ?? whom));
                break;

            case < 11:
                await AnswerInvitationAsync(room);
                break;

            case 11 when SomeRoom(static open => IsMade(open) && ConversationKinds.IsOpen(open.Kind)) is { } open:
                await ChangeAsync("join", HistoryOp.AddMember, open, self.User, async () => PlaceOf(await client.JoinAsync(open.Id)));
                break;

            case < 14:
                await LinkAsync(room);
                break;

            case < 16:
                MemberRole role = chance.Of([MemberRole.Reader, MemberRole.Member, MemberRole.Moderator, MemberRole.Moderator, MemberRole.Admin]);
                await TryAsync("role", () => client.SetRoleAsync(room.Id, whom, role));
                break;

            case 16:
                await TryAsync("mute", () => client.MuteAsync(room.Id, whom, chance.OneIn(2) ? null : chance.Span(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60)) + TimeSpan.FromSeconds(1)));
                if (chance.OneIn(2))
                {
                    // A quarrel that is over: few others find the one who is muted before the time is.
                    await TryAsync("unmute", () => client.UnmuteAsync(room.Id, whom));
                }

                break;

            case 17:
                MemberInfo? muted = await SomeMemberAsync(room, static one => one.MutedUntil is not null);
                await TryAsync("unmute", () => client.UnmuteAsync(room.Id, muted?.User ?? whom));
                break;

            case 18:
                await ChangeAsync("ban", HistoryOp.RemoveMember, room, whom, async () => PlaceOf(await client.BanAsync(room.Id, whom)));
                if (chance.OneIn(3))
                {
                    await TryAsync("unban", () => client.UnbanAsync(room.Id, whom));
                }

                break;

            case 19:
                UserId[] banned = await BannedAsync(room);
                await TryAsync("unban", () => client.UnbanAsync(room.Id, banned.Length > 0 ? chance.Of(banned) : whom));
                break;

            default:
                await ListMembersAsync(room);
                break;
        }
    }

    private bool IsInvited() => picture.Inbox.Values.Any(static entry => entry.Conversation.Role == MemberRole.Invited);

    /// <summary>Answers an invitation, or as if there were one.</summary>
    private async Task AnswerInvitationAsync(Room? room)
    {
        ConversationId[] invited = [.. picture.Inbox.Values.Where(static entry => entry.Conversation.Role == MemberRole.Invited).Select(static entry => entry.Conversation.Conversation)];
        Room? asked = invited.Length > 0 && town.Rooms.Find(other => other.Id == invited[0]) is { } one ? one : room;
        if (asked is null)
        {
            return;
        }

        if (chance.OneIn(3))
        {
            await TryAsync("decline", () => client.DeclineAsync(asked.Id));
        }
        else
        {
            await ChangeAsync("accept", HistoryOp.AddMember, asked, self.User, async () => PlaceOf(await client.AcceptAsync(asked.Id)));
        }
    }

    private async Task LinkAsync(Room any)
    {
        Room room = SomeRoomToRule(rank: 4) ?? any;
        switch (chance.Below(5))
        {
            case 0:
                await TryAsync("link", async () =>
                {
                    MemberRole role = chance.OneIn(3) ? MemberRole.Reader : MemberRole.Member;
                    JoinLinkCreated link = await client.CreateJoinLinkAsync(room.Id, role, chance.OneIn(2) ? 0u : 2u, TimeSpan.FromSeconds(chance.Between(10, 600)));
                    town.Links.Add((room, link.Link));
                });
                break;

            case 1:
                await TryAsync("revoke link", async () =>
                {
                    IReadOnlyList<JoinLinkInfo> links = await client.ListJoinLinksAsync(room.Id);
                    town.Count("links listed");
                    if (links.Count > 0)
                    {
                        await client.RevokeJoinLinkAsync(room.Id, chance.Of(links).Id);
                    }
                });
                break;

            default:
                if (town.Links.Count > 0)
                {
                    (Room goal, string link) = town.Links[chance.OneIn(3) ? chance.Below(town.Links.Count) : town.Links.Count - 1];
                    link = chance.OneIn(6) ? new string('x', link.Length) : link;
                    await ChangeAsync("join by link", HistoryOp.AddMember, goal, self.User, async () =>
                    {
                        JoinedByLink joined = await client.JoinByLinkAsync(link);
                        return joined.IsChanged ? joined.Sequence : 0;
                    });
                }

                break;
        }
    }

    private async Task ChangeRoomAsync()
    {
        if (chance.OneIn(6) && town.Rooms.Count < town.Plans.Count + 20)
        {
            await MakeRoomAsync();
            return;
        }

        if (SomeRoomToRule() is not { } room)
        {
            return;
        }

        bool isArchived = picture.Inbox.TryGetValue(room.Id, out InboxEntry? entry) && entry.Conversation.IsArchived;
        string what = isArchived ? "unarchive" : chance.Of(["rename", "rename", "topic", "slow mode", "slow mode", "visibility", "archive"]);
        ConversationChanges changes = what switch
        {
            "rename" => new() { Title = string.Create(CultureInfo.InvariantCulture, $"Room {chance.Below(1000)}") },
            "topic" => new() { Topic = chance.OneIn(3) ? string.Empty : $"about {chance.Below(1000)}" },
            "slow mode" => new() { SlowMode = TimeSpan.FromSeconds(chance.OneIn(2) ? 0 : chance.Between(1, 20)) },
            "visibility" => new() { History = chance.Of([HistoryVisibility.All, HistoryVisibility.Invited, HistoryVisibility.Joined]) },
            _ => new() { IsArchived = !isArchived },
        };
        await TryAsync(what, () => client.ChangeConversationAsync(room.Id, changes));
        if (what == "archive")
        {
            // Otherwise all would be silent in the end.
            await TryAsync("unarchive", () => client.ChangeConversationAsync(room.Id, new ConversationChanges { IsArchived = false }));
        }
    }

    private async Task MakeRoomAsync()
    {
        Citizen other = SomebodyElse();
        if (chance.OneIn(3))
        {
            await TryAsync("create direct", async () => town.Add(await client.DirectAsync(other.User), isSteady: false, [self.User, other.User]));
            return;
        }

        // A name that is taken, now and then.
        string? name = chance.OneIn(2) ? $"club{chance.Below(8)}" : null;
        await TryAsync(name is null ? "create group" : "create channel", async () => town.Add(
            await client.CreateConversationAsync(name is null ? ConversationKind.Group : ConversationKind.Channel, name, "a club", [other.User]), isSteady: false, [self.User, other.User]));
    }

    /// <summary>Something that makes somebody a member, or none: the history has it before it is asked for and when it is answered.</summary>
    private async Task ChangeAsync(string deed, HistoryOp op, Room room, UserId member, Func<Task<ulong>> act)
    {
        HistoryEvent change = Asking(op) with { Conversation = room.Id, Member = member };
        History.Write(change);
        try
        {
            ulong sequence = await act();
            History.Write(change with { Phase = HistoryPhase.Ok, Sequence = sequence });
            town.Count(sequence == 0 ? $"{deed} in vain" : deed);
        }
        catch (RequestException refused)
        {
            CountRefusal(deed, refused);
            History.Write(change with { Phase = refused.Code is ErrorCode.Internal or ErrorCode.StoreUnavailable ? HistoryPhase.Info : HistoryPhase.Fail });
        }
        catch (ConnectionException)
        {
            History.Write(change with { Phase = HistoryPhase.Info });
            throw;
        }
    }

    private static ulong PlaceOf(ChangeResult result) => result.IsChanged ? result.Sequence : 0;

    private async Task<MemberInfo?> SomeMemberAsync(Room room, Func<MemberInfo, bool>? isFit = null)
    {
        MemberInfo? member = null;
        await TryAsync("members", async () =>
        {
            MemberPage page = await client.ListMembersAsync(room.Id, limit: 100);
            MemberInfo[] others = [.. page.Members.Where(one => one.User != self.User && (isFit?.Invoke(one) ?? MemberRoles.IsMember(one.Role)))];
            member = others.Length > 0 ? chance.Of(others) : null;
        });
        return member;
    }

    private async Task<UserId[]> BannedAsync(Room room)
    {
        UserId[] banned = [];
        await TryAsync("members", async () => banned = [.. (await client.ListMembersAsync(room.Id)).Members.Where(static one => one.Role == MemberRole.Banned).Select(static one => one.User)]);
        return banned;
    }

    private async Task ListMembersAsync(Room room)
    {
        await TryAsync("members", async () =>
        {
            UserId after = default;
            MemberPage page;
            do
            {
                page = await client.ListMembersAsync(room.Id, after, 5);
                after = page.Next;
            }
            while (!page.IsComplete);
        });
    }
}
