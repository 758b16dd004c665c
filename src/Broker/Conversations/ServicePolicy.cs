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
    public static ErrorCode Decide(ConversationOperation operation, AccountRights rights, ConversationKind kind, MemberRole role)
    {
        bool isVisible = (rights & AccountRights.Confined) != 0
            ? (rights & AccountRights.InScope) != 0
            : kind == ConversationKind.Public || role != MemberRole.None;
        if (!isVisible)
        {
            return ErrorCode.NoSuchConversation;
        }

        bool isAllowed = operation switch
        {
            ConversationOperation.See => true,
            ConversationOperation.Read or ConversationOperation.ListMembers => (rights & AccountRights.ServiceRead) != 0,
            ConversationOperation.Publish or ConversationOperation.PublishOnBehalf => (rights & AccountRights.ServicePublish) != 0,
            ConversationOperation.Leave => role != MemberRole.None,
            _ => false,
        };
        return isAllowed ? ErrorCode.None : ErrorCode.Forbidden;
    }
}
