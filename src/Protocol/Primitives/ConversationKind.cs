namespace FastChat.Protocol;

/// <summary>What a conversation is (protocol.md §5.3). Numbers are stored and never reused.</summary>
public enum ConversationKind : byte
{
    /// <summary>Unknown.</summary>
    None = 0,

    /// <summary>Has a name; everyone who is signed in may read it and write to it.</summary>
    Public = 1,

    /// <summary>Only members may read it, write to it or know of it.</summary>
    Group = 2,

    /// <summary>Two people's own; there is one for each pair, and both always belong to it.</summary>
    Direct = 3,

    /// <summary>Has a name; everyone who is signed in may read it, few write.</summary>
    Channel = 4,
}

/// <summary>Rules about kinds that more than one room needs.</summary>
public static class ConversationKinds
{
    /// <summary>True when everyone who is signed in may find it and read it, and it has a name for that.</summary>
    public static bool IsOpen(ConversationKind kind) => kind is ConversationKind.Public or ConversationKind.Channel;

    /// <summary>A kind's name on the wire.</summary>
    public static string NameOf(ConversationKind kind) => kind switch
    {
        ConversationKind.Public => "public",
        ConversationKind.Group => "group",
        ConversationKind.Direct => "direct",
        ConversationKind.Channel => "channel",
        _ => "none",
    };

    /// <summary>The kind of a name; None when unknown or null.</summary>
    public static ConversationKind Parse(string? name) => name switch
    {
        "public" => ConversationKind.Public,
        "group" => ConversationKind.Group,
        "direct" => ConversationKind.Direct,
        "channel" => ConversationKind.Channel,
        _ => ConversationKind.None,
    };
}
