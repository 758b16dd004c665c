using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>Why an assertion signs in nobody. The names stand in the audit log.</summary>
internal enum AssertionFault : byte
{
    /// <summary>It is good.</summary>
    None,

    /// <summary>It is no JWS in compact form whose header and claims are JSON objects, each name once.</summary>
    Malformed,

    /// <summary>It is a JWE: nobody here has a key to read it.</summary>
    Encrypted,

    /// <summary>Its algorithm is not one of the key's.</summary>
    Algorithm,

    /// <summary>It asks for something that has to be understood (<c>crit</c>).</summary>
    Critical,

    /// <summary>It is a token of another kind (<c>typ</c>).</summary>
    Type,

    /// <summary>Nobody here trusts its issuer.</summary>
    Issuer,

    /// <summary>Its issuer has no such key.</summary>
    Key,

    /// <summary>The issuer's keys are not known at the moment: it may be good, and the client may come again.</summary>
    KeysMissing,

    /// <summary>The key did not sign it.</summary>
    Signature,

    /// <summary>It is for somebody else.</summary>
    Audience,

    /// <summary>A claim that has to be there is not, or is no time, or no text of a sensible length.</summary>
    Claims,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>Its time has not come, or it was issued in the future.</summary>
    NotYet,

    /// <summary>A service account's own: it would hold for too long.</summary>
    Lifetime,

    /// <summary>A service account's own: it was used before.</summary>
    Replayed,

    /// <summary>It was issued before its person's devices were signed out.</summary>
    Ended,

    /// <summary>Its person was erased.</summary>
    Erased,
}

/// <summary>What faults are called, and what a connection is closed with.</summary>
internal static class AssertionFaults
{
    /// <summary>When to come again while the issuer's keys are fetched.</summary>
    public const uint KeysRetryMs = 2000;

    /// <summary>What is told to who showed it: enough to put it right, and nothing that is not in the assertion or in the documents.</summary>
    public static string ReasonOf(AssertionFault fault) => fault switch
    {
        AssertionFault.Malformed => "the assertion is no signed JWT in compact form",
        AssertionFault.Encrypted => "the assertion is encrypted",
        AssertionFault.Algorithm => "the assertion's algorithm is not one that its key is used with",
        AssertionFault.Critical => "the assertion asks for extensions that are not known here",
        AssertionFault.Type => "the assertion is a token of another type",
        AssertionFault.Issuer => "the assertion's issuer is not one that is trusted here",
        AssertionFault.Key => "the assertion's issuer has no such key",
        AssertionFault.KeysMissing => "the issuer's keys are not known at the moment",
        AssertionFault.Signature => "the assertion's signature is wrong",
        AssertionFault.Audience => "the assertion is for another audience",
        AssertionFault.Claims => "a claim of the assertion is missing or cannot be used: iss, sub, aud, exp and iat, and jti of a service account's own",
        AssertionFault.Expired => "the assertion has expired",
        AssertionFault.NotYet => "the assertion does not hold yet",
        AssertionFault.Lifetime => "the assertion holds for too long: a service account's own at most five minutes",
        AssertionFault.Replayed => "the assertion was used before",
        AssertionFault.Ended => "the assertion is from before the sign-out of a device: a newer one is expected",
        AssertionFault.Erased => "the assertion's person was erased here",
        _ => "the assertion is not accepted",
    };

    /// <summary>The refusal of a sign-in.</summary>
    public static SignInRefused Refusal(AssertionFault fault)
    {
        SignInRefused refused = fault switch
        {
            AssertionFault.Expired => new SignInRefused(CloseCode.TokenExpired, ReasonOf(fault)),
            AssertionFault.KeysMissing => new SignInRefused(CloseCode.Overloaded, ReasonOf(fault), KeysRetryMs),
            _ => new SignInRefused(CloseCode.AssertionRefused, ReasonOf(fault)),
        };
        return refused with { Detail = fault.ToString() };
    }
}
