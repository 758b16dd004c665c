using System.Net;

using FastChat.Broker.Attachments;
using FastChat.Broker.Connections;
using FastChat.Broker.Limits;
using FastChat.Broker.Presence;
using FastChat.Broker.Transport;
using FastChat.Protocol;

namespace FastChat.Broker.Hosting;

/// <summary>How a broker is run. Every value has a default that suits one small machine; a JSON file (<c>serve --config</c>) may set them by these names.</summary>
public sealed record BrokerOptions
{
    /// <summary>The data directory.</summary>
    public string Data { get; init; } = "./data";

    /// <summary>Address of the TCP listener, HOST:PORT; port 0 = any free one.</summary>
    public string Listen { get; init; } = "127.0.0.1:7400";

    /// <summary>Address of the HTTP listener (web page, WebSocket, health), HOST:PORT; port 0 = any free one.</summary>
    public string Http { get; init; } = "127.0.0.1:7480";

    /// <summary>Address of a further TCP listener without TLS, for programs on this machine: a loopback address, HOST:PORT; null for none.</summary>
    public string? ListenPlain { get; init; }

    /// <summary>Address of a further HTTP listener without TLS, for a proxy or a monitor on this machine: a loopback address, HOST:PORT; null for none.</summary>
    public string? HttpPlain { get; init; }

    /// <summary>PEM file of the certificate, and behind it those that lead to its authority. With it <see cref="Listen"/> and <see cref="Http"/> speak TLS and nothing else.</summary>
    public string? TlsCertificate { get; init; }

    /// <summary>PEM file of the certificate's private key.</summary>
    public string? TlsKey { get; init; }

    /// <summary>PEM file of the authorities that vouch for clients' certificates.</summary>
    public string? TlsClientCa { get; init; }

