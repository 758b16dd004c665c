namespace FastChat.Protocol;

/// <summary>Challenge, S→C, the answer to a Hello with <see cref="Hello.Scram"/>, and the reply of BeginProof (protocol.md §3.5).</summary>
public sealed record Challenge
{
    /// <summary>server-first-message.</summary>
    public string Scram { get; init; } = string.Empty;

    /// <summary>The broker wants the keys of the password with so many iterations and the same salt, to keep: the account is being made, or has fewer than it should.</summary>
    public ulong? Iterations { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static Challenge Parse(ControlMap map) => new()
    {
        Scram = map.Text("scram", ProtocolLimits.ScramSizeMax) ?? string.Empty,
        Iterations = map["iterations"] is null ? null : map.Number("iterations", 0),
    };

    /// <summary>The body; absent fields are left out.</summary>
    public ControlMap ToMap() => new ControlMap().Set("scram", Scram).Set("iterations", Iterations);
}

/// <summary>Proof, C→S, the answer to a Challenge (protocol.md §3.5). ChangePassword and ErasePerson carry the same fields.</summary>
public sealed record Proof
{
    /// <summary>client-final-message.</summary>
    public string? Scram { get; init; }

    /// <summary>The stored key, when the Challenge wanted one.</summary>
    public ReadOnlyMemory<byte> StoredKey { get; init; }

    /// <summary>The server key, when the Challenge wanted one.</summary>
    public ReadOnlyMemory<byte> ServerKey { get; init; }

    /// <summary>True when it brings keys to keep.</summary>
    public bool HasKeys => StoredKey.Length == ScramKeys.Size && ServerKey.Length == ScramKeys.Size;

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static Proof Parse(ControlMap map) => new()
    {
        Scram = map.Text("scram", ProtocolLimits.ScramSizeMax),
        StoredKey = map.Bytes("stored_key", ScramKeys.Size) ?? default,
        ServerKey = map.Bytes("server_key", ScramKeys.Size) ?? default,
    };

    /// <summary>The body; absent fields are left out.</summary>
    public ControlMap ToMap() => new ControlMap()
        .Set("scram", Scram)
        .Set("stored_key", StoredKey.IsEmpty ? null : StoredKey.ToArray())
        .Set("server_key", ServerKey.IsEmpty ? null : ServerKey.ToArray());

    /// <summary>True when the other says the same.</summary>
    public bool Equals(Proof? other) =>
        other is not null && Scram == other.Scram && StoredKey.Span.SequenceEqual(other.StoredKey.Span) && ServerKey.Span.SequenceEqual(other.ServerKey.Span);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Scram, StoredKey.Length, ServerKey.Length);

    /// <summary>Nothing of it: the keys are an account's.</summary>
    public override string ToString() => nameof(Proof);
}
