namespace FastChat.Protocol;

/// <summary>
/// Hello, C→S, the first frame of a connection (protocol.md §3.2). Signs in with a token, with what somebody else vouches for (an assertion, a certificate), or with a name and a password; with
/// <see cref="Register"/> it makes that account first.
/// </summary>
public sealed record Hello
{
    /// <summary>The version the client speaks.</summary>
    public int Version { get; init; } = ProtocolVersion.Current;

    /// <summary>Name and version of the client software, for the operator's eyes.</summary>
    public string? Client { get; init; }

    /// <summary>A token from an earlier Welcome, or one that an operator gave.</summary>
    public string? Token { get; init; }

    /// <summary>A refresh token, when there is no token: Welcome brings its successor.</summary>
    public string? Refresh { get; init; }

    /// <summary>A signed token (JWT) of an issuer that the broker trusts, or one that a service account signed itself, when there is neither token nor refresh token.</summary>
    public string? Assertion { get; init; }

    /// <summary>The client's TLS certificate signs in, as the service account of <see cref="Name"/>.</summary>
    public bool Certificate { get; init; }

    /// <summary>With a password: the client keeps refresh tokens, and so gets a pair of short life.</summary>
    public bool Renews { get; init; }

    /// <summary>The user's name, when there is no token.</summary>
    public string? Name { get; init; }

    /// <summary>The user's password, when there is no token.</summary>
    public string? Password { get; init; }

    /// <summary>Instead of a name and a password: the first message of a proof of them (protocol.md §3.5).</summary>
    public string? Scram { get; init; }

    /// <summary>Make the account before signing in.</summary>
    public bool Register { get; init; }

    /// <summary>The device this user is on, when it has signed in before; none makes a new one.</summary>
    public DeviceId Device { get; init; }

    /// <summary>The session to take up again; none begins a new one.</summary>
    public SessionId Session { get; init; }

    /// <summary>Number of this Hello among those of its client, growing: one that comes late does not take the session away from a later one. 0 = not said.</summary>
    public ulong Attempt { get; init; }

    /// <summary>Bytes of Deliver and Chunk frames the broker may send before Credit; 0 = no limit but the transport's.</summary>
    public uint Window { get; init; }

    /// <summary>The client wants Signal and Presence frames: it knows them, and somebody is looking.</summary>
    public bool Signals { get; init; }

    /// <summary>Somebody else vouches for the client: with an assertion, or with the certificate that TLS has verified. A token goes before either.</summary>
    public bool IsVouchedFor => Token is null && Refresh is null && (Assertion is not null || Certificate);

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static Hello Parse(ControlMap map) => new()
    {
        Version = (int)map.Number("version", 0, int.MaxValue),
        Client = map.Text("client", ProtocolLimits.NameSizeMax),
        Token = map.Text("token", ProtocolLimits.TokenSizeMax),
        Refresh = map.Text("refresh", ProtocolLimits.TokenSizeMax),
        Assertion = map.Text("assertion", ProtocolLimits.AssertionSizeMax),
        Certificate = map.Flag("certificate"),
        Renews = map.Flag("renews"),
        Name = map.Text("name", ProtocolLimits.HelloSizeMax),
        Password = map.Text("password", ProtocolLimits.HelloSizeMax),
        Scram = map.Text("scram", ProtocolLimits.ScramSizeMax),
        Register = map.Flag("register"),
        Device = new DeviceId(map.Number("device", 0)),
        Session = new SessionId(map.Id("session")),
        Attempt = map.Number("attempt", 0),
        Window = (uint)map.Number("window", 0, uint.MaxValue),
        Signals = map.Flag("signals"),
    };

    /// <summary>The body; absent fields are left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("version", Version)
        .Set("client", Client)
        .Set("token", Token)
        .Set("refresh", Refresh)
        .Set("assertion", Assertion)
        .Set("certificate", Certificate ? true : null)
        .Set("renews", Renews ? true : null)
        .Set("name", Name)
        .Set("password", Password)
        .Set("scram", Scram)
        .Set("register", Register ? true : null)
        .Set("device", Device.Value != 0 ? Device.Value : null)
        .Set("session", Session.IsNone ? null : ControlMap.IdBytes(Session.Value))
        .Set("attempt", Attempt != 0 ? Attempt : null)
        .Set("window", Window != 0 ? Window : null)
        .Set("signals", Signals ? true : null);

