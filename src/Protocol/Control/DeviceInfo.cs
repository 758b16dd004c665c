namespace FastChat.Protocol;

/// <summary>A device as the reply of ListDevices describes it (protocol.md §4.11).</summary>
public sealed record DeviceInfo
{
    /// <summary>Its number.</summary>
    public DeviceId Device { get; init; }

    /// <summary>Its name: the client's, until somebody gave it another.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>When it signed in first, µs since 1970-01-01 UTC.</summary>
    public ulong CreatedAtMicros { get; init; }

    /// <summary>When it signed in last, to the hour, µs since 1970-01-01 UTC.</summary>
    public ulong LastSeenMicros { get; init; }

    /// <summary>How it signed in: "password", "token", or a word of a later version.</summary>
    public string SignedIn { get; init; } = string.Empty;

    /// <summary>It is the one that asks.</summary>
    public bool IsCurrent { get; init; }

    /// <summary>It has a connection.</summary>
    public bool IsOnline { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static DeviceInfo Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            Device = new DeviceId(map.Number("device", 0)),
            Name = map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
            CreatedAtMicros = map.Number("created_at", 0),
            LastSeenMicros = map.Number("last_seen", 0),
            SignedIn = map.Text("signed_in", ProtocolLimits.NameSizeMax) ?? string.Empty,
            IsCurrent = map.Flag("current"),
            IsOnline = map.Flag("online"),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("device", Device.Value)
        .Set("name", Name)
        .Set("created_at", CreatedAtMicros)
        .Set("last_seen", LastSeenMicros)
        .Set("signed_in", SignedIn)
        .Set("current", IsCurrent)
        .Set("online", IsOnline);
}

/// <summary>An account as the reply of ListUsers describes it, to operators.</summary>
public sealed record AccountInfo
{
    /// <summary>Its id.</summary>
    public UserId User { get; init; }

    /// <summary>Its name.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>It was made known by an import and signs in nowhere.</summary>
    public bool IsExternal { get; init; }

    /// <summary>It is let in no longer.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>When it was made, µs since 1970-01-01 UTC.</summary>
    public ulong CreatedAtMicros { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static AccountInfo Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            User = new UserId(map.Id("user")),
            Name = map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
            IsExternal = map.Flag("external"),
            IsSuspended = map.Flag("suspended"),
            CreatedAtMicros = map.Number("created_at", 0),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("external", IsExternal)
        .Set("suspended", IsSuspended)
        .Set("created_at", CreatedAtMicros);
}

/// <summary>A session that has a connection, as the reply of ListSessions describes it, to operators.</summary>
public sealed record SessionInfo
{
    /// <summary>Its id.</summary>
    public SessionId Session { get; init; }

    /// <summary>Whose it is.</summary>
    public UserId User { get; init; }

    /// <summary>The user's name.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>With which device.</summary>
    public DeviceId Device { get; init; }

    /// <summary>The address that it comes from, without the port.</summary>
    public string Remote { get; init; } = string.Empty;

    /// <summary>For how long, from now, it holds without another token, in seconds; null = until it is ended.</summary>
    public ulong? TokenSeconds { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static SessionInfo Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            Session = new SessionId(map.Id("session")),
            User = new UserId(map.Id("user")),
            Name = map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
            Device = new DeviceId(map.Number("device", 0)),
            Remote = map.Text("remote", ProtocolLimits.ReasonSizeMax) ?? string.Empty,
            TokenSeconds = map["token_seconds"] is null ? null : map.Number("token_seconds", 0, TokenPair.SecondsMax),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("session", Session.Value)
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("device", Device.Value)
        .Set("remote", Remote)
        .Set("token_seconds", TokenSeconds);
}
