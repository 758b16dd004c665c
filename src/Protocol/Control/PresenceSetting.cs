namespace FastChat.Protocol;

/// <summary>How the user is to be seen, as the reply of SetPresence tells it (protocol.md §4.9).</summary>
/// <param name="Availability">What the user chose: online, away, do-not-disturb or invisible.</param>
/// <param name="Status">The user's line; empty = none.</param>
/// <param name="StatusUntilMicros">When the line goes by itself, µs since 1970-01-01 UTC; 0 = it stays.</param>
public sealed record PresenceSetting(Availability Availability, string Status, long StatusUntilMicros)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static PresenceSetting Parse(ControlMap map) => new(
        Availabilities.Parse(map.Text("availability", ProtocolLimits.NameSizeMax)),
        map.Text("status", ProtocolLimits.StatusSizeMax) ?? string.Empty,
        (long)map.Number("status_until", 0, long.MaxValue));

    /// <summary>The body; what is empty is left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("availability", Availabilities.NameOf(Availability))
        .Set("status", Status.Length > 0 ? Status : null)
        .Set("status_until", StatusUntilMicros != 0 ? StatusUntilMicros : null);
}

/// <summary>The reply of WatchPresence: who of the conversation is there (protocol.md §4.9).</summary>
/// <param name="Online">Members who are not offline.</param>
/// <param name="Members">All members.</param>
/// <param name="Entries">Every member, in the order of their ids; null in a conversation of more than 100.</param>
public sealed record PresenceSnapshot(uint Online, uint Members, IReadOnlyList<PresenceEntry>? Entries)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static PresenceSnapshot Parse(ControlMap map) => new(
        (uint)map.Number("online", 0, uint.MaxValue),
        (uint)map.Number("members", 0, uint.MaxValue),
        map.Maps("entries")?.Select(static entry => PresenceEntry.Parse(entry ?? throw new ControlFormatException("entries: maps are expected"))).ToArray());

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("online", (long)Online)
        .Set("members", (long)Members)
        .Set("entries", Entries?.Select(static entry => (object?)entry.ToMap()).ToList());
}
