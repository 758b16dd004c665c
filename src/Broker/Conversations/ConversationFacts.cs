using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>Everything that <see cref="ConversationPolicy"/> goes by. What is not known to be so is left as it is, which never allows more.</summary>
/// <param name="Rights">Rights of the asking account.</param>
/// <param name="Kind">What the conversation is.</param>
/// <param name="Role">What the asking user is in it.</param>
internal readonly record struct ConversationFacts(AccountRights Rights, ConversationKind Kind, MemberRole Role)
{
    /// <summary>Nobody writes there any more.</summary>
    public bool IsArchived { get; init; }

    /// <summary>The asking user is muted at the time of the request.</summary>
    public bool IsMuted { get; init; }

    /// <summary>One of the two of a direct conversation blocks the other.</summary>
    public bool IsBlocked { get; init; }

    /// <summary>What the one is whom the request concerns.</summary>
    public MemberRole Target { get; init; }

    /// <summary>What the one whom it concerns is to become.</summary>
    public MemberRole NewRole { get; init; }
}

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

    /// <summary>Make somebody a member.</summary>
    AddMembers,

    /// <summary>Remove another member.</summary>
    RemoveMember,

    /// <summary>Remove oneself.</summary>
    Leave,

    /// <summary>Become a member of an open conversation.</summary>
    Join,

    /// <summary>Become a member by a link that somebody with <see cref="ManageLinks"/> made.</summary>
    JoinByLink,

    /// <summary>Invite somebody.</summary>
    Invite,

    /// <summary>Accept or decline an invitation.</summary>
    AnswerInvitation,

    /// <summary>Take an invitation back.</summary>
    Uninvite,

    /// <summary>Give a member another role.</summary>
    ChangeRole,

    /// <summary>Take the word from a member for a while, or give it back.</summary>
    Mute,

    /// <summary>Remove somebody for good.</summary>
    Ban,

    /// <summary>Allow them to come back.</summary>
    Unban,

    /// <summary>Change title, topic and picture.</summary>
    Describe,

    /// <summary>Change slow mode and what newcomers may read; archive and take it back.</summary>
    Configure,

    /// <summary>Change how long, and up to which size, messages are kept.</summary>
    Retain,

    /// <summary>Erase all of it, for everybody.</summary>
    Erase,

    /// <summary>Make, list and revoke join links.</summary>
    ManageLinks,

    /// <summary>Mention everyone.</summary>
    MentionAll,

    /// <summary>Write without waiting where slow mode is on.</summary>
    IgnoreSlowMode,

    /// <summary>Add or take back a reaction.</summary>
    React,

    /// <summary>Edit one's own message.</summary>
    EditOwn,

    /// <summary>Delete one's own message for everyone.</summary>
    DeleteOwn,

    /// <summary>Delete another one's message for everyone.</summary>
    DeleteOthers,

    /// <summary>Pin a message, or take the pin away.</summary>
    Pin,

    /// <summary>Be told which members are there. Not even operators may who are no members themselves: nobody learns of people with whom they share nothing.</summary>
    WatchPresence,
}
