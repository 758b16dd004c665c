namespace FastChat.Protocol;

/// <summary>What a broker has been busy with of late, as the reply of GetActivity tells operators (protocol.md §4.6).</summary>
public sealed record BrokerActivity
{
    /// <summary>The broker's clock when it answered.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>Loops that run its shards.</summary>
    public int Loops { get; init; }

    /// <summary>Those of them that answered in time; what the others do is not told.</summary>
    public int LoopsAnswered { get; init; }

    /// <summary>The shards, in the order of their numbers.</summary>
    public IReadOnlyList<ShardActivity> Shards { get; init; } = [];

    /// <summary>The conversations with the most messages in the last minute, most first.</summary>
    public IReadOnlyList<ConversationActivity> Conversations { get; init; } = [];

    /// <summary>What was refused last, the latest first.</summary>
    public IReadOnlyList<RefusalActivity> Refusals { get; init; } = [];

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static BrokerActivity Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            Time = Micros.ToTime((long)map.Number("time_us", 0, long.MaxValue)),
            Loops = (int)map.Number("loops", 0, int.MaxValue),
            LoopsAnswered = (int)map.Number("answered", 0, int.MaxValue),
            Shards = All(map, "shards", ShardActivity.Parse),
            Conversations = All(map, "conversations", ConversationActivity.Parse),
            Refusals = All(map, "refusals", RefusalActivity.Parse),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("time_us", Micros.Of(Time))
        .Set("loops", Loops)
        .Set("answered", LoopsAnswered)
        .Set("shards", Shards.Select(static shard => (object?)shard.ToMap()).ToList())
        .Set("conversations", Conversations.Select(static conversation => (object?)conversation.ToMap()).ToList())
        .Set("refusals", Refusals.Select(static refusal => (object?)refusal.ToMap()).ToList());

    private static TItem[] All<TItem>(ControlMap map, string key, Func<ControlMap, TItem> parse) =>
        [.. (map.Maps(key) ?? []).Select(item => parse(item ?? throw new ControlFormatException($"{key}: maps are expected")))];
}

/// <summary>What a shard has done since the broker was started, and what it has to do.</summary>
public sealed record ShardActivity
{
    /// <summary>Its number.</summary>
    public int Shard { get; init; }

    /// <summary>The loop that runs it.</summary>
    public int Loop { get; init; }

    /// <summary>Bytes that wait for it.</summary>
    public ulong QueuedBytes { get; init; }

    /// <summary>Messages and other records that it has stored.</summary>
    public ulong Messages { get; init; }

    /// <summary>Their bytes.</summary>
    public ulong Bytes { get; init; }

    /// <summary>Live records that it has handed to those who listen, once for each.</summary>
    public ulong Delivered { get; init; }

    /// <summary>Subscriptions to its conversations.</summary>
    public int Subscriptions { get; init; }

    /// <summary>Those of them that lag.</summary>
    public int Lagging { get; init; }

    /// <summary>Conversations that it has in memory.</summary>
    public int Conversations { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static ShardActivity Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            Shard = (int)map.Number("shard", 0, int.MaxValue),
            Loop = (int)map.Number("loop", 0, int.MaxValue),
            QueuedBytes = map.Number("queued", 0),
            Messages = map.Number("messages", 0),
            Bytes = map.Number("bytes", 0),
            Delivered = map.Number("delivered", 0),
            Subscriptions = (int)map.Number("subscriptions", 0, int.MaxValue),
            Lagging = (int)map.Number("lagging", 0, int.MaxValue),
            Conversations = (int)map.Number("conversations", 0, int.MaxValue),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("shard", Shard)
        .Set("loop", Loop)
        .Set("queued", QueuedBytes)
        .Set("messages", Messages)
        .Set("bytes", Bytes)
        .Set("delivered", Delivered)
        .Set("subscriptions", Subscriptions)
        .Set("lagging", Lagging)
        .Set("conversations", Conversations);
}

/// <summary>A conversation that much was written in during the last minute.</summary>
public sealed record ConversationActivity
{
    /// <summary>Which.</summary>
    public ConversationId Conversation { get; init; }

    /// <summary>What it is; none when whoever asks may not see it.</summary>
    public ConversationKind Kind { get; init; }

    /// <summary>Its name, if it has one.</summary>
    public string? Name { get; init; }

    /// <summary>What people call it, if anything.</summary>
    public string? Title { get; init; }

    /// <summary>Messages and other records: so many at the least.</summary>
    public ulong Messages { get; init; }

    /// <summary>Their bytes: so many at the least.</summary>
    public ulong Bytes { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static ConversationActivity Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            Conversation = new ConversationId(map.Id("conversation")),
            Kind = map["kind"] is null ? ConversationKind.None : ConversationKinds.Parse(map.Text("kind", ProtocolLimits.NameSizeMax)),
            Name = map.Text("name", ProtocolLimits.NameSizeMax),
            Title = map.Text("title", ProtocolLimits.TitleSizeMax),
            Messages = map.Number("messages", 0),
            Bytes = map.Number("bytes", 0),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("conversation", Conversation.Value)
        .Set("kind", Kind == ConversationKind.None ? null : ConversationKinds.NameOf(Kind))
        .Set("name", Name)
        .Set("title", Title)
        .Set("messages", Messages)
        .Set("bytes", Bytes);
}

/// <summary>Something that was refused, once or often.</summary>
public sealed record RefusalActivity
{
    /// <summary>What, as the audit log says it (docs/security.md).</summary>
    public string Act { get; init; } = string.Empty;

    /// <summary>Why, or what of it: a code's name or a word of the broker's; null when there is no more to say.</summary>
    public string? Detail { get; init; }

    /// <summary>The address that it came from, without the port; null when that is not told apart.</summary>
    public string? Remote { get; init; }

    /// <summary>Who was refused; none when nobody was signed in.</summary>
    public UserId User { get; init; }

    /// <summary>How often.</summary>
    public ulong Count { get; init; }

    /// <summary>When the last time.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static RefusalActivity Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            Act = map.Text("act", ProtocolLimits.NameSizeMax) ?? string.Empty,
            Detail = map.Text("detail", ProtocolLimits.ReasonSizeMax),
            Remote = map.Text("remote", ProtocolLimits.ReasonSizeMax),
            User = new UserId(map["user"] is null ? default : map.Id("user")),
            Count = map.Number("count", 0),
            At = Micros.ToTime((long)map.Number("at", 0, long.MaxValue)),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("act", Act)
        .Set("detail", Detail)
        .Set("remote", Remote)
        .Set("user", User.IsNone ? null : ControlMap.IdBytes(User.Value))
        .Set("count", Count)
        .Set("at", Micros.Of(At));
}
