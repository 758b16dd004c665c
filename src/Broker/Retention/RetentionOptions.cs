using FastChat.Broker.Conversations;

namespace FastChat.Broker.Retention;

/// <summary>How long messages are kept, as the operator says.</summary>
internal sealed record RetentionOptions
{
    /// <summary>Where a conversation says nothing; zero = for good.</summary>
    public TimeSpan Default { get; init; }

    /// <summary>Whatever a conversation says; zero = no more than that.</summary>
    public TimeSpan Max { get; init; }

    /// <summary>How long a repeated publish of what is kept no longer is recognized at least.</summary>
    public TimeSpan Retries { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How often conversations are looked at, at most.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a conversation's messages are kept; zero = for good.</summary>
    public TimeSpan AgeOf(ConversationMeta meta)
    {
        TimeSpan own = meta.RetentionSeconds > 0 ? TimeSpan.FromSeconds(meta.RetentionSeconds) : Default;
        return Max > TimeSpan.Zero && (own == TimeSpan.Zero || own > Max) ? Max : own;
    }
}
