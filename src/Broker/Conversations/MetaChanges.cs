using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>What changes do to a <see cref="ConversationMeta"/>, and who may make them.</summary>
internal static class MetaChanges
{
    extension(ConversationChanges changes)
    {
        /// <summary>What somebody must be allowed to do to make these changes; without any, to see the conversation.</summary>
        public IEnumerable<ConversationOperation> Operations
        {
            get
            {
                yield return ConversationOperation.See;
                if (changes.Title is not null || changes.Topic is not null || changes.Avatar is not null)
                {
                    yield return ConversationOperation.Describe;
                }

                if (changes.IsArchived is not null || changes.SlowMode is not null || changes.History is not null)
                {
                    yield return ConversationOperation.Configure;
                }

                if (changes.Retention is not null || changes.RetentionBytes is not null)
                {
                    yield return ConversationOperation.Retain;
                }
            }
        }

        /// <summary>Those that change something.</summary>
        public ConversationChanges Minus(ConversationMeta meta) => new()
        {
            Title = changes.Title == (meta.Title ?? string.Empty) ? null : changes.Title,
            Topic = changes.Topic == (meta.Topic ?? string.Empty) ? null : changes.Topic,
            Avatar = changes.Avatar == (meta.Avatar ?? string.Empty) ? null : changes.Avatar,
            IsArchived = changes.IsArchived == meta.IsArchived ? null : changes.IsArchived,
            SlowMode = changes.SlowMode == TimeSpan.FromSeconds(meta.SlowModeSeconds) ? null : changes.SlowMode,
            History = changes.History == meta.History ? null : changes.History,
            Retention = changes.Retention == TimeSpan.FromSeconds(meta.RetentionSeconds) ? null : changes.Retention,
            RetentionBytes = changes.RetentionBytes == meta.RetentionBytes ? null : changes.RetentionBytes,
        };

        /// <summary>The conversation as it is afterwards.</summary>
        public ConversationMeta Apply(ConversationMeta meta) => meta with
        {
            Title = Text(changes.Title, meta.Title),
            Topic = Text(changes.Topic, meta.Topic),
            Avatar = Text(changes.Avatar, meta.Avatar),
            IsArchived = changes.IsArchived ?? meta.IsArchived,
            SlowModeSeconds = changes.SlowMode is { } pause ? (uint)pause.TotalSeconds : meta.SlowModeSeconds,
            History = changes.History ?? meta.History,
            RetentionSeconds = changes.Retention is { } age ? (uint)age.TotalSeconds : meta.RetentionSeconds,
            RetentionBytes = changes.RetentionBytes ?? meta.RetentionBytes,
        };
    }

    private static string? Text(string? changed, string? now) => changed is null ? now : changed.Length == 0 ? null : changed;
}
