using FastChat.Protocol;

namespace FastChat.Broker.Audit;

/// <summary>What the audit log tells of. The names, in snake case, are the <c>act</c> of a line (docs/security.md); they are never given another meaning.</summary>
internal enum AuditAct : byte
{
    Started = 1,
    Stopped,
    SignedIn,
    SignInRefused,
    Registered,
    TokensRefreshed,
    TokenReused,
    DeviceNamed,
    DevicesEnded,
    PasswordChanged,
    UserSuspended,
    UserRestored,
    AccessDenied,
    LimitReached,
    ConnectionRefused,
    TransportRefused,
    ProtocolViolated,
    ServiceCreated,
    ServiceRevoked,
    UsersImported,
    BackupAsked,
    DrainAsked,
    SettingsLoaded,
    SettingsChanged,
    SettingsRefused,
    CertificateLoaded,
    PersonExported,
    PersonErased,
    KeysDestroyed,
    RetentionChanged,
    ConversationErased,
    LinesLost,
    IssuerKeysLoaded,
    IssuerKeysRefused,
    ServiceKeysChanged,
}

/// <summary>
/// One thing that happened, who did it, and where from. Never a body, a password, a token, or anything that a peer says of itself (a name that nobody has is not repeated).
/// </summary>
/// <param name="Act">What happened.</param>
internal readonly record struct AuditEntry(AuditAct Act)
{
    /// <summary>Who did it; none when nobody was signed in.</summary>
    public UserId User { get; init; }

    /// <summary>With which device; 0 = none.</summary>
    public DeviceId Device { get; init; }

    /// <summary>Where from, without the port; null when it came from within.</summary>
    public string? Remote { get; init; }

    /// <summary>Whom or what it concerns: an id as text; null when nothing but the doer.</summary>
    public string? Target { get; init; }

    /// <summary>Why, or what of it: a code's name or a word of the broker's own, never a peer's.</summary>
    public string? Detail { get; init; }
}
