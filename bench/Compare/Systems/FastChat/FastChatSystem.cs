using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

using FastChat.Bench.Compare.Wires;
using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.FastChat;

/// <summary>
/// The broker as a user starts it: <c>./fastchat serve</c> with its defaults. Connections sign in with tokens of real accounts, at most
/// <see cref="AccountsMax"/> of them, because a password costs 20 ms of hashing on purpose; connections beyond that are further devices' sessions of the same people.
/// </summary>
public sealed class FastChatSystem : SystemUnderTest
{
    private const int AccountsMax = 64;
    private const int ConnectionsMaxDefault = 18_000, ConnectionsSpare = 1000;
    private const string Password = "correct horse battery staple";

    private static readonly TimeSpan s_startPatience = TimeSpan.FromMinutes(5);

    // Message ids are the publishes' numbers behind a seed that no two wires share: runs on one server number from 0 again, and an id of an earlier run would name its message.
    private ulong _seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
    private readonly List<(string Token, UserId User)> _accounts = [];
    private readonly List<ConversationId> _conversations = [];
    private string _data = string.Empty;
    private RunHistory? _history;

    // What the accounts and conversations are made over; the wires' transport is Endpoint's.
    private IPEndPoint _tcp = new(IPAddress.Loopback, 0);
    private string _transport = "tcp";
    private X509Certificate2? _certificate;
    private SystemSettings? _settings;
    private WorkPlan? _plan;

    /// <inheritdoc/>
    public override string Name => IsEncrypting ? "fastchat-encrypted" : IsLimited ? "fastchat" : "fastchat-unlimited";

    /// <summary>True when bodies are encrypted on its disk (docs/decisions/0036-keys-that-can-be-destroyed.md).</summary>
    public bool IsEncrypting { get; init; }

    /// <summary>False: the broker is told to hold nobody to a rate. What that is worth shows in a comparison with itself.</summary>
    public bool IsLimited { get; init; } = true;

    /// <summary>Keys of the configuration file (docs/operations.md) that differ from the defaults.</summary>
    public IReadOnlyDictionary<string, object> Configuration { get; init; } = new Dictionary<string, object>();

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => null;

    /// <inheritdoc/>
    public override string? WhyNotOver(string transport) => null;

    /// <inheritdoc/>
    public override bool IsRecordable => true;

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        (_settings, _plan) = (settings, plan);
        _history = settings.HistoryFile is { } file ? RunHistory.Create(file) : null;
        _data = Path.Combine(settings.DataDirectory, "data");
        Server = ServerProcess.Start(
            settings,
            Path.Combine(SourceTree.Root, "fastchat"),
            ["serve", "--data", _data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", .. await ConfigurationAsync(settings, plan, cancellation).ConfigureAwait(false)],
            isReadyLine: line => line.Contains("\"ready\"", StringComparison.Ordinal));
        using JsonDocument ready = JsonDocument.Parse(await Server.WaitForReadyLineAsync(s_startPatience, cancellation).ConfigureAwait(false));
        _tcp = IPEndPoint.Parse(ready.RootElement.GetProperty("tcp").GetString()!);
        _transport = settings.Transport;
        Endpoint = _transport == "ws" ? IPEndPoint.Parse(new Uri(ready.RootElement.GetProperty("http").GetString()!).Authority) : _tcp;
    }

    /// <summary>Stops the server and starts it again on what it has stored: nothing of it is in its memory then. While no connection is open.</summary>
    public async Task RestartAsync(CancellationToken cancellation)
    {
        await base.DisposeAsync().ConfigureAwait(false);
        await StartAsync(_settings! with { HistoryFile = null }, _plan!, cancellation).ConfigureAwait(false);
    }