    /// <summary>Says nothing secret.</summary>
    public override string ToString() => $"Hello version={Version} client={Client} name={Name}";
}

/// <summary>Welcome, S→C, the answer to Hello (protocol.md §3.2): who the client is here, and what this broker's limits are.</summary>
public sealed record Welcome
{
    /// <summary>The version that both speak from now on.</summary>
    public int Version { get; init; } = ProtocolVersion.Current;

    /// <summary>Name and version of the broker.</summary>
    public string Server { get; init; } = string.Empty;

    /// <summary>The session, to be named in the next Hello.</summary>
    public SessionId Session { get; init; }

    /// <summary>True when the session named in Hello was taken up again.</summary>
    public bool Resumed { get; init; }

    /// <summary>The user's id.</summary>
    public UserId User { get; init; }

    /// <summary>The user's name as registered.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The device, to be named at the next sign-in with a password.</summary>
    public DeviceId Device { get; init; }

    /// <summary>After a sign-in with a password or a refresh token: the token for the next Hello.</summary>
    public string? Token { get; init; }

    /// <summary>What the next token is got with; null when the token lives as long as the device.</summary>
    public string? Refresh { get; init; }

    /// <summary>For how long, from now, what signed in holds, in seconds; null = until it is ended.</summary>
    public ulong? TokenSeconds { get; init; }

    /// <summary>Send something at least this often, in milliseconds; the broker does the same.</summary>
    public uint HeartbeatMs { get; init; }

    /// <summary>The longest frame body the broker accepts.</summary>
    public uint FrameSizeMax { get; init; }

    /// <summary>The longest message body the broker accepts.</summary>
    public uint BodySizeMax { get; init; }

    /// <summary>Publishes that may wait for their answer.</summary>
    public uint InFlightMax { get; init; }

    /// <summary>After a proof: what the broker proves in turn that it knows the account with (protocol.md §3.5).</summary>
    public string? Scram { get; init; }

    /// <summary>The broker's clock, µs since 1970-01-01 UTC.</summary>
    public long TimeMicros { get; init; }

    /// <summary>The broker knows Signal frames: one that does not would close the connection for one.</summary>
    public bool Signals { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static Welcome Parse(ControlMap map) => new()
    {
        Version = (int)map.Number("version", 0, int.MaxValue),
        Server = map.Text("server", ProtocolLimits.ReasonSizeMax) ?? string.Empty,
        Session = new SessionId(map.Id("session")),
        Resumed = map.Flag("resumed"),
        User = new UserId(map.Id("user")),
        Name = map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
        Device = new DeviceId(map.Number("device", 0)),
        Token = map.Text("token", ProtocolLimits.TokenSizeMax),
        Refresh = map.Text("refresh", ProtocolLimits.TokenSizeMax),
        TokenSeconds = map["token_seconds"] is null ? null : map.Number("token_seconds", 0, TokenPair.SecondsMax),
        Scram = map.Text("scram", ProtocolLimits.ScramSizeMax),
        HeartbeatMs = (uint)map.Number("heartbeat_ms", 0, uint.MaxValue),
        FrameSizeMax = (uint)map.Number("frame_size_max", 0, uint.MaxValue),
        BodySizeMax = (uint)map.Number("body_size_max", 0, uint.MaxValue),
        InFlightMax = (uint)map.Number("in_flight_max", 0, uint.MaxValue),
        TimeMicros = (long)map.Number("time_us", 0, long.MaxValue),
        Signals = map.Flag("signals"),
    };

    /// <summary>The body; absent fields are left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("version", Version)
        .Set("server", Server)
        .SetId("session", Session.Value)
        .Set("resumed", Resumed)
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("device", Device.Value)
        .Set("token", Token)
        .Set("refresh", Refresh)
        .Set("token_seconds", TokenSeconds)
        .Set("scram", Scram)
        .Set("heartbeat_ms", HeartbeatMs)
        .Set("frame_size_max", FrameSizeMax)
        .Set("body_size_max", BodySizeMax)
        .Set("in_flight_max", InFlightMax)
        .Set("time_us", TimeMicros)
        .Set("signals", Signals ? true : null);

    /// <summary>Says nothing secret.</summary>
    public override string ToString() => $"Welcome session={Session} user={User} name={Name} resumed={Resumed}";
}
