using System.Globalization;
using System.Net;

using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Compare.Wires;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>What this machine can do (<see cref="LimitServer"/>): the harness's program, started once more to serve, and the broker's own wire. Conversations are known by their numbers and any token is good.</summary>
public sealed class LimitSystem : SystemUnderTest
{
    private const string Program = "FastChat.Bench.Load.dll";
    private const ulong Seed = 1;

    /// <summary>
    /// Compiled once instead of again when it has become hot: at 10,000 publishes a second on a busy machine the 99th percentile was 56 to 430 ms in 15 of 16 runs with tiers, 14 to 139 ms in 8 without; to be taken again on a quiet one.
    /// Parked connections are left as the runtime has them.
    /// </summary>
    private static readonly Dictionary<string, string> s_environment = new(StringComparer.Ordinal) { ["DOTNET_TieredCompilation"] = "0" };

    private readonly List<ConversationId> _conversations = [];

    /// <inheritdoc/>
    public override string Name => "limit";

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) => scenario switch
    {
        Scenario.Durable or Scenario.Latency => "writes one file round and round: no routing, no search for duplicates, no index, nothing to read",
        Scenario.Idle => "a bare connection handler of Kestrel: no session behind it",
        Scenario.CatchUp => "reads from memory, stores nothing, signs nobody in",
        _ => "stores nothing, signs nobody in",
    };

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => scenario switch
    {
        Scenario.Storm => "keeps no sessions to come back to",
        Scenario.Corpus => "has no users and rooms to replay into",
        Scenario.Growth => "keeps nothing that could grow",
        _ => null,
    };

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        if (settings.Transport != "tcp")
        {
            throw new UnavailableException($"{Name} is compared over tcp only");
        }

        string program = Path.Combine(AppContext.BaseDirectory, Program);
        if (!File.Exists(program))
        {
            throw new UnavailableException($"{Name} is not installed: {Program} is not beside the harness; build bench/Load");
        }

        // The runtime that runs the harness runs the server. A program that is not started through dotnet (a test host, an executable of its own) leaves the search to the PATH.
        string? host = Environment.ProcessPath;
        string runtime = host is not null && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";
        Endpoint = new IPEndPoint(IPAddress.Loopback, FreePort.Take());
        Version = "linux " + Environment.OSVersion.Version;
        string[] words = [program, "serve", "limit", ModeOf(plan.Scenario), "--port", Endpoint.Port.ToString(CultureInfo.InvariantCulture), "--data", settings.DataDirectory];
        Dictionary<string, string>? environment = plan.Scenario == Scenario.Idle ? null : s_environment;
        Server = ServerProcess.Start(settings, runtime, words, environment, isReadyLine: line => line.Contains("\"ready\"", StringComparison.Ordinal));
        await Server.WaitForReadyLineAsync(TimeSpan.FromSeconds(60), cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Task PrepareAsync(WorkPlan plan, CancellationToken cancellation)
    {
        _conversations.AddRange(Enumerable.Range(1, plan.Conversations).Select(number => new ConversationId((UInt128)number)));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new FastChatWire(events, "anybody", _conversations, Seed);

    private static string ModeOf(Scenario scenario) => scenario switch
    {
        Scenario.Durable or Scenario.Latency => LimitServer.Durable,
        Scenario.CatchUp => LimitServer.Kept,
        Scenario.Idle => LimitServer.Parked,
        _ => LimitServer.Live,
    };
}
