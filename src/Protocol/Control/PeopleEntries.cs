namespace FastChat.Protocol;

/// <summary>A user as the reply of SearchUsers describes it.</summary>
/// <param name="User">The user's id.</param>
/// <param name="Name">The user's name.</param>
/// <param name="IsExternal">True for a person imported from another system, who cannot sign in.</param>
/// <param name="DisplayName">How the user wants to be called; null when it was not said.</param>
public sealed record FoundUser(UserId User, string Name, bool IsExternal, string? DisplayName)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static FoundUser Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new(
            new UserId(map.Id("user")),
            map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
            map.Flag("external"),
            map.Text("display_name", PeopleLimits.DisplayNameSizeMax));
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("external", IsExternal)
        .Set("display_name", DisplayName);
}

/// <summary>A block as the reply of ListBlocks describes it.</summary>
/// <param name="User">Who is blocked.</param>
/// <param name="Name">The user's name.</param>
/// <param name="BlockedAtMicros">When, µs since 1970-01-01 UTC.</param>
public sealed record BlockInfo(UserId User, string Name, ulong BlockedAtMicros)
{
    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static BlockInfo Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new(new UserId(map.Id("user")), map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty, map.Number("blocked_at", 0));
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap().SetId("user", User.Value).Set("name", Name).Set("blocked_at", BlockedAtMicros);
}