    /// <summary>Whether clients show certificates.</summary>
    [System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<ClientCertificates>))]
    public ClientCertificates TlsClientCertificates { get; init; }

    /// <summary>Seconds from connect to the end of the TLS handshake, the wait for its turn included; they count into <see cref="LoginDeadlineSeconds"/>. A proxy's header has as long.</summary>
    public double TlsHandshakeSeconds { get; init; } = 5;

    /// <summary>TLS handshakes that go on at once.</summary>
    public int TlsHandshakesMax { get; init; } = 256;

    /// <summary>TLS handshakes of one address that go on at once.</summary>
    public int TlsHandshakesPerAddressMax { get; init; } = 64;

    /// <summary>Connections that wait for their handshake's turn, at most half of them from one address.</summary>
    public int TlsWaitingMax { get; init; } = 16_384;

    /// <summary>Seconds between two looks at the certificate's files; 0 = only on SIGHUP.</summary>
    public double TlsReloadSeconds { get; init; } = 5;

    /// <summary>Addresses and networks (10.0.0.0/8) of proxies that begin each connection with a PROXY protocol header, version 2, before TLS.</summary>
    public IReadOnlyList<string> ProxyFrom { get; init; } = [];

    /// <summary>Path of a Unix domain socket to listen on as well; null for none.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>Origins of web pages that may open a WebSocket, beside the broker's own.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>True when the HTTP listener serves the web page as well.</summary>
    public bool Web { get; init; } = true;

    /// <summary>The directory of the built web page; null: <c>web</c> beside the program. While nothing is there, <c>/</c> says how to build it.</summary>
    public string? WebDirectory { get; init; }

    /// <summary>True when people may make accounts themselves.</summary>
    public bool Registration { get; init; } = true;

    /// <summary>How people show their passwords: as they are (<c>plain</c>), proven by SCRAM (<c>scram</c>), or either (<c>both</c>).</summary>
    [System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<Identity.PasswordMechanisms>))]
    public Identity.PasswordMechanisms Passwords { get; init; }

    /// <summary>How often SCRAM hashes a password: what a client spends on a sign-in, and whoever steals the store on each try.</summary>
    public int ScramIterations { get; init; } = Identity.PasswordPolicy.IterationsDefault;

    /// <summary>Start although acknowledged records are missing: begins a new epoch (docs/operations.md).</summary>
    public bool AcceptLoss { get; init; }

    /// <summary>Shards of a new store; an existing store keeps its number.</summary>
    public int Shards { get; init; } = 64;

    /// <summary>Threads that run the shards; 0 = one for every four cores, at least one.</summary>
    public int Loops { get; init; }

    /// <summary>Bytes of each shard's command ring, a power of two.</summary>
    public int RingBytes { get; init; } = 256 * 1024;

    /// <summary>Conversations kept in memory, at half a kilobyte to one each. One that is not costs its next publish a look into the tables, a hundred times a publish's own work.</summary>
    public int ConversationsInMemoryMax { get; init; } = 1_000_000;

    /// <summary>Unread counts kept in memory, a hundred bytes each or so: one for each conversation in each list that was looked at lately.</summary>
    public int UnreadCountsMax { get; init; } = 500_000;

    /// <summary>Bytes of the disk that stay free: with less, publishes are refused until there is room again.</summary>
    public long DiskReserveBytes { get; init; } = 64L << 20;

    /// <summary>A file with the master key, 32 bytes as hexadecimal digits or base64, that its owner alone can read: with it bodies are encrypted on the disk. Null: as they are, unless a command is given.</summary>
    public string? EncryptionKeyFile { get; init; }

    /// <summary>A program and its arguments that wraps and unwraps the vault's key, instead of a key file (docs/operations.md). Empty = none.</summary>
    public IReadOnlyList<string> EncryptionCommand { get; init; } = [];

    /// <summary>The master key before, for the start that changes it; null for none.</summary>
    public string? EncryptionKeyFileOld { get; init; }

    /// <summary>The program before, for the start that changes it. Empty = none.</summary>
    public IReadOnlyList<string> EncryptionCommandOld { get; init; } = [];

    /// <summary>The directory of the key vault; null: <c>keys</c> in the data directory.</summary>
    public string? Keys { get; init; }

    /// <summary>Open connections.</summary>
    public int ConnectionsMax { get; init; } = 18_000;

    /// <summary>Connections of one address that are not signed in.</summary>
    public int StrangersPerAddressMax { get; init; } = 4096;

    /// <summary>False: no rates are held to (caps are, and so are the budgets that protect other people).</summary>
    public bool Limits { get; init; } = true;

    /// <summary>Networks, as ADDRESS/BITS, whose addresses have no caps and rates: those of proxies that do not say whom they speak for.</summary>
    public IReadOnlyList<string> LimitTrusted { get; init; } = ["127.0.0.0/8", "::1/128"];

    /// <summary>Seconds' worth of its rate that may come at once, of each rate here.</summary>
    public double LimitBurstSeconds { get; init; } = 10;

    /// <summary>Messages a second of one user.</summary>
    public double LimitPublishesPerSecond { get; init; } = 1000;

    /// <summary>Bytes of them a second.</summary>
    public double LimitPublishBytesPerSecond { get; init; } = 8 << 20;

    /// <summary>What the control requests of one user may cost in a second.</summary>
    public double LimitRequestsPerSecond { get; init; } = 1000;

    /// <summary>How many times that a service account may do.</summary>
    public double LimitServiceFactor { get; init; } = 10;

    /// <summary>Messages a second into one conversation.</summary>
    public double LimitConversationPublishesPerSecond { get; init; } = 5000;

    /// <summary>Bytes a second that are read from one connection.</summary>
    public double LimitConnectionBytesPerSecond { get; init; } = 32 << 20;

    /// <summary>Connections of one user.</summary>
    public int LimitConnectionsPerUser { get; init; } = 1024;

    /// <summary>Connections of one address.</summary>
    public int LimitConnectionsPerAddress { get; init; } = 2048;

    /// <summary>Connections a second from one address.</summary>
    public double LimitConnectsPerSecond { get; init; } = 100;

    /// <summary>Sign-ins with a password, and new accounts, a second from one address.</summary>
    public double LimitSignInsPerSecond { get; init; } = 5;

    /// <summary>Wrong passwords from one address before the pauses begin.</summary>
    public int LimitWrongPasswords { get; init; } = 20;

    /// <summary>Seconds that a sign-in may wait for its turn before its client is told to come back.</summary>
    public double LimitSignInWaitSeconds { get; init; } = 3;

    /// <summary>Bytes of live records that wait for one connection before it lags.</summary>
    public int OutboxBudgetBytes { get; init; } = 256 * 1024;

    /// <summary>Bytes of a message body.</summary>
    public int BodySizeMax { get; init; } = ProtocolLimits.BodySizeMax;

    /// <summary>Bytes of an attachment.</summary>
    public long AttachmentSizeMax { get; init; } = 100L << 20;

    /// <summary>Bytes of attachments that one user may have uploaded and that still exist.</summary>
    public long AttachmentQuota { get; init; } = 1L << 30;

    /// <summary>Uploads that one user may have under way.</summary>
    public int AttachmentUploadsMax { get; init; } = 16;

    /// <summary>Seconds that an upload may take, counted from its last BeginUpload, and that a finished one waits for a message that refers to it.</summary>
    public double AttachmentClaimSeconds { get; init; } = 24 * 60 * 60;

    /// <summary>Seconds for which it is kept beyond that: a message that was accepted at the last moment has so long to note that it refers to it, which takes milliseconds while the disk has room.</summary>
    public double AttachmentGraceSeconds { get; init; } = 60 * 60;

    /// <summary>Seconds from connect to Hello.</summary>
    public double LoginDeadlineSeconds { get; init; } = 10;

    /// <summary>Seconds from the first to the last byte of a frame.</summary>
    public double FrameDeadlineSeconds { get; init; } = 20;

    /// <summary>Seconds between signs of life.</summary>
    public double HeartbeatSeconds { get; init; } = 60;

    /// <summary>Seconds that a peer may take no bytes while some wait.</summary>
    public double WriteDeadlineSeconds { get; init; } = 120;

    /// <summary>Seconds that a session waits for its client after a disconnect.</summary>
    public double SessionSeconds { get; init; } = 300;

    /// <summary>Who vouches for people by signed tokens (JWT), docs/operations.md. Empty = nobody.</summary>
    public IReadOnlyList<IssuerOptions> Issuers { get; init; } = [];

    /// <summary>Seconds after which a connection shows another assertion, however late the one that signed it in expires.</summary>
    public double AssertionSeconds { get; init; } = 60 * 60;

    /// <summary>Seconds after which an issuer's keys are fetched anew.</summary>
    public double IssuerRefreshSeconds { get; init; } = 15 * 60;

    /// <summary>Seconds for which they hold, from when the issuer last gave them, while it does not answer.</summary>
    public double IssuerKeepSeconds { get; init; } = 24 * 60 * 60;

    /// <summary>What service accounts put into <c>aud</c> of the assertions that they sign: this broker, as opposed to others that know the same keys.</summary>
    public string ServiceAudience { get; init; } = "fastchat";

    /// <summary>Seconds for which an access token signs in, and for which a connection holds without another one.</summary>
    public double AccessTokenSeconds { get; init; } = 15 * 60;

    /// <summary>Seconds after which a device that did not come has to show the password again.</summary>
    public double DeviceIdleSeconds { get; init; } = 30 * 24 * 60 * 60;

    /// <summary>Seconds after which a device has to show the password again in any case.</summary>
    public double DeviceLifetimeSeconds { get; init; } = 365 * 24 * 60 * 60;

    /// <summary>Seconds that a person is still there after their last connection went: who reconnects within them was never gone.</summary>
    public double PresenceGraceSeconds { get; init; } = 15;

    /// <summary>Seconds in which changes of presence are gathered and told once.</summary>
    public double PresenceTickSeconds { get; init; } = 1;

    /// <summary>Bytes of Presence frames in a second, to all connections together.</summary>
    public int PresenceBytesPerSecond { get; init; } = 1_000_000;

    /// <summary>Bytes of Presence frames in a second to one connection.</summary>
    public int PresenceConnectionBytesPerSecond { get; init; } = 8_000;

    /// <summary>Days for which the audit log is kept.</summary>
    public double AuditDays { get; init; } = 400;

    /// <summary>Bytes of all archives of people's data together that wait to be fetched.</summary>
    public long ExportBytesMax { get; init; } = 4L << 30;

    /// <summary>Seconds for which such an archive can be fetched.</summary>
    public double ExportKeepSeconds { get; init; } = 86_400;

    /// <summary>Days for which messages are kept in conversations that do not say it themselves; 0 = for good.</summary>
    public double RetentionDays { get; init; }

    /// <summary>Days after which messages go in any conversation, whatever it says; 0 = as it says.</summary>
    public double RetentionDaysMax { get; init; }

    /// <summary>Days for which a client may repeat a publish whose message is kept no longer, and is still told where it was.</summary>
    public double RetentionRetryDays { get; init; } = 7;

    /// <summary>Seconds between two looks at what is to be kept, at least: a look takes a twentieth of the time at most.</summary>
    public double RetentionScanSeconds { get; init; } = 10;

    /// <summary>Seconds that shutting down may take.</summary>
    public double DrainSeconds { get; init; } = 10;

    /// <summary>Checks the values, also against one another.</summary>
    /// <exception cref="ArgumentException">A value makes no sense; the message says which and why.</exception>
    public void Validate()
    {
        Require(Shards is >= 1 and <= 4096, "shards: 1 to 4,096");
        Require(Loops is >= 0 and <= 64, "loops: 0 to 64");
        Require(BodySizeMax is >= 1024 and <= ProtocolLimits.BodySizeMax, $"body_size_max: 1,024 to {ProtocolLimits.BodySizeMax}");
        Require((RingBytes & (RingBytes - 1)) == 0 && RingBytes / 2 > ProtocolLimits.ClientFrameSizeMax + 256, "ring_bytes: a power of two, more than twice the largest frame");
        Require(OutboxBudgetBytes >= ProtocolLimits.ChunkSizeMax + 1024, "outbox_budget_bytes: at least one chunk");
        Require(ConnectionsMax >= 1 && StrangersPerAddressMax >= 1 && ConversationsInMemoryMax >= 1, "maxima are at least 1");
        Require(DiskReserveBytes >= 0, "disk_reserve_bytes is not negative");
        Require(LoginDeadlineSeconds > 0 && FrameDeadlineSeconds > 0 && HeartbeatSeconds > 0 && WriteDeadlineSeconds > 0, "deadlines are positive");
        Require(AttachmentSizeMax is >= 0 and <= AttachmentLimits.SizeMax && AttachmentQuota >= 0, $"attachment_size_max: 0 to {AttachmentLimits.SizeMax}; attachment_quota is not negative");
        Require(AttachmentUploadsMax >= 1, "attachment_uploads_max is at least 1");
        Require(AttachmentClaimSeconds is > 0 and <= 31_536_000 && AttachmentGraceSeconds is >= 0 and <= 31_536_000, "attachment_claim_seconds and attachment_grace_seconds: a year at the most");
        Require(
            AccessTokenSeconds is >= 1 and <= 86_400 && DeviceIdleSeconds >= AccessTokenSeconds && DeviceLifetimeSeconds >= DeviceIdleSeconds && DeviceLifetimeSeconds <= 3_155_760_000,
            "access_token_seconds: 1 to 86,400 (a day); device_idle_seconds is no less than that, and device_lifetime_seconds no less than that, and a hundred years at the most");
        Require(SessionSeconds >= 0 && DrainSeconds >= 0, "session_seconds and drain_seconds are not negative");
        Require(PresenceGraceSeconds >= 0 && PresenceTickSeconds is >= 0.05 and <= 60, "presence_grace_seconds is not negative, presence_tick_seconds is 0.05 to 60");
        Require(
            PresenceConnectionBytesPerSecond >= 1000 && PresenceBytesPerSecond >= PresenceConnectionBytesPerSecond,
            "presence_connection_bytes_per_second: at least 1,000, and presence_bytes_per_second no less than that");
        Require(
            ScramIterations is >= ProtocolLimits.ScramIterationsMin and <= ProtocolLimits.ScramIterationsMax,
            $"scram_iterations: {ProtocolLimits.ScramIterationsMin} to {ProtocolLimits.ScramIterationsMax}, which is what clients hash");
        Require(AuditDays is >= 1 and <= 36_500, "audit_days: 1 to 36,500");
        Require(ExportBytesMax >= 1 << 20 && ExportKeepSeconds is > 0 and <= 31_536_000, "export_bytes_max: at least a mebibyte; export_keep_seconds: above 0, a year at the most");
        Require(RetentionDays is >= 0 and <= 36_525 && RetentionDaysMax is >= 0 and <= 36_525, "retention_days and retention_days_max: 0 to 36,525 (a hundred years)");
        Require(RetentionRetryDays is > 0 and <= 3653, "retention_retry_days: above 0, ten years at the most");
        Require(RetentionScanSeconds is >= 0.05 and <= 86_400, "retention_scan_seconds: 0.05 to 86,400");
        Require(EncryptionKeyFile is null || EncryptionCommand.Count == 0, "encryption_key_file and encryption_command: one of them");
        Require(EncryptionKeyFileOld is null || EncryptionCommandOld.Count == 0, "encryption_key_file_old and encryption_command_old: one of them");
        bool isEncrypting = EncryptionKeyFile is not null || EncryptionCommand.Count > 0;
        Require(Web || WebDirectory is null, "web_directory: only with web");
        Require(WebDirectory is not { Length: 0 }, "web_directory: not empty");
        Require(isEncrypting || (EncryptionKeyFileOld is null && EncryptionCommandOld.Count == 0 && Keys is null), "keys and the master key before need encryption_key_file or encryption_command");
        ToLimitSettings().Validate();
        ValidateTransport();
        ValidateIssuers();
    }

    /// <summary>True when <see cref="Listen"/> and <see cref="Http"/> speak TLS.</summary>
    internal bool HasTls => TlsCertificate is not null;

    private void ValidateTransport()
    {
        Require(HasTls == TlsKey is not null, "tls_certificate and tls_key: both or none");
        Require((TlsClientCertificates != ClientCertificates.Off) == TlsClientCa is not null, "tls_client_ca: with tls_client_certificates accepted or required, and only then");
        Require(HasTls || TlsClientCa is null, "tls_client_ca needs tls_certificate");
        Require(TlsHandshakeSeconds is > 0 and <= 60, "tls_handshake_seconds: more than 0, at most 60");
        Require(TlsHandshakesMax >= 1 && TlsHandshakesPerAddressMax >= 1 && TlsWaitingMax >= 1, "maxima are at least 1");
        Require(TlsReloadSeconds is 0 or (>= 0.1 and <= 86_400), "tls_reload_seconds: 0, or 0.1 to 86,400");
        RequireProtected(Listen);
        RequireProtected(Http);
        RequireLoopback(ListenPlain);
        RequireLoopback(HttpPlain);
        ParseProxies();
    }

    private void ValidateIssuers()
    {
        Require(Issuers.Count <= IssuerOptions.CountMax, $"issuers: at most {IssuerOptions.CountMax}");
        foreach (IssuerOptions issuer in Issuers)
        {
            issuer.Validate();
        }

        Require(Issuers.DistinctBy(static issuer => issuer.Issuer).Count() == Issuers.Count, "issuers: one stands there twice");
        Require(AssertionSeconds is >= 1 and <= 31_536_000, "assertion_seconds: 1 to a year");
        Require(
            IssuerRefreshSeconds is >= 60 and <= 604_800 && IssuerKeepSeconds >= IssuerRefreshSeconds && IssuerKeepSeconds <= 31_536_000,
            "issuer_refresh_seconds: 60 to a week; issuer_keep_seconds is no less than that, and a year at the most");
        Require(ServiceAudience.Length is > 0 and <= IssuerOptions.TextMax, $"service_audience: 1 to {IssuerOptions.TextMax} characters");
    }

    /// <summary>The networks of <see cref="ProxyFrom"/>; an address alone is a network of its own.</summary>
    /// <exception cref="ArgumentException">A text is none.</exception>
    internal IReadOnlyList<IPNetwork> ParseProxies() => [.. ProxyFrom.Select(static text =>
        IPNetwork.TryParse(text, out IPNetwork network) ? network
        : IPAddress.TryParse(text, out IPAddress? address) ? new IPNetwork(address, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128)
        : throw new ArgumentException($"proxy_from: {text} is no address and no network"))];

    /// <summary>HOST:PORT as an end point; [::1]:PORT and localhost are understood.</summary>
    /// <exception cref="ArgumentException">It is not one.</exception>
    public static IPEndPoint ParseEndPoint(string text)
    {
        string numeric = text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1" + text["localhost".Length..] : text;
        return numeric.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(numeric, out IPEndPoint? endPoint)
            ? endPoint
            : throw new ArgumentException($"{text} is not an address of the form HOST:PORT with a numeric host");
    }

    /// <summary>Where the built page lies; null when none is served.</summary>
    internal string? PageDirectory => Web ? Path.GetFullPath(WebDirectory ?? Path.Combine(AppContext.BaseDirectory, "web")) : null;

    internal ConnectionSettings ToConnectionSettings() => new()
    {
        Server = $"FastChat/{typeof(BrokerOptions).Assembly.GetName().Version?.ToString(3)}",
        LoginDeadline = TimeSpan.FromSeconds(LoginDeadlineSeconds),
        FrameDeadline = TimeSpan.FromSeconds(FrameDeadlineSeconds),
        Heartbeat = TimeSpan.FromSeconds(HeartbeatSeconds),
        WriteDeadline = TimeSpan.FromSeconds(WriteDeadlineSeconds),
        OutboxBudgetBytes = OutboxBudgetBytes,
        BodySizeMax = BodySizeMax,
    };

    /// <param name="salts">The salts of the store; asked for when SCRAM is on.</param>
    internal Identity.PasswordPolicy ToPasswordPolicy(Func<Identity.ScramSalts> salts) => new(Passwords, ScramIterations, Passwords == Identity.PasswordMechanisms.Plain ? null : salts());

    internal Retention.RetentionOptions ToRetentionOptions() => new()
    {
        Default = TimeSpan.FromDays(RetentionDays),
        Max = TimeSpan.FromDays(RetentionDaysMax),
        Retries = TimeSpan.FromDays(RetentionRetryDays),
        Interval = TimeSpan.FromSeconds(RetentionScanSeconds),
    };

    internal Identity.TokenLives ToTokenLives() => new()
    {
        Access = TimeSpan.FromSeconds(AccessTokenSeconds),
        Idle = TimeSpan.FromSeconds(DeviceIdleSeconds),
        Device = TimeSpan.FromSeconds(DeviceLifetimeSeconds),
    };

    internal Identity.FetchSettings ToFetchSettings() => new()
    {
        Refresh = TimeSpan.FromSeconds(IssuerRefreshSeconds),
        Keep = TimeSpan.FromSeconds(IssuerKeepSeconds),
    };

    /// <exception cref="ArgumentException">A trusted network is none.</exception>
    internal LimitSettings ToLimitSettings() => new()
    {
        IsOn = Limits,
        BurstSeconds = LimitBurstSeconds,
        PublishesPerSecond = LimitPublishesPerSecond,
        PublishBytesPerSecond = LimitPublishBytesPerSecond,
        RequestsPerSecond = LimitRequestsPerSecond,
        ServiceFactor = LimitServiceFactor,
        ConversationPublishesPerSecond = LimitConversationPublishesPerSecond,
        ConnectionBytesPerSecond = LimitConnectionBytesPerSecond,
        ConnectionsPerUserMax = LimitConnectionsPerUser,
        ConnectionsPerAddressMax = LimitConnectionsPerAddress,
        ConnectsPerSecond = LimitConnectsPerSecond,
        SignInsPerSecond = LimitSignInsPerSecond,
        WrongPasswordsFree = LimitWrongPasswords,
        SignInWaitSeconds = LimitSignInWaitSeconds,
        Trusted = [.. LimitTrusted.Select(static network => LimitNames.ParseNetwork("limit_trusted", network))],
    };

    internal AttachmentOptions ToAttachmentOptions() => new(
        (ulong)AttachmentSizeMax, (ulong)AttachmentQuota, (uint)AttachmentUploadsMax, TimeSpan.FromSeconds(AttachmentClaimSeconds), TimeSpan.FromSeconds(AttachmentGraceSeconds));

    internal PresenceOptions ToPresenceOptions() => new()
    {
        Grace = TimeSpan.FromSeconds(PresenceGraceSeconds),
        Tick = TimeSpan.FromSeconds(PresenceTickSeconds),
        BytesPerSecond = PresenceBytesPerSecond,
        ConnectionBytesPerSecond = PresenceConnectionBytesPerSecond,
    };

    private void RequireProtected(string address) => Require(
        IPAddress.IsLoopback(ParseEndPoint(address).Address) || HasTls,
        $"{address} can be reached from other machines, and without TLS passwords and messages would travel in the clear: give tls_certificate and tls_key, or listen on 127.0.0.1");

    private static void RequireLoopback(string? address) => Require(
        address is null || IPAddress.IsLoopback(ParseEndPoint(address).Address),
        $"{address} can be reached from other machines: a plain listener is for this machine alone, on 127.0.0.1 or [::1]");

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
