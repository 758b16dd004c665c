using FastChat.Broker.Conversations;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// Who belongs to a conversation and what they may do there. Every change is a record of the conversation's log, so that it has its place among the messages (P15), and what somebody is follows from the
/// last record about them. What is so already is left as it is, and answered as done. Loop thread only.
/// </summary>
internal sealed class MemberCommands(ShardState state)
{
    /// <summary>Adds many, or removes.</summary>
    public CommandResult Apply(in CommandHeader header, ChangeMembersCommand command, Turn turn, Turn? previous)
    {
        bool removes = command.Role == MemberRole.None;
        bool isSelf = command.Users.Count == 1 && command.Users[0] == header.Actor.User;
        ConversationOperation operation = !removes ? ConversationOperation.AddMembers : isSelf ? ConversationOperation.Leave : ConversationOperation.RemoveMember;
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        // All or nobody: whoever may not be touched is found before anything is changed.
        ConversationFacts facts = state.FactsOf(conversation, header.Actor, header.TimeMicros, turn, previous);
        foreach (UserId user in command.Users)
        {
            MemberRole target = RoleOf(conversation, user, turn, previous);
            facts = facts with { Target = removes && !MemberRoles.IsMember(target) ? MemberRole.Reader : target, NewRole = command.Role };
            if (Denied(operation, facts) is { } refused)
            {
                return refused;
            }
        }

        if (command.Users.Count == 0 && Denied(ConversationOperation.See, facts) is { } unseen)
        {
            return unseen;
        }

        int changed = 0;
        foreach (UserId user in command.Users)
        {
            Membership? before = state.MembershipOf(conversation, user, turn, previous);
            if ((before is { IsMember: true }) != removes)
            {
                continue;
            }

            if (removes)
            {
                End(conversation, user, MemberRole.None, header, turn);
            }
            else
            {
                Begin(conversation, user, command.Role, before, header, turn, previous);
            }

            changed++;
        }

        return new CommandResult(ErrorCode.None) { Conversation = conversation.Id, Count = changed, Sequence = conversation.Head };
    }

    /// <summary>Changes what one is.</summary>
    public CommandResult Apply(in CommandHeader header, ChangeMemberCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        Membership? before = state.MembershipOf(conversation, command.User, turn, previous);
        MemberRole role = command.Change == MemberChange.Join ? JoinRoleOf(conversation.Meta.Kind) : command.Role;
        ConversationFacts facts = state.FactsOf(conversation, header.Actor, header.TimeMicros, turn, previous) with { Target = before?.Role ?? MemberRole.None, NewRole = role };
        if (IsSoAlready(command, before, facts))
        {
            return Denied(ConversationOperation.See, facts) ?? Done(conversation, changed: 0);
        }

        if (Denied(OperationOf(command.Change), facts) is { } refused)
        {
            return refused with { Reason = refused.Error == ErrorCode.Forbidden ? command.Change.ToReason() : refused.Reason };
        }

        switch (command.Change)
        {
            case MemberChange.Join:
                Begin(conversation, command.User, role, before, header, turn, previous);
                break;
            case MemberChange.Accept:
                // What they were invited as waits in the invitation.
                Begin(conversation, command.User, InvitedAs(before!.Value), before, header, turn, previous);
                break;
            case MemberChange.Invite:
                Change(conversation, command.User, Invitation(conversation, role), header, turn);
                break;
            case MemberChange.Decline or MemberChange.Uninvite or MemberChange.Unban:
                Change(conversation, command.User, null, header, turn);
                break;
            case MemberChange.SetRole:
                Restrict(conversation, command.Role == MemberRole.Reader, turn);
                Change(conversation, command.User, before!.Value with { Role = command.Role }, header, turn);
                break;
            case MemberChange.Mute:
                Restrict(conversation, command.MutedUntil > 0, turn);
                Change(conversation, command.User, before!.Value with { MutedUntil = command.MutedUntil }, header, turn);
                break;
            case MemberChange.Ban:
                Restrict(conversation, true, turn);
                End(conversation, command.User, MemberRole.Banned, header, turn);
                break;
        }

        return Done(conversation, changed: 1);
    }

