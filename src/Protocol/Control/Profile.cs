namespace FastChat.Protocol;

/// <summary>A profile as the reply of GetProfiles describes it (protocol.md §4.8).</summary>
/// <param name="User">Whose it is.</param>
/// <param name="Version">1, 2, 3, … with each change; 0 = nothing was ever set.</param>
public sealed record Profile(UserId User, ulong Version)
{
    /// <summary>True when it is the version that was asked about: then nothing else is said.</summary>
    public bool IsUnchanged { get; init; }

    /// <summary>The user's name, as it was registered.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>How the user wants to be called; null when it was not said.</summary>
    public string? DisplayName { get; init; }

    /// <summary>A picture's address or an attachment's id; null when there is none.</summary>
    public string? Avatar { get; init; }

    /// <summary>A language tag; null when it was not said.</summary>
    public string? Locale { get; init; }

    /// <summary>Custom fields.</summary>
    public ProfileFields Fields { get; init; } = ProfileFields.Empty;

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static Profile Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new(new UserId(map.Id("user")), map.Number("version", 0))
        {
            IsUnchanged = map.Flag("unchanged"),
            Name = map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
            DisplayName = map.Text("display_name", PeopleLimits.DisplayNameSizeMax),
            Avatar = map.Text("avatar", PeopleLimits.AvatarSizeMax),
            Locale = map.Text("locale", PeopleLimits.LocaleSizeMax),
            Fields = ProfileFields.Parse(map, "fields") ?? ProfileFields.Empty,
        };
    }

    /// <summary>The body; what says nothing is left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("version", Version)
        .Set("unchanged", IsUnchanged ? true : null)
        .Set("name", Name.Length == 0 ? null : Name)
        .Set("display_name", DisplayName)
        .Set("avatar", Avatar)
        .Set("locale", Locale)
        .Set("fields", Fields.Count == 0 ? null : Fields.ToMap());
}

/// <summary>A question of GetProfiles: whose profile, and which version of it the client has already.</summary>
/// <param name="User">Whose.</param>
/// <param name="Version">The version that the client has; 0 = none, so that the profile comes whatever it is.</param>
public readonly record struct ProfileQuery(UserId User, ulong Version = 0);
