using FastChat.Broker.Audit;
using FastChat.Broker.Identity;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Hosting;

/// <summary>Somebody who vouches for people by signed tokens: an identity provider. An element of <see cref="BrokerOptions.Issuers"/>.</summary>
public sealed record IssuerOptions
{
    /// <summary>Issuers of a broker.</summary>
    internal const int CountMax = 32;

    /// <summary>Characters of each text here.</summary>
    internal const int TextMax = 255;

    /// <summary>What stands in <c>iss</c> of its tokens, byte for byte.</summary>
    public string Issuer { get; init; } = string.Empty;

    /// <summary>What has to stand in <c>aud</c>: what the issuer calls this broker.</summary>
    public string Audience { get; init; } = string.Empty;

    /// <summary>Its public keys, a JWK set: an https address (http on this machine alone), or the path of a file.</summary>
    public string Keys { get; init; } = string.Empty;

    /// <summary>The claim that the name of a new account is made from.</summary>
    public string NameClaim { get; init; } = "preferred_username";

    /// <summary>True when its people get accounts by signing in for the first time; otherwise those who have one sign in.</summary>
    public bool Register { get; init; }

    /// <summary>What may stand in <c>typ</c> of its tokens, with or without <c>application/</c>.</summary>
    public IReadOnlyList<string> Types { get; init; } = ["JWT", "at+jwt"];

    internal void Validate()
    {
        Require(Issuer.Length is > 0 and <= TextMax, "issuer: what stands in iss is expected");
        Require(Audience.Length is > 0 and <= TextMax, "audience: what stands in aud is expected, or every token of the issuer would do, whoever it is for");
        Require(Keys.Length > 0, "keys: an address or the path of a file is expected");
        Require(NameClaim.Length is > 0 and <= TextMax, "name_claim: the name of a claim is expected");
        Require(Types.Count > 0 && Types.All(static type => type.Length is > 0 and <= TextMax), "types: at least one is expected");
        if (AddressOf(Keys) is { } address)
        {
            Require(address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback), "keys: https is expected; without it anybody on the way could give the broker keys of their own");
            Require(address.UserInfo.Length == 0, "keys: the address has a name or a password in it, and would stand in the log");
        }
    }

    /// <summary>The issuer with its keys, which are looked for from now on.</summary>
    internal TrustedIssuer Open(FetchSettings fetching, TimeProvider clock, AuditLog audit, ILogger log)
    {
        KeySource keys = AddressOf(Keys) is { } address ? new FetchedKeys(Issuer, address, fetching, clock, audit, log) : new FileKeys(Issuer, Path.GetFullPath(Keys), clock, audit, log);
        keys.Watch(keys is FetchedKeys ? fetching.Tick : FileKeys.Interval);
        return new TrustedIssuer(Issuer, Audience, keys) { NameClaim = NameClaim, MayRegister = Register, Types = [.. Types.Select(static type => Assertion.WithoutApplication(type)!)] };
    }

    /// <summary>Null when it is a path.</summary>
    private static Uri? AddressOf(string keys) => keys.Contains("://", StringComparison.Ordinal) && Uri.TryCreate(keys, UriKind.Absolute, out Uri? address) ? address : null;

    private void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException($"issuers: {(Issuer.Length == 0 ? string.Empty : Issuer + ": ")}{message}");
        }
    }
}
