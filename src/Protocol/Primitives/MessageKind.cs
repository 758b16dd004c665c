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

    /// <summary>System: a member was added. Body: <see cref="MembershipBody"/>.</summary>
    MemberAdded = 128,

    /// <summary>System: a member left or was removed. Body: <see cref="MembershipBody"/>.</summary>
    MemberRemoved = 129,

    /// <summary>System: what somebody may do has changed (role, mute, invitation). Body: <see cref="MembershipBody"/>.</summary>
    MemberChanged = 130,

    /// <summary>System: what the conversation is has changed. Body: a map with the fields that changed (protocol.md §5.2).</summary>
    ConversationChanged = 131,
}

/// <summary>Rules about kinds that more than one room needs.</summary>
public static class MessageKinds
{
    /// <summary>The first kind that only the broker may write.</summary>
    public const byte FirstSystemKind = 128;

    /// <summary>True when a client may publish this kind.</summary>
    public static bool IsPublishable(MessageKind kind) => kind is MessageKind.Text or MessageKind.Opaque;
}
