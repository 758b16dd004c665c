using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// Settings of a <see cref="FastChatClient"/>. Immutable; checked once by <see cref="FastChatClient.ConnectAsync"/>.
/// Sign-in is with <see cref="Token"/>, with <see cref="Assertion"/>, with a certificate, or with <see cref="Name"/> and <see cref="Password"/>.
/// </summary>
public sealed record ClientOptions
{
    /// <summary>Where the broker is.</summary>
    public ClientEndpoint Endpoint { get; init; } = ClientEndpoint.Local;

    /// <summary>Whom to trust over TLS, and what to show there.</summary>
    public ClientTlsOptions Tls { get; init; } = new();

    /// <summary>A token from an earlier <see cref="FastChatClient.Token"/> or from an operator.</summary>
    public string? Token { get; init; }

    /// <summary>
    /// Where the tokens of this device are kept. With one, the client signs in with what stands there (or with <see cref="Name"/> and <see cref="Password"/> first), gets newer tokens by itself before the old ones are over, on a living connection without a
    /// break, and stores them. Without one it gets a single token that lives as long as the device (<see cref="FastChatClient.Token"/>), which is the application's to keep.
    /// </summary>
    public ITokenStore? TokenStore { get; init; }

    /// <summary>
    /// Gives an assertion (a signed JWT of an identity provider, or a service account's own): asked at the beginning of each connection, and again before what signed in is over, so that a living connection goes on. It may give the same one while that holds; when the broker
    /// refuses one, it is asked once more. What it throws counts as a connection that did not come about.
    /// </summary>
    public Func<CancellationToken, ValueTask<string>>? Assertion { get; init; }

    /// <summary>The certificate that is shown to TLS signs in, as the service account of <see cref="Name"/>.</summary>
    public bool UsesCertificate { get; init; }

    /// <summary>The user's name, when there is no token.</summary>
    public string? Name { get; init; }

    /// <summary>The user's password, when there is no token. Forgotten once the broker has given a token.</summary>
    public string? Password { get; init; }

    /// <summary>How the password is shown.</summary>
    public PasswordMechanism PasswordMechanism { get; init; }

    /// <summary>Make the account before signing in with name and password.</summary>
    public bool Register { get; init; }

    /// <summary>The device to continue as when signing in with a password, an assertion or a certificate; none makes a new one.</summary>
    public DeviceId Device { get; init; }

    /// <summary>Name and version of the program, for operators; at most 64 bytes.</summary>
    public string ClientName { get; init; } = "fastchat-dotnet/0.1";

    /// <summary>
    /// Delivery window in bytes: what may lie in this process, delivered and not yet consumed by the application, over all subscriptions.
    /// The broker sends no more than that (and one frame) before the application has consumed some.
    /// </summary>
    public uint Window { get; init; } = 1024 * 1024;

    /// <summary>Somebody looks at what the client shows: the broker sends who types and who is there. A program that nobody looks at saves itself that.</summary>
    public bool Signals { get; init; } = true;

    /// <summary>Bytes of publishes that may be unanswered, from the oldest to the newest; past it publishing waits.</summary>
    public int SendQueueBytesMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>Control requests (everything that is neither publish nor fetch) that may be unanswered; past it they wait.</summary>
    public int RequestsMax { get; init; } = 256;

    /// <summary>Users that the name cache remembers.</summary>
    public int NameCacheMax { get; init; } = 4096;

    /// <summary>When to come back after a connection ended.</summary>
    public ReconnectPolicy Reconnect { get; init; } = new();

    /// <summary>From opening the transport to Welcome; a reconnect attempt that takes longer counts as failed.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Seed of the client's randomness (jitter and client message ids) so that a run can be repeated. Null, the default, takes
    /// unpredictable ids; two clients of one device must never share a seed.
    /// </summary>
    public int? Seed { get; init; }

    /// <summary>
    /// Opens the byte stream to the broker, instead of what <see cref="Endpoint"/> says. Called for every connection; the client disposes the stream.
    /// </summary>
    public Func<CancellationToken, ValueTask<Stream>>? OpenTransport { get; init; }

    /// <summary>Hears of subscriptions and deliveries; null, the default, costs nothing.</summary>
    public IReadObserver? ReadObserver { get; init; }

    /// <summary>Says nothing secret.</summary>
    public override string ToString() => $"ClientOptions endpoint={Endpoint} name={Name}";

    internal void Validate()
    {
        bool hasName = !string.IsNullOrEmpty(Name) && Password is not null;
        bool isVouchedFor = Assertion is not null || UsesCertificate;
        Require(
            !isVouchedFor || (string.IsNullOrEmpty(Token) && TokenStore is null && Password is null && (Assertion is null || !UsesCertificate)), nameof(Assertion),
            "an assertion or a certificate, and neither a token nor a password beside it");
        Require(!UsesCertificate || !string.IsNullOrEmpty(Name), nameof(Name), "with a certificate the name of its service account");
        Require(
            isVouchedFor || (TokenStore is null ? !string.IsNullOrEmpty(Token) != hasName : string.IsNullOrEmpty(Token)), nameof(Token),
            "either a token, or a name and a password; or a token store, alone or with a name and a password");
        Require(Enum.IsDefined(PasswordMechanism), nameof(PasswordMechanism), "one of its values");
        Require(hasName || !Register, nameof(Register), "registration needs a name and a password");
        Require(System.Text.Encoding.UTF8.GetByteCount(ClientName) <= ProtocolLimits.NameSizeMax, nameof(ClientName), "at most 64 bytes");
        Require(Window >= 4096, nameof(Window), "at least 4,096 bytes");
        Require(SendQueueBytesMax >= 1024, nameof(SendQueueBytesMax), "at least 1,024 bytes");
        Require(RequestsMax is >= 1 and <= 100_000, nameof(RequestsMax), "1 to 100,000");
        Require(NameCacheMax is >= 2 and <= 10_000_000, nameof(NameCacheMax), "2 to 10,000,000");
        Require(ConnectTimeout > TimeSpan.Zero, nameof(ConnectTimeout), "more than zero");
        Reconnect.Validate();
    }

    private static void Require(bool holds, string name, string rule)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name}: {rule} expected", name);
        }
    }
}
