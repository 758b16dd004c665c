using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>
/// The part of <see cref="ConversationPolicy"/>, which alone asks it, about programs. A service that is confined acts where it was said to, member or not; any other where an ordinary user in its place could. Either
/// needs the right for what it does, and none of them makes conversations or changes members.
/// </summary>
internal static class ServicePolicy
{
    /// <summary>None when allowed.</summary>
    public static ErrorCode Decide(ConversationOperation operation, in ConversationFacts facts)
    {
        AccountRights rights = facts.Rights;
        bool isConfined = (rights & AccountRights.Confined) != 0;
        ErrorCode ordinary = ConversationPolicy.Decide(operation, facts with { Rights = AccountRights.None });
        bool isVisible = isConfined ? (rights & AccountRights.InScope) != 0 : ordinary != ErrorCode.NoSuchConversation;
        if (!isVisible)
        {
            return ErrorCode.NoSuchConversation;
        }

        bool isHeldBack = facts.IsArchived || facts.IsMuted || facts.IsBlocked || facts.Role == MemberRole.Banned;
        bool mayWrite = (rights & AccountRights.ServicePublish) != 0 && !isHeldBack;

        bool isAllowed = operation switch
        {
            ConversationOperation.See => true,
            ConversationOperation.Read or ConversationOperation.ListMembers => (rights & AccountRights.ServiceRead) != 0 && (isConfined || ordinary == ErrorCode.None),
            ConversationOperation.PublishOnBehalf => mayWrite,
            ConversationOperation.Publish or ConversationOperation.EditOwn or ConversationOperation.DeleteOwn or ConversationOperation.React =>
                mayWrite && (isConfined || ordinary == ErrorCode.None),
            ConversationOperation.Leave => ordinary == ErrorCode.None,
            _ => false,
        };
        return isAllowed ? ErrorCode.None : ErrorCode.Forbidden;
    }
}
