namespace FastChat.Protocol;

/// <summary>What SetProfile asks for (protocol.md §4.8): null leaves a thing as it is, an empty text takes it away.</summary>
public sealed record ProfileChange
{
    /// <summary>How the user wants to be called; ≤ 128 bytes without control characters.</summary>
    public string? DisplayName { get; init; }

    /// <summary>A picture's address or an attachment's id; ≤ 512 bytes. The broker does not look into it.</summary>
    public string? Avatar { get; init; }

    /// <summary>A language tag as in BCP 47; ≤ 35 bytes.</summary>
    public string? Locale { get; init; }

    /// <summary>Custom fields to set, or to take away by an empty text; those that are not named stay. Null = none.</summary>
    public ProfileFields? Fields { get; init; }

    /// <summary>The change is made only if the profile has this version (0: it was never set); null = whatever it has.</summary>
    public ulong? IfVersion { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size, or may not stand in a profile.</exception>
    public static ProfileChange Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        ProfileChange change = new()
        {
            DisplayName = map.Text("display_name", PeopleLimits.DisplayNameSizeMax),
            Avatar = map.Text("avatar", PeopleLimits.AvatarSizeMax),
            Locale = map.Text("locale", PeopleLimits.LocaleSizeMax),
            Fields = ProfileFields.Parse(map, "fields"),
            IfVersion = map["if_version"] is null ? null : map.Number("if_version", 0),
        };
        return ProfileRules.FindFault(change) is { } fault ? throw new ControlFormatException(fault) : change;
    }

    /// <summary>The body; what is null is left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("display_name", DisplayName)
        .Set("avatar", Avatar)
        .Set("locale", Locale)
        .Set("fields", Fields?.ToMap())
        .Set("if_version", IfVersion);
}