    /// <summary>May be called again with more conversations, while no connection is open: those that are there stay.</summary>
    public override async Task PrepareAsync(WorkPlan plan, CancellationToken cancellation)
    {
        await SignUpAsync(plan.Accounts ?? Math.Clamp(plan.Connections, 1, AccountsMax)).ConfigureAwait(false);
        ConversationMaker maker = new(number => ConnectAsync(_accounts[number % _accounts.Count].Token), _history);
        _conversations.AddRange(await maker.MakeAsync(_conversations.Count, Math.Max(_conversations.Count, plan.Conversations), cancellation).ConfigureAwait(false));
    }

    /// <summary>The user of an account.</summary>
    public UserId UserOf(int account) => _accounts[account].User;

    /// <summary>What the number of a conversation stands for.</summary>
    public ConversationId IdOf(int conversation) => _conversations[conversation];

    /// <summary>A client of an account, for what has to be made; the operator's, with the import right, without one.</summary>
    public async Task<FastChatClient> ConnectAsAsync(int? account, CancellationToken cancellation) => await ConnectAsync(
        account is { } number ? _accounts[number].Token : (await File.ReadAllTextAsync(Path.Combine(_data, "operator.token"), cancellation).ConfigureAwait(false)).Trim()).ConfigureAwait(false);

    /// <summary>Gives a conversation that was made otherwise the next number, which it returns. No more can be prepared then.</summary>
    public int Add(ConversationInfo conversation)
    {
        _history?.OnConversation(conversation);
        _conversations.Add(conversation.Conversation);
        return _conversations.Count - 1;
    }

    /// <summary>
    /// Makes a group whose members are all accounts and as many imported users as are missing. Returns its number: it comes behind the prepared conversations, of which there can be no
    /// more then.
    /// </summary>
    public Task<int> MakeGroupAsync(int members, CancellationToken cancellation) => MakeGroupAsync(ConversationKind.Group, name: null, members, cancellation);

    /// <summary>The same of a kind that may need a name.</summary>
    public async Task<int> MakeGroupAsync(ConversationKind kind, string? name, int members, CancellationToken cancellation)
    {
        FastChatClient owner = await ConnectAsAsync(0, cancellation).ConfigureAwait(false);
        await using (owner.ConfigureAwait(false))
        {
            FastChatClient importer = await ConnectAsAsync(account: null, cancellation).ConfigureAwait(false);
            await using (importer.ConfigureAwait(false))
            {
                UserId[] accounts = _accounts.Select(account => account.User).ToArray();
                ConversationId group = await GroupMaker.MakeAsync(kind, name, owner, importer, accounts, members, cancellation).ConfigureAwait(false);
                return Add(await owner.GetConversationAsync(group, cancellation).ConfigureAwait(false));
            }
        }
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index)
    {
        FastChatWire wire = new(events, _accounts[index % _accounts.Count].Token, _conversations, _seed++, _history?.AddProcess());
        return _transport switch
        {
            "ws" => new WebSocketWire(events, wire, "/ws"),
            "tls" => new TlsWire(events, wire),
            _ => wire,
        };
    }

    /// <inheritdoc/>
    public override async Task<string?> EndHistoryAsync(CancellationToken cancellation)
    {
        if (_history is not { } history)
        {
            return null;
        }

        history.EndProcesses();
        try
        {
            ConversationId[] logs = history.ToReadBack(_conversations);
            _ = await ReadAsync(_accounts[^1].Token).ConfigureAwait(false);
            return history.Describe(logs.Length, await ReadAsync(_accounts[0].Token).ConfigureAwait(false));

            async Task<long> ReadAsync(string token)
            {
                ProcessHistory process = history.AddProcess("reader");
                process.OnConnecting();
                FastChatClient reader = await ConnectAsync(token).ConfigureAwait(false);
                process.OnWelcome(reader.User, reader.Device, isResumed: false);
                await using (reader.ConfigureAwait(false))
                {
                    return await new LogReadBack(reader, process).ReadAsync(logs, cancellation).ConfigureAwait(false);
                }
            }
        }
        catch (ClientException failure)
        {
            throw new UnavailableException($"the logs cannot be read back into the history: {failure.Message}");
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(false);
        _history?.Dispose();
    }

    private static async Task<string> KeyFileAsync(SystemSettings settings, CancellationToken cancellation)
    {
        string path = Path.Combine(settings.DataDirectory, "master.key");
        if (!File.Exists(path))
        {
            await File.WriteAllTextAsync(path, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)), cancellation).ConfigureAwait(false);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }

