namespace FastChat.Protocol;

/// <summary>
/// Why a connection ends (protocol.md §9). The hundreds say what a client does next: 40xx reconnect now, 41xx reconnect later,
/// 42xx only with other credentials or on the user's word, 43xx the client broke the protocol. Over WebSocket the same number is the close status (RFC 6455 §7.4.2 leaves
/// 4000–4999 to applications). Numbers are never reused.
/// </summary>
public enum CloseCode : ushort
{
    /// <summary>Never on the wire.</summary>
    None = 0,

    /// <summary>The peer is done.</summary>
    Normal = 4000,

    /// <summary>The broker is shutting down or handing over.</summary>
    Draining = 4001,

    /// <summary>Nothing was heard from the peer for two heartbeat intervals.</summary>
    HeartbeatTimeout = 4002,

    /// <summary>The peer did not take bytes for the write deadline.</summary>
    WriteTimeout = 4003,

    /// <summary>A frame was begun and not finished in time: the network, or the peer. (It was 4304, which is not given out again.)</summary>
    FrameTimeout = 4004,

    /// <summary>The broker, or this address, has as many connections as it may.</summary>
    TooManyConnections = 4100,

    /// <summary>Too busy to sign anyone in.</summary>
    Overloaded = 4101,

    /// <summary>The store failed; the outcome of unanswered publishes is unknown.</summary>
    StoreUnavailable = 4102,

    /// <summary>A defect in the broker ended the connection.</summary>
    InternalError = 4103,

    /// <summary>Signing in would have to store something, and the disk has no room.</summary>
    StoreFull = 4104,

    /// <summary>No Hello came in time; it may have been on its way. (It was 4303, which is not given out again.)</summary>
    LoginTimeout = 4105,

    /// <summary>Too many connections, sign-ins or wrong passwords of this address in too short a time.</summary>
    RateLimited = 4106,

    /// <summary>Wrong name or password.</summary>
    BadCredentials = 4200,

    /// <summary>The token is unknown, expired or revoked.</summary>
    TokenInvalid = 4201,

    /// <summary>Registration: the name is taken.</summary>
    NameTaken = 4202,

    /// <summary>Registration: the name is not one that users may have.</summary>
    NameInvalid = 4203,

    /// <summary>Registration: the password is too short or too long.</summary>
    PasswordInvalid = 4204,

    /// <summary>Another connection resumed this session.</summary>
    SessionReplaced = 4205,

    /// <summary>This broker does not register users by itself.</summary>
    RegistrationClosed = 4206,

    /// <summary>No protocol version in common.</summary>
    UnsupportedVersion = 4207,

    /// <summary>What signed in holds no longer; a newer token does.</summary>
    TokenExpired = 4208,

    /// <summary>An operator has suspended the account.</summary>
    Suspended = 4209,

    /// <summary>The device was ended, elsewhere or by an operator, or the password was changed.</summary>
    SignedOut = 4210,

    /// <summary>The assertion, or the certificate, signs in nobody here.</summary>
    AssertionRefused = 4211,

    /// <summary>This way to show a password is not taken: the password itself, SCRAM, or its channel binding.</summary>
    MechanismRefused = 4212,

    /// <summary>A frame or body that cannot be read.</summary>
    BadFrame = 4300,

    /// <summary>A frame longer than the limit of the connection's state.</summary>
    FrameTooLarge = 4301,

    /// <summary>A frame that may not come in this state, or from this side.</summary>
    OutOfState = 4302,
}

/// <summary>What a client does after a close.</summary>
public enum ReconnectAdvice : byte
{
    /// <summary>At once, with jitter.</summary>
    Now,

    /// <summary>After the given time, or with growing pauses.</summary>
    Later,

    /// <summary>Not by itself: something has to change first.</summary>
    Never,
}

/// <summary>Rules about close codes.</summary>
public static class CloseCodes
{
    /// <summary>True when the peer may not have another word: what signed it in does so no longer.</summary>
    public static bool EndsSignIn(CloseCode code) => code is CloseCode.TokenInvalid or CloseCode.TokenExpired or CloseCode.Suspended or CloseCode.SignedOut;

    /// <summary>The advice that a code carries by its range; an unknown code below 4200 means later, any other one never.</summary>
    public static ReconnectAdvice AdviceOf(CloseCode code) => (ushort)code switch
    {
        < 4100 and >= 4000 => ReconnectAdvice.Now,
        < 4200 => ReconnectAdvice.Later,
        _ => ReconnectAdvice.Never,
    };
}
