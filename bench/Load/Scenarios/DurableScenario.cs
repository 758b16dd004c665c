using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Acknowledged publishes as fast as the windows allow. Before that, one publisher with one publish outstanding shows that an acknowledgement costs a flush of the disk: a system for which it
/// does not is not durable, whatever its settings say, and its row says so. Where one publish outstanding is the whole work, the disk's own fdatasync stands beside it.
/// </summary>
internal sealed class DurableScenario : IScenario
{
    private const double ProofSeconds = 1.5;

    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Connections = settings.Connections > 0 ? settings.Connections : 64,
        Outstanding = settings.Outstanding > 0 ? settings.Outstanding : 64,
    };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, settings.Conversations, settings.Connections, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        Latencies? disk = settings is { Connections: 1, Outstanding: 1 } ? SyncProbe.Run(flushes.Directory) : null;
        double? proof = Prove(system, settings, flushes);
        using Fleet fleet = new(system, settings);
        fleet.Open(Enumerable.Range(0, settings.Connections).Select(_ => new Window(settings.Outstanding, settings.Conversations)));
        fleet.RunFor(settings.WarmUpSeconds);
        fleet.Latencies.Clear();
        long before = fleet.Acknowledged;
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(settings.Seconds);
        UsedResources used = usage.End();
        long done = fleet.Acknowledged - before;
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = done / used.Seconds,
            P50Us = fleet.Latencies.Percentile(50),
            P99Us = fleet.Latencies.Percentile(99),
            P999Us = fleet.Latencies.Percentile(99.9),
            FdatasyncP50Us = disk?.Percentile(50),
            FdatasyncP99Us = disk?.Percentile(99),
            CpuUsPerOp = used.ServerSeconds * 1e6 / Math.Max(1, done),
            FlushesPerAck = proof,
            FlushRate = used.Flushes / used.Seconds,
            Headroom = used.Headroom,
            Errors = fleet.Errors,
            Note = string.Join("; ", Notes(system, settings, proof, fleet)),
        };
    }

    /// <summary>Flushes for each acknowledgement with one publish outstanding; null where flushes are not counted.</summary>
    private static double? Prove(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        using Fleet fleet = new(system, settings);
        fleet.Open([new Window(1, settings.Conversations)]);
        fleet.RunFor(ProofSeconds / 3);
        long before = fleet.Acknowledged;
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(ProofSeconds);
        return usage.End().Flushes / (double)Math.Max(1, fleet.Acknowledged - before);
    }

    private static IEnumerable<string> Notes(SystemUnderTest system, RunSettings settings, double? proof, Fleet fleet)
    {
        // The last acknowledgement's flush may be counted after the stretch: a handful in thousands is no lie.
        if (proof is < 0.99)
        {
            yield return "NOT DURABLE: fewer flushes than acknowledgements";
        }

        if (system.Caveat(settings.Scenario) is { Length: > 0 } caveat)
        {
            yield return caveat;
        }

        if (fleet.FirstError is { } error)
        {
            yield return error;
        }
    }
}
