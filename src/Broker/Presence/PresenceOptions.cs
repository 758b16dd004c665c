namespace FastChat.Broker.Presence;

/// <summary>Times and sizes of presence (docs/operations.md).</summary>
internal sealed record PresenceOptions
{
    /// <summary>How long a person is still there after their last connection went: who comes back within it was never gone.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Changes are told once in this time, as they are then.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Bytes of Presence frames in a second, headers included, to all connections together.</summary>
    public int BytesPerSecond { get; init; } = 1_000_000;

    /// <summary>Bytes of Presence frames in a second to one connection.</summary>
    public int ConnectionBytesPerSecond { get; init; } = 8_000;

    /// <summary>Memberships of watched conversations in memory, a tenth of a kilobyte each; beyond it no further conversation is watched.</summary>
    public int WatchedMembershipsMax { get; init; } = 1_000_000;
}