        return path;
    }

    // The broker's own limit of connections is an operator's choice, as it is with the peers: it is raised when the plan needs more, with some to spare for those that are still going while others come.
    private async Task<string[]> ConfigurationAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        Dictionary<string, object> keys = new(Configuration);
        if (IsLimited)
        {
            // One generator is 64 people who say a thousand times what people say. Each message is charged to its user, its bytes, its conversation and its connection all the same; only none is refused.
            keys.TryAdd("limit_publishes_per_second", 1e7);
            keys.TryAdd("limit_publish_bytes_per_second", 1e11);
            keys.TryAdd("limit_conversation_publishes_per_second", 1e7);
            keys.TryAdd("limit_connection_bytes_per_second", 1e12);
            keys.TryAdd("limit_requests_per_second", 1e6);
        }
        else
        {
            keys.TryAdd("limits", false);
        }

        if (plan.Connections + ConnectionsSpare > ConnectionsMaxDefault)
        {
            keys["connections_max"] = plan.Connections + ConnectionsSpare;
        }

        if (settings.Transport == "tls")
        {
            (keys["tls_certificate"], keys["tls_key"]) = await MakeCertificateAsync(settings.DataDirectory, cancellation).ConfigureAwait(false);
        }

        if (IsEncrypting)
        {
            keys["encryption_key_file"] = await KeyFileAsync(settings, cancellation).ConfigureAwait(false);
        }

        string file = Path.Combine(settings.DataDirectory, "fastchat.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(keys), cancellation).ConfigureAwait(false);
        return ["--config", file];
    }

    // ECDSA P-256, as most certificates are that are made today.
    private async Task<(string Certificate, string Key)> MakeCertificateAsync(string directory, CancellationToken cancellation)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        _certificate?.Dispose();
        _certificate = new CertificateRequest("CN=fastchat-load", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        (string Certificate, string Key) files = (Path.Combine(directory, "certificate.pem"), Path.Combine(directory, "key.pem"));
        await File.WriteAllTextAsync(files.Certificate, _certificate.ExportCertificatePem(), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(files.Key, key.ExportPkcs8PrivateKeyPem(), cancellation).ConfigureAwait(false);
        return files;
    }

    // 20 ms of hashing each.
    private async Task SignUpAsync(int accounts)
    {
        while (_accounts.Count < accounts)
        {
            _accounts.AddRange(await Task.WhenAll(Enumerable.Range(_accounts.Count, Math.Min(8, accounts - _accounts.Count)).Select(RegisterAsync)).ConfigureAwait(false));
        }
    }

    private async Task<FastChatClient> ConnectAsync(string token)
    {
        FastChatClient client = await FastChatClient.ConnectAsync(Options() with { Token = token }).ConfigureAwait(false);
        Version = client.Server;
        return client;
    }

    private async Task<(string Token, UserId User)> RegisterAsync(int number)
    {
        ClientOptions options = Options() with { Name = string.Create(CultureInfo.InvariantCulture, $"load-{number}"), Password = Password, Register = true };
        FastChatClient client = await FastChatClient.ConnectAsync(options).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            return (client.Token!, client.User);
        }
    }

    private ClientOptions Options() => new()
    {
        Endpoint = ClientEndpoint.Parse(_transport == "tls" ? $"tls://{_tcp}" : _tcp.ToString()),
        Tls = new ClientTlsOptions { Expected = _certificate },
        ClientName = "fastchat-load",
    };
}
