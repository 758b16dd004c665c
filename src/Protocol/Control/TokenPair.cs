namespace FastChat.Protocol;

/// <summary>What the replies of Reauthenticate and ChangePassword bring (protocol.md §3.4): the tokens of a device, where there are new ones, and how long they hold.</summary>
/// <param name="Token">Signs in; null when there is no new one.</param>
/// <param name="Refresh">What the next pair is got with; null when there is none.</param>
/// <param name="Seconds">For how long, from now, the sign-in holds; null = until it is ended.</param>
public sealed record TokenPair(string? Token, string? Refresh, ulong? Seconds)
{
    /// <summary>No token is said to hold for longer: a hundred years. A clock that counts in nanoseconds can still add it.</summary>
    public const ulong SecondsMax = 36_525UL * 24 * 60 * 60;

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ControlFormatException">A field has the wrong type or size.</exception>
    public static TokenPair Parse(ControlMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new TokenPair(
            map.Text("token", ProtocolLimits.TokenSizeMax),
            map.Text("refresh", ProtocolLimits.TokenSizeMax),
            map["token_seconds"] is null ? null : map.Number("token_seconds", 0, SecondsMax));
    }

    /// <summary>The body; absent fields are left out.</summary>
    public ControlMap ToMap() => new ControlMap().Set("token", Token).Set("refresh", Refresh).Set("token_seconds", Seconds);

    /// <summary>Says nothing secret.</summary>
    public override string ToString() => $"TokenPair seconds={Seconds}";
}
