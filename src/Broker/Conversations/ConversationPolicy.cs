using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>
/// The one place where it is decided who may do what, for every transport and every way of asking. A pure function of facts; whoever asks brings
/// facts as old as his own position in the log. What is not allowed here is not allowed.
/// </summary>
internal static class ConversationPolicy
{
    /// <summary>
    /// None when allowed. Who may not even know of a conversation gets the same answer as for one that does not exist.
    /// </summary>
    public static ErrorCode Decide(ConversationOperation operation, in ConversationFacts facts) =>
        (facts.Rights & AccountRights.Service) != 0 ? ServicePolicy.Decide(operation, facts)
        : !IsVisible(facts) ? ErrorCode.NoSuchConversation
        : IsAllowed(operation, facts) ? ErrorCode.None
        : ErrorCode.Forbidden;

    /// <summary>An open conversation is found by its name, so there is nothing to hide from those who are banned there.</summary>
    private static bool IsVisible(in ConversationFacts facts) =>
        facts.Kind is > ConversationKind.None and <= ConversationKind.Channel
        && (IsOpen(facts) || IsMember(facts) || IsOperator(facts) || (facts.Kind == ConversationKind.Group && facts.Role == MemberRole.Invited));

    private static bool IsAllowed(ConversationOperation operation, in ConversationFacts facts) => operation switch
    {
        ConversationOperation.See => IsOpen(facts) || IsMember(facts) || IsOperator(facts) || facts.Role == MemberRole.Invited,
        ConversationOperation.Read or ConversationOperation.ListMembers => MayRead(facts),
        ConversationOperation.WatchPresence => IsMember(facts),
        ConversationOperation.Publish or ConversationOperation.EditOwn => MayWrite(facts),
        ConversationOperation.PublishOnBehalf => (facts.Rights & AccountRights.Import) != 0 && !facts.IsArchived,
        ConversationOperation.React => MayReact(facts),
        ConversationOperation.DeleteOwn => MayRead(facts) && facts.Role != MemberRole.Banned,
        ConversationOperation.DeleteOthers => Keeps(facts, MemberRole.Moderator),
        ConversationOperation.Pin => Keeps(facts, MemberRole.Moderator) || (facts.Kind == ConversationKind.Direct && MayWrite(facts)),
        ConversationOperation.MentionAll or ConversationOperation.IgnoreSlowMode => Keeps(facts, MemberRole.Moderator),

        ConversationOperation.Join => IsOpen(facts) && facts.Role is MemberRole.None or MemberRole.Invited && !facts.IsArchived,
        ConversationOperation.JoinByLink => HasRoles(facts) && facts.Role is MemberRole.None or MemberRole.Invited && !facts.IsArchived,
        ConversationOperation.AnswerInvitation => facts.Role == MemberRole.Invited,
        ConversationOperation.Leave => HasRoles(facts) && IsMember(facts),

        ConversationOperation.AddMembers => Keeps(facts, MemberRole.Admin) && facts.Target != MemberRole.Banned && MayGive(facts),
        ConversationOperation.Invite => Keeps(facts, MemberRole.Moderator) && facts.Target is MemberRole.None or MemberRole.Invited && MayGive(facts),
        ConversationOperation.Uninvite => Keeps(facts, MemberRole.Moderator),
        ConversationOperation.ChangeRole => Keeps(facts, MemberRole.Admin) && MemberRoles.IsMember(facts.Target) && IsAbove(facts) && MayGive(facts),
        ConversationOperation.RemoveMember or ConversationOperation.Mute => Keeps(facts, MemberRole.Moderator) && MemberRoles.IsMember(facts.Target) && IsAbove(facts),
        ConversationOperation.Ban => Keeps(facts, MemberRole.Moderator) && IsAbove(facts),
        ConversationOperation.Unban => Keeps(facts, MemberRole.Moderator) && facts.Target == MemberRole.Banned,

        ConversationOperation.Describe or ConversationOperation.Configure or ConversationOperation.ManageLinks => Keeps(facts, MemberRole.Admin),

        // What destroys everybody's messages is its owner's alone, and a direct conversation is nobody's to erase; how long that keeps messages, where there is none, whoever runs the broker's.
        ConversationOperation.Erase => Keeps(facts, MemberRole.Owner),
        ConversationOperation.Retain => IsOperator(facts) || Keeps(facts, MemberRole.Owner),
        _ => false,
    };

    private static bool IsOpen(in ConversationFacts facts) => ConversationKinds.IsOpen(facts.Kind);

    private static bool IsMember(in ConversationFacts facts) => MemberRoles.IsMember(facts.Role);

    private static bool IsOperator(in ConversationFacts facts) => (facts.Rights & AccountRights.Operator) != 0;

    /// <summary>In a direct conversation both are equal, and stay.</summary>
    private static bool HasRoles(in ConversationFacts facts) => facts.Kind != ConversationKind.Direct;

    private static bool MayRead(in ConversationFacts facts) => IsMember(facts) || IsOperator(facts) || (IsOpen(facts) && facts.Role != MemberRole.Banned);

    private static bool MayReact(in ConversationFacts facts) =>
        !facts.IsArchived && !facts.IsMuted && !facts.IsBlocked && (IsMember(facts) || (facts.Kind == ConversationKind.Public && facts.Role != MemberRole.Banned));

    private static bool MayWrite(in ConversationFacts facts) =>
        !facts.IsArchived && !facts.IsMuted && !facts.IsBlocked && facts.Role switch
        {
            MemberRole.Reader or MemberRole.Banned => false,
            MemberRole.None or MemberRole.Invited => facts.Kind == ConversationKind.Public,
            _ => true,
        };

    /// <summary>Has this role or one above it, where there are roles; whoever runs the broker has every one.</summary>
    private static bool Keeps(in ConversationFacts facts, MemberRole least) =>
        HasRoles(facts) && (IsOperator(facts) || MemberRoles.Rank(facts.Role) >= MemberRoles.Rank(least));

    /// <summary>Stands above the one whom it concerns; an owner above other owners as well, or nobody could ever end one.</summary>
    private static bool IsAbove(in ConversationFacts facts) =>
        IsOperator(facts) || facts.Role == MemberRole.Owner || MemberRoles.Rank(facts.Role) > MemberRoles.Rank(facts.Target);

    /// <summary>Gives only what is below the own role; an owner makes owners.</summary>
    private static bool MayGive(in ConversationFacts facts) =>
        MemberRoles.IsMember(facts.NewRole) && (IsOperator(facts) || facts.Role == MemberRole.Owner || MemberRoles.Rank(facts.Role) > MemberRoles.Rank(facts.NewRole));
}
