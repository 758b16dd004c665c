using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>Who signed in, and the token to come back with when it was made now.</summary>
internal sealed record SignedIn(Actor Actor, string Name, string? NewToken)
{
    /// <summary>What the next token is got with, when it was made now and there is one.</summary>
    public string? NewRefresh { get; init; }

    /// <summary>Until when it holds, µs; 0 = until it is ended.</summary>
    public long HoldsUntilMicros { get; init; }

    /// <summary>When what signed in was made, µs: what the device demands may be newer.</summary>
    public long MadeMicros { get; init; }

    /// <summary>By whose word, for the audit log, when it was neither token nor password: "external", "key" or "certificate".</summary>
    public string? Way { get; init; }

    /// <summary>What Welcome proves in turn, behind a proof.</summary>
    public string? Scram { get; init; }

    /// <summary>Nothing secret.</summary>
    public override string ToString() => $"{Name} {Actor.User}";
}

/// <summary>A sign-in that did not succeed: what the connection is closed with.</summary>
internal sealed record SignInRefused(CloseCode Code, string Reason, uint RetryAfterMs = 0)
{
    /// <summary>A refresh token came twice: whose it was. Their device is ended, and its connections are to be closed.</summary>
    public Actor? Reused { get; init; }

    /// <summary>What exactly was wrong, for the audit log; null when the code says it.</summary>
    public string? Detail { get; init; }

    /// <summary>A client asks for what this broker does not have, as clients do that do not know it yet: nobody need read of it.</summary>
    public bool IsOrdinary { get; init; }
}
