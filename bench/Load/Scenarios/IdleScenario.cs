using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Sessions that are signed in, subscribed to a conversation and silent but for their heartbeats. The server's memory is read at two sizes, and what a session costs is the slope between them: what a
/// server has for itself is not charged to its sessions. Nothing is asked of the server before: no collection, no trimming; a memory that shrinks by itself gets the time to.
/// </summary>
internal sealed class IdleScenario : IScenario
{
    private const int SessionsDefault = 18_000;
    private const int SmallerMax = 2000;
    private const double SettleSeconds = 10;
    private const double HeartbeatSeconds = 30;

    // The last seconds of settling in which the least memory is looked for: a sample may fall on a moment's garbage.
    private const double SampleSeconds = 2;
    private const int Samples = 5;

    // Two at the least: a slope is between two sizes.
    public RunSettings WithDefaults(RunSettings settings) => settings with { Connections = settings.Connections > 0 ? Math.Max(2, settings.Connections) : SessionsDefault };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, settings.Conversations, settings.Connections, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes) => Run(system, settings, flushes, SettleSeconds);

    /// <summary>The same with another time to settle.</summary>
    internal static ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes, double settleSeconds)
    {
        int smaller = Math.Min(SmallerMax, settings.Connections / 2);
        using Fleet fleet = new(system, settings);
        HeartbeatRound heartbeats = new(fleet);
        Footprint small = Grow(fleet, heartbeats, system, settings, 0, smaller, settleSeconds);
        Footprint large = Grow(fleet, heartbeats, system, settings, smaller, settings.Connections, settleSeconds);
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(settings.Seconds, heartbeats.GoOn().Advance);
        UsedResources used = usage.End();

        int sessions = settings.Connections - smaller;
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            RssKbPerSession = (large.ResidentKb - small.ResidentKb) / (double)sessions,
            CpuPercent = 100 * used.ServerSeconds / used.Seconds,
            Headroom = used.Headroom,
            Errors = fleet.Errors,
            Note = string.Join("; ", Notes(system, settings, fleet, heartbeats, smaller, small, large, settleSeconds)),
        };
    }

    private static Footprint Grow(Fleet fleet, HeartbeatRound round, SystemUnderTest system, RunSettings settings, int from, int to, double settleSeconds)
    {
        fleet.Open(Enumerable.Range(from, to - from).Select(i => new Member(i % settings.Conversations)));
        Schedule heartbeats = round.GoOn();
        fleet.RunFor(Math.Max(0, settleSeconds - SampleSeconds), heartbeats.Advance);
        Footprint least = new(long.MaxValue, long.MaxValue);
        for (int i = 0; i < Samples; i++)
        {
            fleet.RunFor(SampleSeconds / Samples, heartbeats.Advance);
            least = new Footprint(Math.Min(least.ResidentKb, system.Server.ResidentKb), Math.Min(least.KernelKb, KernelMemory.UnreclaimableKb));
        }

        return least;
    }

    private static IEnumerable<string> Notes(
        SystemUnderTest system, RunSettings settings, Fleet fleet, HeartbeatRound heartbeats, int smaller, Footprint small, Footprint large, double settleSeconds)
    {
        double kernel = (large.KernelKb - small.KernelKb) / (double)(settings.Connections - smaller);
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"RSS {small.ResidentKb / 1024.0:0.0} MiB with {smaller} sessions, {large.ResidentKb / 1024.0:0.0} MiB with {settings.Connections}, the least of {Samples} samples after {settleSeconds:0} s of quiet, no collection forced; unreclaimable slab of the whole machine {kernel:+0.0;-0.0} KiB a session, both ends of its connection");
        if (!heartbeats.IsSpoken)
        {
            yield return "its clients send no heartbeats";
        }

        if (fleet.Errors > 0)
        {
            yield return $"{fleet.Errors} sessions were dropped";
        }

        foreach (string text in new[] { system.Caveat(settings.Scenario), fleet.FirstError ?? string.Empty }.Where(text => text.Length > 0))
        {
            yield return text;
        }
    }

    /// <summary>Each member's turn comes every 30 s, evenly spread. A round goes on where the last stretch left it, or the last in line would never have a turn.</summary>
    private sealed class HeartbeatRound(Fleet fleet)
    {
        private int _next;

        /// <summary>True once a member had something to say: in some protocols it is the server that asks.</summary>
        public bool IsSpoken { get; private set; }

        public Schedule GoOn() => new(fleet.Members.Count / HeartbeatSeconds, _ =>
        {
            Member member = fleet.Members[_next];
            _next = (_next + 1) % fleet.Members.Count;
            int waiting = member.Link.Output.Count;
            member.Link.Wire.Heartbeat(member.Link.Output);
            IsSpoken |= member.Link.Output.Count > waiting;
        });
    }

    /// <summary>Memory at one size.</summary>
    private sealed record Footprint(long ResidentKb, long KernelKb);
}
