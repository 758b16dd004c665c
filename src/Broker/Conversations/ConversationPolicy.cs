using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>What somebody wants to do with a conversation.</summary>
internal enum ConversationOperation : byte
{
    /// <summary>Learn that it exists and what it is.</summary>
    See,

    /// <summary>Subscribe and fetch.</summary>
    Read,

    /// <summary>Publish as oneself.</summary>
    Publish,

    /// <summary>Publish with somebody else as the sender.</summary>
    PublishOnBehalf,

    /// <summary>List the members.</summary>
    ListMembers,

    /// <summary>Add members.</summary>
    AddMembers,

    /// <summary>Remove another member.</summary>
    RemoveMember,

    /// <summary>Remove oneself.</summary>
    Leave,

    /// <summary>Be told which members are there. Not even operators may who are no members themselves: nobody learns of people with whom they share nothing.</summary>
    WatchPresence,
}

/// <summary>
/// The one place where it is decided who may do what, for every transport and every way of asking. A pure function of facts; whoever asks brings
/// facts as old as his own position in the log. What is not allowed here is not allowed.
/// </summary>
internal static class ConversationPolicy
{
    /// <summary>
    /// None when allowed. Who may not even know of a conversation gets the same answer as for one that does not exist.
    /// </summary>
    public static ErrorCode Decide(ConversationOperation operation, AccountRights rights, ConversationKind kind, MemberRole role)
    {
        bool isOperator = (rights & AccountRights.Operator) != 0;
        bool isVisible = kind == ConversationKind.Public || role != MemberRole.None || isOperator;
        if (!isVisible)
        {
            return ErrorCode.NoSuchConversation;
        }

        bool isAllowed = operation switch
        {
            ConversationOperation.See or ConversationOperation.Read or ConversationOperation.ListMembers => true,
            ConversationOperation.Publish => kind == ConversationKind.Public || role != MemberRole.None,
            ConversationOperation.PublishOnBehalf => (rights & AccountRights.Import) != 0,
            ConversationOperation.AddMembers or ConversationOperation.RemoveMember => role == MemberRole.Owner || isOperator,
            ConversationOperation.Leave or ConversationOperation.WatchPresence => role != MemberRole.None,
            _ => false,
        };
        return isAllowed ? ErrorCode.None : ErrorCode.Forbidden;
    }
}
