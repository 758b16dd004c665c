using System.Globalization;
using System.Net;
using System.Security.Cryptography;
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

    private readonly ulong _seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
    private readonly List<string> _tokens = [];
    private readonly List<ConversationId> _conversations = [];
    // What the accounts and conversations are made over; the wires' transport is Endpoint's.
    private IPEndPoint _tcp = new(IPAddress.Loopback, 0);
    private bool _isWebSocket;

    /// <inheritdoc/>
    public override string Name => "fastchat";

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => null;

    /// <inheritdoc/>
    public override string? WhyNotOver(string transport) => transport == "tls" ? "the broker has no TLS yet" : null;

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        string data = Path.Combine(settings.DataDirectory, "data");
        Server = ServerProcess.Start(
            settings,
            Path.Combine(SourceTree.Root, "fastchat"),
            ["serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", .. await ConfigurationAsync(settings, plan, cancellation).ConfigureAwait(false)],
            isReadyLine: line => line.Contains("\"ready\"", StringComparison.Ordinal));
        using JsonDocument ready = JsonDocument.Parse(await Server.WaitForReadyLineAsync(s_startPatience, cancellation).ConfigureAwait(false));
        _tcp = IPEndPoint.Parse(ready.RootElement.GetProperty("tcp").GetString()!);
        _isWebSocket = settings.Transport == "ws";
        Endpoint = _isWebSocket ? IPEndPoint.Parse(new Uri(ready.RootElement.GetProperty("http").GetString()!).Authority) : _tcp;
    }

    /// <inheritdoc/>
    public override async Task PrepareAsync(WorkPlan plan, CancellationToken cancellation)
    {
        int accounts = Math.Clamp(plan.Connections, 1, AccountsMax);
        for (int first = 0; first < accounts; first += 8)
        {
            _tokens.AddRange(await Task.WhenAll(Enumerable.Range(first, Math.Min(8, accounts - first)).Select(RegisterAsync)).ConfigureAwait(false));
        }

        FastChatClient client = await FastChatClient.ConnectAsync(Options() with { Token = _tokens[0] }, cancellationToken: cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            Version = client.Server;
            IEnumerable<Task<ConversationId>> made = Enumerable.Range(0, plan.Conversations).Select(async i =>
                (await client.ResolveConversationAsync(string.Create(CultureInfo.InvariantCulture, $"load-{i}"), create: true, cancellation).ConfigureAwait(false)).Conversation);
            _conversations.AddRange(await Task.WhenAll(made).ConfigureAwait(false));
        }
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index)
    {
        FastChatWire wire = new(events, _tokens[index % _tokens.Count], _conversations, _seed);
        return _isWebSocket ? new WebSocketWire(events, wire, "/ws") : wire;
    }

    // The broker's own limit of connections is an operator's choice, as it is with the peers: it is raised when the plan needs more, with some to spare for those that are still going while others come.
    private static async Task<string[]> ConfigurationAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        if (plan.Connections + ConnectionsSpare <= ConnectionsMaxDefault)
        {
            return [];
        }

        string file = Path.Combine(settings.DataDirectory, "fastchat.json");
        await File.WriteAllTextAsync(file, $$"""{"connections_max":{{plan.Connections + ConnectionsSpare}}}""", cancellation).ConfigureAwait(false);
        return ["--config", file];
    }

    private async Task<string> RegisterAsync(int number)
    {
        ClientOptions options = Options() with { Name = string.Create(CultureInfo.InvariantCulture, $"load-{number}"), Password = Password, Register = true };
        FastChatClient client = await FastChatClient.ConnectAsync(options).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            return client.Token!;
        }
    }

    private ClientOptions Options() => new() { Endpoint = ClientEndpoint.Parse(_tcp.ToString()), ClientName = "fastchat-load" };
}
