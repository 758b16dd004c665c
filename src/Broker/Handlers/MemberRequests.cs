using FastChat.Broker.Conversations;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>The control requests about members: their form, and that the users exist. What may be done is decided by the conversation's shard. Pool threads.</summary>
internal sealed class MemberRequests(Router router, ConversationReads reads, Accounts accounts, Blocks blocks, UserLimits limits, ConversationLists lists)
{
    private const long MicrosPerSecond = 1_000_000;
    private const long SecondsMax = ProtocolLimits.DurationDaysMax * 24L * 60 * 60;

    /// <summary>Adds members.</summary>
    public async Task<ControlAnswer> AddAsync(Actor actor, ControlMap map)
    {
        string? roleName = map.Text("role", ProtocolLimits.NameSizeMax);
        MemberRole role = roleName is null ? MemberRole.Member : MemberRoles.Parse(roleName);
        UserId[] users = (map.Ids("users") ?? throw new ControlFormatException("users: ids are expected")).Select(id => new UserId(id)).ToArray();
        if (!MemberRoles.IsMember(role))
        {
            return WrongRole;
        }

        if (Array.Exists(users, user => accounts.Find(user) is null))
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchUser, "users: there is no such user");
        }

        if (blocks.IsBlockedByAny(users, actor.User))
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, Blocks.NotAllCanBeAdded);
        }

        if (!limits.TryTake(actor, Budget.Others, Math.Max(1, users.Length), out uint retryAfterMs))
        {
            return TooFast(retryAfterMs);
        }

        if (!lists.FirstFull(users).IsNone)
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, ConversationLists.FullReason);
        }

        CommandResult result = await ChangeMembersAsync(actor, map, role, users);
        return result.Error == ErrorCode.None
            ? ControlAnswer.Ok(new ControlMap().Set("added", result.Count).Set("sequence", result.Sequence))
            : ControlAnswer.Refused(result.Error, result.Reason);
    }

    /// <summary>Removes a member, or the asking user.</summary>
    public async Task<ControlAnswer> RemoveAsync(Actor actor, ControlMap map)
    {
        UserId user = new(map.Id("user"));
        bool isOwn = user.IsNone || user == actor.User;
        if (!limits.TryTake(actor, isOwn ? Budget.Own : Budget.Others, 1, out uint retryAfterMs))
        {
            return TooFast(retryAfterMs);
        }

        CommandResult result = await ChangeMembersAsync(actor, map, MemberRole.None, [user.IsNone ? actor.User : user]);
        return result.Error != ErrorCode.None ? ControlAnswer.Refused(result.Error, result.Reason)
            : result.Count == 0 ? ControlAnswer.Refused(ErrorCode.NoSuchUser, "not a member")
            : ControlAnswer.Ok(new ControlMap().Set("sequence", result.Sequence));
    }

    /// <summary>Changes what one is: joining, invitations, roles, mutes, bans.</summary>
    public async Task<ControlAnswer> ChangeAsync(Actor actor, ControlMap map)
    {
        MemberChange change = MemberChanges.Parse(map.Text("change", ProtocolLimits.NameSizeMax));
        if (change == MemberChange.None)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "change: \"join\", \"accept\", \"decline\", \"invite\", \"uninvite\", \"role\", \"mute\", \"ban\" or \"unban\"");
        }

        UserId user = new(map.Id("user"));
        if (MemberChanges.IsOwn(change) ? !user.IsNone && user != actor.User : user.IsNone || user == actor.User)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "user: people join, accept and decline for themselves, and do the rest to others");
        }

        user = user.IsNone ? actor.User : user;
        string? roleName = map.Text("role", ProtocolLimits.NameSizeMax);
        MemberRole role = roleName is null && change == MemberChange.Invite ? MemberRole.Member : MemberRoles.Parse(roleName);
        if (change is MemberChange.Invite or MemberChange.SetRole && !MemberRoles.IsMember(role))
        {
            return WrongRole;
        }

        if (accounts.Find(user) is null)
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchUser, "user: there is no such user");
        }

        if (change == MemberChange.Invite && blocks.IsBlockedByAny([user], actor.User))
        {
            return ControlAnswer.Refused(ErrorCode.Forbidden, Blocks.NotAllCanBeAdded);
        }

        if (!limits.TryTake(actor, MemberChanges.IsOwn(change) ? Budget.Own : Budget.Others, 1, out uint retryAfterMs))
        {
            return TooFast(retryAfterMs);
        }

        if (change is MemberChange.Join or MemberChange.Invite && !lists.FirstFull([user]).IsNone)
        {
            return ControlAnswer.Refused(ErrorCode.TooMany, ConversationLists.FullReason);
        }

        ConversationId conversation = new(map.Id("conversation"));
        long seconds = (long)map.Number("seconds", change == MemberChange.Mute ? (ulong)SecondsMax : 0, (ulong)SecondsMax);
        long mutedUntil = seconds == 0 ? 0 : router.NowMicros() + (seconds * MicrosPerSecond);
        return Answer(await router.ExecuteAsync(
            CommandKind.ChangeMember, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), new ChangeMemberCommand(conversation, user, change, role, mutedUntil).ToBytes(), CancellationToken.None));
    }

    /// <summary>A page of the members, and of those who are invited or banned for those who may change that.</summary>
    public ControlAnswer List(Actor actor, ControlMap map)
    {
        ConversationId conversation = new(map.Id("conversation"));
        if (reads.Authorize(actor, conversation, ConversationOperation.ListMembers, out ConversationMeta? meta, out Membership own) is var denied and not ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, denied == ErrorCode.NoSuchConversation ? "no such conversation" : "listing the members is not allowed");
        }

        bool seesAll = ConversationPolicy.Decide(ConversationOperation.Uninvite, new ConversationFacts(actor.Rights, meta!.Kind, own.Role)) == ErrorCode.None;
        byte[] prefix = new byte[StateKeys.MembersPrefixSize];
        StateKeys.WriteMembersPrefix(prefix, conversation);
        UInt128 after = map.Id("after");
        List<(UInt128 Id, byte[] Value)> page = reads.Page(map, prefix, after == 0 ? [] : ConversationKeys.Member(conversation, new UserId(after)), out bool isComplete);
        List<object?> members = [];
        long now = router.NowMicros();
        foreach ((UInt128 id, byte[] value) in page)
        {
            Membership membership = Membership.Parse(value);
            if (membership.IsMember || seesAll)
            {
                string name = accounts.Find(new UserId(id))?.Name ?? string.Empty;
                DateTimeOffset? mutedUntil = membership.IsMember && membership.MutedUntil > now ? Micros.ToTime(membership.MutedUntil) : null;
                members.Add(new MemberInfo(new UserId(id), name, membership.Role, membership.Since, mutedUntil).ToMap());
            }
        }

        ControlMap reply = new ControlMap().Set("members", members).Set("complete", isComplete);
        return ControlAnswer.Ok(isComplete ? reply : reply.SetId("next", page[^1].Id));
    }

    private static ControlAnswer TooFast(uint retryAfterMs) => ControlAnswer.TryLater(retryAfterMs, "too many changes of memberships");

    private static ControlAnswer WrongRole => ControlAnswer.Refused(ErrorCode.BadRequest, "role: \"reader\", \"member\", \"moderator\", \"admin\" or \"owner\"");

    private static ControlAnswer Answer(CommandResult result) => result.Error == ErrorCode.None
        ? ControlAnswer.Ok(new ControlMap().Set("changed", result.Count > 0).Set("sequence", result.Sequence))
        : ControlAnswer.Refused(result.Error, result.Reason);

    private async Task<CommandResult> ChangeMembersAsync(Actor actor, ControlMap map, MemberRole role, UserId[] users)
    {
        ConversationId conversation = new(map.Id("conversation"));
        return await router.ExecuteAsync(
            CommandKind.ChangeMembers, reads.Narrow(actor, conversation), router.Map.ShardOf(conversation.Value), new ChangeMembersCommand(conversation, role, users).ToBytes(),
            CancellationToken.None);
    }
}
