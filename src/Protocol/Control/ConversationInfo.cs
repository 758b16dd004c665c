namespace FastChat.Protocol;

/// <summary>What a conversation is (protocol.md §5.3).</summary>
public enum ConversationKind : byte
{
    /// <summary>Unknown.</summary>
    None = 0,

    /// <summary>Everyone who is signed in may read it and write to it.</summary>
    Public = 1,

    /// <summary>Only members may read it, write to it or know of it.</summary>
    Group = 2,
}

/// <summary>What a member may do; higher includes lower.</summary>
public enum MemberRole : byte
{
    /// <summary>Not a member.</summary>
    None = 0,

    /// <summary>Reads and writes.</summary>
    Member = 1,

    /// <summary>Also adds and removes members.</summary>
    Owner = 4,
}

/// <summary>A conversation as the replies of ResolveConversation, CreateConversation and ListConversations describe it.</summary>
public sealed record ConversationInfo
{
    /// <summary>Its id.</summary>
    public ConversationId Conversation { get; init; }

    /// <summary>What it is.</summary>
    public ConversationKind Kind { get; init; }

    /// <summary>Its name without the leading #; null for a conversation without one.</summary>
    public string? Name { get; init; }

    /// <summary>Free text for people; null when there is none.</summary>
    public string? Title { get; init; }

    /// <summary>The asking user's role.</summary>
    public MemberRole Role { get; init; }

    /// <summary>The log's epoch.</summary>
    public uint Epoch { get; init; }

    /// <summary>The log's durable head.</summary>
    public ulong Head { get; init; }

    /// <summary>True when this request made it.</summary>
    public bool Created { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static ConversationInfo Parse(ControlMap map) => new()
    {
        Conversation = new ConversationId(map.Id("conversation")),
        Kind = ParseKind(map.Text("kind", ProtocolLimits.NameSizeMax)),
        Name = map.Text("name", ProtocolLimits.NameSizeMax),
        Title = map.Text("title", ProtocolLimits.TitleSizeMax),
        Role = ParseRole(map.Text("role", ProtocolLimits.NameSizeMax)),
        Epoch = (uint)map.Number("epoch", 0, uint.MaxValue),
        Head = map.Number("head", 0),
        Created = map.Flag("created"),
    };

    /// <summary>The body; absent fields are left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("conversation", Conversation.Value)
        .Set("kind", NameOf(Kind))
        .Set("name", Name)
        .Set("title", Title)
        .Set("role", NameOf(Role))
        .Set("epoch", Epoch)
        .Set("head", Head)
        .Set("created", Created);

    /// <summary>A kind's name on the wire.</summary>
    public static string NameOf(ConversationKind kind) => kind switch
    {
        ConversationKind.Public => "public",
        ConversationKind.Group => "group",
        _ => "none",
    };

    /// <summary>A role's name on the wire.</summary>
    public static string NameOf(MemberRole role) => role switch
    {
        MemberRole.Member => "member",
        MemberRole.Owner => "owner",
        _ => "none",
    };

    /// <summary>The kind of a name; None when unknown or null.</summary>
    public static ConversationKind ParseKind(string? name) => name switch
    {
        "public" => ConversationKind.Public,
        "group" => ConversationKind.Group,
        _ => ConversationKind.None,
    };

    /// <summary>The role of a name; None when unknown or null.</summary>
    public static MemberRole ParseRole(string? name) => name switch
    {
        "member" => MemberRole.Member,
        "owner" => MemberRole.Owner,
        _ => MemberRole.None,
    };
}

/// <summary>A member as the reply of ListMembers describes it.</summary>
/// <param name="User">The user's id.</param>
/// <param name="Name">The user's name.</param>
/// <param name="Role">What the member may do.</param>
/// <param name="Since">Sequence of the record that added the member; 0 for who made the conversation.</param>
public sealed record MemberInfo(UserId User, string Name, MemberRole Role, ulong Since)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static MemberInfo Parse(ControlMap map) => new(
        new UserId(map.Id("user")),
        map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
        ConversationInfo.ParseRole(map.Text("role", ProtocolLimits.NameSizeMax)),
        map.Number("since", 0));

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("role", ConversationInfo.NameOf(Role))
        .Set("since", Since);
}

/// <summary>A user as the reply of ResolveUsers describes it.</summary>
/// <param name="User">The user's id.</param>
/// <param name="Name">The user's name.</param>
/// <param name="IsExternal">True for a person imported from another system, who cannot sign in.</param>
public sealed record UserInfo(UserId User, string Name, bool IsExternal)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static UserInfo Parse(ControlMap map) => new(
        new UserId(map.Id("user")),
        map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
        map.Flag("external"));

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("external", IsExternal);
}
