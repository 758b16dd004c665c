namespace FastChat.Broker.Identity;

/// <summary>Somebody whose word about people is taken, and how far.</summary>
/// <param name="Name">What stands in <c>iss</c>, byte for byte.</param>
/// <param name="Audience">What has to stand in <c>aud</c>: what the issuer calls this broker.</param>
/// <param name="Keys">Its public keys.</param>
internal sealed record TrustedIssuer(string Name, string Audience, KeySource Keys)
{
    /// <summary>The claim that an account's name is made from.</summary>
    public required string NameClaim { get; init; }

    /// <summary>Its people get accounts when they come for the first time.</summary>
    public required bool MayRegister { get; init; }

    /// <summary>What may stand in <c>typ</c>, without <c>application/</c>.</summary>
    public required IReadOnlyList<string> Types { get; init; }
}