    /// <summary>Makes somebody a member through a link.</summary>
    public CommandResult Apply(in CommandHeader header, JoinByLinkCommand command, Turn turn, Turn? previous)
    {
        // Who has no link that works learns nothing, not even that there is such a conversation.
        byte[] key = ConversationKeys.JoinLink(command.Conversation, command.SecretHash);
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation
            || state.Read(key, turn, previous) is not { } stored
            || JoinLink.Parse(stored) is not { } link)
        {
            return LeadsNowhere;
        }

        UserId user = header.Actor.User;
        Membership? before = state.MembershipOf(conversation, user, turn, previous);
        if (before is { IsMember: true })
        {
            // Before the link's end: who took its last use and did not get the answer asks again, and has joined.
            return Done(conversation, changed: 0);
        }

        if (link.ExpiresMicros <= header.TimeMicros || link.UsesLeft == 0)
        {
            return LeadsNowhere;
        }

        ConversationFacts facts = state.FactsOf(conversation, header.Actor, header.TimeMicros, turn, previous);
        if (ConversationPolicy.Decide(ConversationOperation.JoinByLink, facts with { Role = before?.Role ?? MemberRole.Invited }) != ErrorCode.None)
        {
            return new CommandResult(ErrorCode.Forbidden, "joining there is not allowed");
        }

        if (link.UsesLeft != JoinLink.Unlimited)
        {
            turn.Put(key, (link with { UsesLeft = link.UsesLeft - 1 }).ToBytes());
        }

