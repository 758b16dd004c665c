namespace FastChat.Protocol;

/// <summary>
/// What is to change about a conversation, or has: the body of ChangeConversation and of records of kind <see cref="MessageKind.ConversationChanged"/> (protocol.md §4.6, §5.2). Null = stays as it is; an
/// empty text takes the field away.
/// </summary>
public sealed record ConversationChanges
{
    /// <summary>Text for people, ≤ 256 bytes.</summary>
    public string? Title { get; init; }

    /// <summary>What it is about, ≤ 1024 bytes.</summary>
    public string? Topic { get; init; }

    /// <summary>What names its picture, ≤ 512 bytes.</summary>
    public string? Avatar { get; init; }

    /// <summary>Nobody writes there any more; or they do again.</summary>
    public bool? IsArchived { get; init; }

    /// <summary>How long a member waits between two messages, whole seconds up to six hours; zero = not at all.</summary>
    public TimeSpan? SlowMode { get; init; }

    /// <summary>How much of the past new members may read.</summary>
    public HistoryVisibility? History { get; init; }

    /// <summary>How long messages are kept, whole seconds; zero = as the broker does where nobody says.</summary>
    public TimeSpan? Retention { get; init; }

    /// <summary>Bytes of the newest records that are kept; 0 = all.</summary>
    public long? RetentionBytes { get; init; }

    /// <summary>True when nothing is to change.</summary>
    public bool IsEmpty => this == new ConversationChanges();

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static ConversationChanges Parse(ControlMap map)
    {
        string? history = map.Text("history", ProtocolLimits.NameSizeMax);
        HistoryVisibility visibility = HistoryVisibility.All;
        if (history is not null && !HistoryVisibilities.TryParse(history, out visibility))
        {
            throw new ControlFormatException("history: \"all\", \"invited\" or \"joined\"");
        }

        return new ConversationChanges
        {
            Title = map.Text("title", ProtocolLimits.TitleSizeMax),
            Topic = map.Text("topic", ProtocolLimits.TopicSizeMax),
            Avatar = map.Text("avatar", ProtocolLimits.AvatarSizeMax),
            IsArchived = map["archived"] is null ? null : map.Flag("archived"),
            SlowMode = map["slow_mode"] is null ? null : TimeSpan.FromSeconds(map.Number("slow_mode", 0, ProtocolLimits.SlowModeSecondsMax)),
            History = history is null ? null : visibility,
            Retention = map["retention_seconds"] is null ? null : TimeSpan.FromSeconds(map.Number("retention_seconds", 0, ProtocolLimits.RetentionSecondsMax)),
            RetentionBytes = map["retention_bytes"] is null ? null : (long)map.Number("retention_bytes", 0, long.MaxValue),
        };
    }

    /// <summary>The fields that are not null.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("title", Title)
        .Set("topic", Topic)
        .Set("avatar", Avatar)
        .Set("archived", IsArchived)
        .Set("slow_mode", SlowMode is { } pause ? (int)pause.TotalSeconds : null)
        .Set("history", History is { } history ? HistoryVisibilities.NameOf(history) : null)
        .Set("retention_seconds", Retention is { } age ? (long)age.TotalSeconds : null)
        .Set("retention_bytes", RetentionBytes);
}
