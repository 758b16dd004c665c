namespace FastChat.Protocol;

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

    /// <summary>What it is about; null when nobody said.</summary>
    public string? Topic { get; init; }

    /// <summary>Where its picture is, as those who set it wrote it; null when there is none.</summary>
    public string? Avatar { get; init; }

    /// <summary>True when nobody writes there any more.</summary>
    public bool IsArchived { get; init; }

    /// <summary>How long a member waits between two messages; zero = not at all.</summary>
    public TimeSpan SlowMode { get; init; }

    /// <summary>How much of the past new members may read.</summary>
    public HistoryVisibility History { get; init; }

    /// <summary>How long messages are kept here; zero = as long as the broker keeps them anywhere.</summary>
    public TimeSpan Retention { get; init; }

    /// <summary>Bytes of the newest records that are kept; 0 = all.</summary>
    public long RetentionBytes { get; init; }

    /// <summary>The first record that the log has; 1 unless something is kept no longer.</summary>
    public ulong First { get; init; } = 1;

    /// <summary>The other one of a direct conversation; none in others.</summary>
    public UserId Peer { get; init; }

    /// <summary>The asking user's role.</summary>
    public MemberRole Role { get; init; }

    /// <summary>Until when the asking user may not write; null when they may.</summary>
    public DateTimeOffset? MutedUntil { get; init; }

    /// <summary>The first sequence that the asking user may read; 0 or 1 = all.</summary>
    public ulong VisibleFrom { get; init; }

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
        Kind = ConversationKinds.Parse(map.Text("kind", ProtocolLimits.NameSizeMax)),
        Name = map.Text("name", ProtocolLimits.NameSizeMax),
        Title = map.Text("title", ProtocolLimits.TitleSizeMax),
        Topic = map.Text("topic", ProtocolLimits.TopicSizeMax),
        Avatar = map.Text("avatar", ProtocolLimits.AvatarSizeMax),
        IsArchived = map.Flag("archived"),
        SlowMode = TimeSpan.FromSeconds(map.Number("slow_mode", 0, ProtocolLimits.SlowModeSecondsMax)),
        History = HistoryVisibilities.TryParse(map.Text("history", ProtocolLimits.NameSizeMax), out HistoryVisibility history) ? history : HistoryVisibility.All,
        Retention = TimeSpan.FromSeconds(map.Number("retention_seconds", 0, ProtocolLimits.RetentionSecondsMax)),
        RetentionBytes = (long)map.Number("retention_bytes", 0, long.MaxValue),
        First = map["first"] is null ? 1 : map.Number("first", 1),
        Peer = new UserId(map["peer"] is null ? default : map.Id("peer")),
        Role = MemberRoles.Parse(map.Text("role", ProtocolLimits.NameSizeMax)),
        MutedUntil = Micros.ToTime(map.Number("muted_until", 0, long.MaxValue)),
        VisibleFrom = map.Number("visible_from", 0),
        Epoch = (uint)map.Number("epoch", 0, uint.MaxValue),
        Head = map.Number("head", 0),
        Created = map.Flag("created"),
    };

    /// <summary>The body; absent fields are left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("conversation", Conversation.Value)
        .Set("kind", ConversationKinds.NameOf(Kind))
        .Set("name", Name)
        .Set("title", Title)
        .Set("topic", Topic)
        .Set("avatar", Avatar)
        .Set("archived", IsArchived ? true : null)
        .Set("slow_mode", SlowMode > TimeSpan.Zero ? (int)SlowMode.TotalSeconds : null)
        .Set("history", History == HistoryVisibility.All ? null : HistoryVisibilities.NameOf(History))
        .Set("retention_seconds", Retention > TimeSpan.Zero ? (long)Retention.TotalSeconds : null)
        .Set("retention_bytes", RetentionBytes > 0 ? RetentionBytes : null)
        .Set("first", First > 1 ? First : null)
        .Set("peer", Peer.IsNone ? null : ControlMap.IdBytes(Peer.Value))
        .Set("role", MemberRoles.NameOf(Role))
        .Set("muted_until", Micros.Of(MutedUntil))
        .Set("visible_from", VisibleFrom > 1 ? VisibleFrom : null)
        .Set("epoch", Epoch)
        .Set("head", Head)
        .Set("created", Created);
}

/// <summary>A member as the reply of ListMembers describes it.</summary>
/// <param name="User">The user's id.</param>
/// <param name="Name">The user's name.</param>
/// <param name="Role">What the member may do.</param>
/// <param name="Since">Sequence of the record that added the member; 0 for who made the conversation.</param>
/// <param name="MutedUntil">Until when the member may not write; null when they may.</param>
public sealed record MemberInfo(UserId User, string Name, MemberRole Role, ulong Since, DateTimeOffset? MutedUntil = null)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static MemberInfo Parse(ControlMap map) => new(
        new UserId(map.Id("user")),
        map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
        MemberRoles.Parse(map.Text("role", ProtocolLimits.NameSizeMax)),
        map.Number("since", 0),
        Micros.ToTime(map.Number("muted_until", 0, long.MaxValue)));

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("role", MemberRoles.NameOf(Role))
        .Set("since", Since)
        .Set("muted_until", Micros.Of(MutedUntil));
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