        Begin(conversation, user, link.Role, before, header, turn, previous);
        return Done(conversation, changed: 1);
    }

    /// <summary>Makes a join link, or revokes one.</summary>
    public CommandResult Apply(in CommandHeader header, ChangeLinkCommand command, Turn turn, Turn? previous)
    {
        if (state.Conversations.Find(command.Conversation, turn, previous) is not { } conversation)
        {
            return CommandResult.NoSuchConversation;
        }

        ConversationFacts facts = state.FactsOf(conversation, header.Actor, header.TimeMicros, turn, previous);
        if (Denied(ConversationOperation.ManageLinks, facts) is { } refused)
        {
            return refused;
        }

        byte[] key = ConversationKeys.JoinLink(conversation.Id, command.SecretHash);
        if (command.Link is null)
        {
            bool isThere = state.Read(key, turn, previous) is not null;
            turn.Delete(key);
            return Done(conversation, isThere ? 1 : 0);
        }

        if (Denied(ConversationOperation.AddMembers, facts with { NewRole = command.Link.Role }) is { } tooHigh)
        {
            return tooHigh;
        }

        // Asked again because the answer was lost: the link may have been used since.
        if (state.Read(key, turn, previous) is { } stored && JoinLink.Parse(stored) is { } made && made.Creator == header.Actor.User)
        {
            return Done(conversation, changed: 0) with { Existing = stored };
        }

        turn.Put(key, command.Link.ToBytes());
        return Done(conversation, changed: 1);
    }

    private static CommandResult LeadsNowhere => new(ErrorCode.NoSuchConversation, "the link leads nowhere, or not any more");

    private static ConversationOperation OperationOf(MemberChange change) => change switch
    {
        MemberChange.Join => ConversationOperation.Join,
        MemberChange.Accept or MemberChange.Decline => ConversationOperation.AnswerInvitation,
        MemberChange.Invite => ConversationOperation.Invite,
        MemberChange.Uninvite => ConversationOperation.Uninvite,
        MemberChange.SetRole => ConversationOperation.ChangeRole,
        MemberChange.Mute => ConversationOperation.Mute,
        MemberChange.Ban => ConversationOperation.Ban,
        MemberChange.Unban => ConversationOperation.Unban,
        _ => throw new System.Diagnostics.UnreachableException($"member change {change}"),
    };

    /// <summary>A request that came twice, or whose wish somebody else has fulfilled.</summary>
    private static bool IsSoAlready(ChangeMemberCommand command, Membership? before, in ConversationFacts facts) => command.Change switch
    {
        MemberChange.Join or MemberChange.Accept => facts.Role == facts.Target && MemberRoles.IsMember(facts.Role),
        MemberChange.Decline or MemberChange.Uninvite => facts.Target != MemberRole.Invited,
        MemberChange.Invite => before is { IsMember: true },
        MemberChange.Unban => facts.Target != MemberRole.Banned,
        MemberChange.Ban => facts.Target == MemberRole.Banned,
        MemberChange.SetRole => before is { IsMember: true } && before.Value.Role == command.Role,
        MemberChange.Mute => before is { IsMember: true } && before.Value.MutedUntil == command.MutedUntil,
        _ => false,
    };

    private static MemberRole JoinRoleOf(ConversationKind kind) => kind == ConversationKind.Channel ? MemberRole.Reader : MemberRole.Member;

    /// <summary>While somebody is invited, the field that says until when a member is muted says as what they are invited.</summary>
    private static Membership Invitation(ConversationState conversation, MemberRole role) => new(
        MemberRole.Invited, 0, conversation.Meta.History == HistoryVisibility.All ? 0 : conversation.Head + 1, (long)role);

    private static MemberRole InvitedAs(in Membership invitation) => (MemberRole)invitation.MutedUntil;

    private static CommandResult Done(ConversationState conversation, int changed) => new(ErrorCode.None) { Conversation = conversation.Id, Count = changed, Sequence = conversation.Head };

    private static CommandResult? Denied(ConversationOperation operation, in ConversationFacts facts)
    {
        ErrorCode denied = ConversationPolicy.Decide(operation, facts);
        return denied switch
        {
            ErrorCode.None => null,
            ErrorCode.NoSuchConversation => CommandResult.NoSuchConversation,
            _ => new CommandResult(denied, "changing the members is not allowed"),
        };
    }

    private MemberRole RoleOf(ConversationState conversation, UserId user, Turn turn, Turn? previous) => state.MembershipOf(conversation, user, turn, previous)?.Role ?? MemberRole.None;

    /// <summary>From now on, an open conversation looks at who publishes.</summary>
    private static void Restrict(ConversationState conversation, bool isRestriction, Turn turn)
    {
        if (isRestriction && !conversation.Meta.IsRestricted && ConversationKinds.IsOpen(conversation.Meta.Kind))
        {
            ShardState.SetMeta(conversation, conversation.Meta with { IsRestricted = true }, turn);
        }
    }

    private void Begin(ConversationState conversation, UserId user, MemberRole role, Membership? before, in CommandHeader header, Turn turn, Turn? previous)
    {
        ulong visibleFrom = conversation.Meta.History switch
        {
            HistoryVisibility.All => 0,
            HistoryVisibility.Invited when before is { Role: MemberRole.Invited } => before.Value.VisibleFrom,
            _ => conversation.Head + 1,
        };
        Restrict(conversation, role == MemberRole.Reader && conversation.Meta.Kind == ConversationKind.Public, turn);
        MembershipBody body = new(user, role, visibleFrom);
        ulong sequence = Append(conversation, MessageKind.MemberAdded, body, header, turn);

        // What was said before is there to be read, and nobody is behind with it. In private: they need not have looked at it either.
        ReadCursor cursor = state.CursorOf(conversation, user, thread: 0, turn, previous);
        ReadCursor moved = cursor.MovedTo(delivered: 0, read: sequence, isPrivate: true);
        state.SetMember(conversation, user, Membership.After(body, sequence), turn, state.SetCursor(conversation, user, thread: 0, cursor, moved, turn, previous));
    }

    private void Change(ConversationState conversation, UserId user, Membership? membership, in CommandHeader header, Turn turn)
    {
        MembershipBody body = membership is { } one ? new MembershipBody(user, one.Role, one.VisibleFrom, one.MutedUntil, one.Since) : new MembershipBody(user, MemberRole.None);
        Write(conversation, MessageKind.MemberChanged, body, header, turn);
    }

    private void End(ConversationState conversation, UserId user, MemberRole role, in CommandHeader header, Turn turn)
    {
        Write(conversation, MessageKind.MemberRemoved, new MembershipBody(user, role), header, turn);

        // Nobody gets a record behind the one that removes them (P15): the chunk ends here.
        ShardState.Seal(conversation, turn, user);
        turn.Open.Remove(conversation);
    }

    private void Write(ConversationState conversation, MessageKind kind, in MembershipBody body, in CommandHeader header, Turn turn) =>
        state.SetMember(conversation, body.User, Membership.After(body, Append(conversation, kind, body, header, turn)), turn);

    private static ulong Append(ConversationState conversation, MessageKind kind, in MembershipBody body, in CommandHeader header, Turn turn)
    {
        Span<byte> bytes = stackalloc byte[MembershipBody.SizeMax];
        return ShardState.AppendSystem(conversation, turn, header, kind, bytes[..body.Write(bytes)]);
    }
}
