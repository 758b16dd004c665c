namespace FastChat.Protocol;

/// <summary>What the account of a program may do (protocol.md §4.8). Nothing else is allowed to it.</summary>
[Flags]
public enum ServiceRights : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Publish, as itself and on behalf of others.</summary>
    Publish = 1,

    /// <summary>Make people of another system known.</summary>
    Import = 2,

    /// <summary>Subscribe, fetch, list members.</summary>
    Read = 4,
}

/// <summary>The account of a program as the reply of ListServices describes it.</summary>
public sealed record ServiceInfo
{
    /// <summary>Its id.</summary>
    public UserId User { get; init; }

    /// <summary>Its name.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>What it may do.</summary>
    public ServiceRights Rights { get; init; }

    /// <summary>Number of the conversations that it is confined to; null = it is not confined.</summary>
    public ulong? Conversations { get; init; }

    /// <summary>When it was made, µs since 1970-01-01 UTC.</summary>
    public ulong CreatedAtMicros { get; init; }

    /// <summary>Thumbprints (RFC 7638) of the public keys whose owner signs in; empty when it does not sign in by key.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>Name of the certificate that signs in, <c>dns:NAME</c> or <c>uri:URI</c>; null when it does not sign in by certificate.</summary>
    public string? Certificate { get; init; }

    /// <summary>Same fields, and the same keys in the same order.</summary>
    public bool Equals(ServiceInfo? other) =>
        other is not null && (User, Name, Rights, Conversations, CreatedAtMicros, Certificate) == (other.User, other.Name, other.Rights, other.Conversations, other.CreatedAtMicros, other.Certificate)
        && Keys.SequenceEqual(other.Keys);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(User, Name, Rights, Conversations, CreatedAtMicros, Certificate, Keys.Count);

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static ServiceInfo Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new()
        {
            User = new UserId(map.Id("user")),
            Name = map.Text("name", ProtocolLimits.NameSizeMax) ?? string.Empty,
            Rights = ParseRights(map.Texts("rights", ProtocolLimits.NameSizeMax) ?? []) ?? throw new ControlFormatException("rights: publish, import and read are expected"),
            Conversations = map["conversations"] is null ? null : map.Number("conversations", 0),
            CreatedAtMicros = map.Number("created_at", 0),
            Keys = map.Texts("keys", ProtocolLimits.NameSizeMax) ?? [],
            Certificate = map.Text("certificate", ProtocolLimits.CertificateNameSizeMax),
        };
    }

    /// <summary>The body.</summary>
    public ControlMap ToMap() => new ControlMap()
        .SetId("user", User.Value)
        .Set("name", Name)
        .Set("rights", NamesOf(Rights))
        .Set("conversations", Conversations)
        .Set("created_at", CreatedAtMicros)
        .Set("keys", Keys.Count == 0 ? null : Keys.ToArray())
        .Set("certificate", Certificate);

    /// <summary>The rights' names on the wire.</summary>
    public static string[] NamesOf(ServiceRights rights) =>
    [
        .. (rights & ServiceRights.Publish) != 0 ? ["publish"] : Array.Empty<string>(),
        .. (rights & ServiceRights.Import) != 0 ? ["import"] : Array.Empty<string>(),
        .. (rights & ServiceRights.Read) != 0 ? ["read"] : Array.Empty<string>(),
    ];

    /// <summary>The rights of names; null when one is unknown.</summary>
    public static ServiceRights? ParseRights(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        ServiceRights rights = ServiceRights.None;
        foreach (string name in names)
        {
            ServiceRights right = name switch
            {
                "publish" => ServiceRights.Publish,
                "import" => ServiceRights.Import,
                "read" => ServiceRights.Read,
                _ => ServiceRights.None,
            };
            if (right == ServiceRights.None)
            {
                return null;
            }

            rights |= right;
        }

        return rights;
    }
}
