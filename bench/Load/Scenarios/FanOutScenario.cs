using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// One publisher, many subscribers of one conversation. First as fast as all receive: a window of messages, where a message is done when its deliveries to all subscribers are. Some systems drop or
/// disconnect who falls behind, some have no acknowledgement; with this window none has a reason to, and all are asked for the same. Then lone messages at a low rate: the
/// latency of the last subscriber.
/// </summary>
internal sealed class FanOutScenario : IScenario
{
    private const int LoneRate = 20;

    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Connections = settings.Connections > 0 ? settings.Connections : 1000,
        Outstanding = settings.Outstanding > 0 ? settings.Outstanding : 512,
        Rate = settings.Rate > 0 ? settings.Rate : LoneRate,
        Conversations = 1,
    };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 1, settings.Connections + 1, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        using Fleet fleet = new(system, settings);
        LastDelivery last = new(fleet, settings.Connections);
        fleet.Open(Enumerable.Range(0, settings.Connections).Select(_ => new Subscriber(last)));
        Member publisher = new();
        fleet.Open([publisher]);

        long Saturate(long now)
        {
            while (fleet.Payloads.Next - (fleet.Delivered / settings.Connections) < settings.Outstanding)
            {
                publisher.Publish(0, now);
            }

            return long.MaxValue;
        }

        fleet.RunFor(settings.WarmUpSeconds, Saturate);
        long before = fleet.Delivered;
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(settings.Seconds, Saturate);
        long delivered = fleet.Delivered - before;
        UsedResources used = usage.End();

        bool HasEveryDelivery() => fleet.Delivered == fleet.Payloads.Next * settings.Connections;
        fleet.Finish(HasEveryDelivery, "the last deliveries");
        last.Clear();
        Schedule lone = new(settings.Rate, planned => publisher.Publish(0, planned));
        fleet.RunFor(Math.Max(2, settings.Seconds / 2), lone.Advance);
        fleet.Finish(HasEveryDelivery, "the last lone deliveries");
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = delivered / used.Seconds,
            P50Us = last.Latencies.Percentile(50),
            P99Us = last.Latencies.Percentile(99),
            CpuUsPerOp = used.ServerSeconds * 1e6 / Math.Max(1, delivered),
            FlushRate = used.Flushes / used.Seconds,
            Headroom = used.Headroom,
            Errors = fleet.Errors,
            Note = string.Join("; ", new[] { system.Caveat(settings.Scenario), fleet.FirstError ?? string.Empty }.Where(text => text.Length > 0)),
        };
    }

    /// <summary>Counts the deliveries of each message; the last one's time is the message's.</summary>
    private sealed class LastDelivery(Fleet fleet, int subscribers)
    {
        private const int Remembered = 1 << 16;
        private readonly int[] _counts = new int[Remembered];

        public Latencies Latencies { get; } = new();

        public void Count(ReadOnlySpan<byte> payload)
        {
            long number = Payloads.NumberOf(payload);
            ref int count = ref _counts[number & (Remembered - 1)];
            if (++count == subscribers)
            {
                count = 0;
                Latencies.Record(fleet.Payloads.PlannedAt(number), Stopwatch.GetTimestamp());
            }
        }

        public void Clear() => Latencies.Clear();
    }

    private sealed class Subscriber(LastDelivery last) : Member(subscribeTo: 0)
    {
        public override void OnDelivered(ReadOnlySpan<byte> payload)
        {
            base.OnDelivered(payload);
            last.Count(payload);
        }
    }
}
