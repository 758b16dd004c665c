using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Compare.Wires;
using FastChat.Protocol;

namespace FastChat.Bench.Compare.Systems.Limit;

/// <summary>What this machine can do (<see cref="LimitServer"/>), spoken to with the broker's own wire. Conversations are known by their numbers and any token is good.</summary>
public sealed class LimitSystem : HarnessServer
{
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
    public override Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        Version = "linux " + Environment.OSVersion.Version;
        return ServeAsync(
            settings, ["limit", ModeOf(plan.Scenario), "--data", settings.DataDirectory], plan.Scenario == Scenario.Idle ? null : s_environment, cancellation);
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
