namespace FastChat.Protocol;

/// <summary>What a record holds (protocol.md §5.2). Numbers are never reused.</summary>
public enum MessageKind : byte
{
    /// <summary>Never on the wire.</summary>
    None = 0,

    /// <summary>Text that people read: well-formed UTF-8 (RFC 3629), 0 bytes or more, every code point kept as it is.</summary>
    Text = 1,

    /// <summary>Bytes that only clients understand; nothing is checked but the size.</summary>
    Opaque = 2,

    /// <summary>Another content for an earlier message of the same sender. Body: <see cref="EditBody"/>.</summary>
    Edit = 3,

    /// <summary>An earlier message is deleted for everyone; nothing of it is kept. Body: <see cref="DeleteBody"/>.</summary>
    Delete = 4,

    /// <summary>A reaction to an earlier message, or its end. Body: <see cref="ReactionBody"/>.</summary>
    Reaction = 5,

    /// <summary>An earlier message is pinned, or not any more. Body: <see cref="PinBody"/>.</summary>
    Pin = 6,

    /// <summary>A text or opaque message with attributes: a reply, in a thread, mentions, an expiry … Body: <see cref="RichBody"/>.</summary>
    Rich = 7,

    /// <summary>System: a member was added. Body: <see cref="MembershipBody"/>.</summary>
    MemberAdded = 128,

    /// <summary>System: a member left or was removed. Body: <see cref="MembershipBody"/>.</summary>
    MemberRemoved = 129,

    /// <summary>System: what somebody may do has changed (role, mute, invitation). Body: <see cref="MembershipBody"/>.</summary>
    MemberChanged = 130,

    /// <summary>System: what the conversation is has changed. Body: a map with the fields that changed (protocol.md §5.2).</summary>
    ConversationChanged = 131,

    /// <summary>System: a message's time was over, and nothing of it is kept. Body: <see cref="DeleteBody"/>; the sender is the message's.</summary>
    Expired = 132,

    /// <summary>System: the bodies of some messages and reactions are gone, because their author was erased, or the conversation. Body: <see cref="ErasedBody"/>; the sender is the author, or who had the conversation erased.</summary>
    Erased = 133,
}

/// <summary>Rules about kinds that more than one room needs.</summary>
public static class MessageKinds
{
    /// <summary>The first kind that only the broker may write.</summary>
    public const byte FirstSystemKind = 128;

    /// <summary>True when a client may publish this kind.</summary>
    public static bool IsPublishable(MessageKind kind) => kind is >= MessageKind.Text and <= MessageKind.Rich;

    /// <summary>True for what people read: it counts as unread, can be answered, edited, deleted and pinned. The rest changes something.</summary>
    public static bool IsMessage(MessageKind kind) => kind is MessageKind.Text or MessageKind.Opaque or MessageKind.Rich;
}
