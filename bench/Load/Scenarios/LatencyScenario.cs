using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Durable publishes at a fixed rate, open loop: they are sent when the plan says, whether or not earlier ones were answered, and their latency counts from the plan. A server that stops for
/// a moment is charged for everything that should have been sent meanwhile. The disk's own fdatasync, measured just before, stands beside it.
/// </summary>
internal sealed class LatencyScenario : IScenario
{
    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Connections = settings.Connections > 0 ? settings.Connections : 64,
        Rate = settings.Rate > 0 ? settings.Rate : 10_000,
    };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, settings.Conversations, settings.Connections, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        Latencies? disk = SyncProbe.Run(flushes.Directory);
        using Fleet fleet = new(system, settings);
        fleet.Open(Enumerable.Range(0, settings.Connections).Select(_ => new Member()));
        Schedule schedule = new(settings.Rate, planned =>
        {
            long number = fleet.Payloads.Next;
            fleet.Members[(int)(number % settings.Connections)].Publish((int)(number % settings.Conversations), planned);
        });
        fleet.RunFor(settings.WarmUpSeconds, schedule.Advance);
        fleet.Latencies.Clear();
        long before = fleet.Acknowledged;
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(settings.Seconds, schedule.Advance);
        UsedResources used = usage.End();
        long done = fleet.Acknowledged - before;
        double rate = done / used.Seconds;

        // What the plan had sent by then and nobody has answered yet is the slowest of all: leaving it out would hide a stall at the end.
        fleet.Finish(() => fleet.Acknowledged == fleet.Payloads.Next, "the last acknowledgements");
        string late = rate < 0.95 * settings.Rate ? $"fell behind: {rate:0} of {settings.Rate} messages a second" : string.Empty;
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = rate,
            P50Us = fleet.Latencies.Percentile(50),
            P99Us = fleet.Latencies.Percentile(99),
            P999Us = fleet.Latencies.Percentile(99.9),
            P9999Us = fleet.Latencies.Percentile(99.99),
            FdatasyncP50Us = disk?.Percentile(50),
            FdatasyncP99Us = disk?.Percentile(99),
            CpuUsPerOp = used.ServerSeconds * 1e6 / Math.Max(1, done),
            FlushRate = used.Flushes / used.Seconds,
            Headroom = used.Headroom,
            Errors = fleet.Errors,
            Note = string.Join("; ", new[] { late, system.Caveat(settings.Scenario), fleet.FirstError ?? string.Empty }.Where(text => text.Length > 0)),
        };
    }
}
