using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// One publisher, many subscribers of one conversation. Without a rate, first as fast as all receive: a window of messages, where a message is done when its deliveries to all subscribers are. Some systems drop or
/// disconnect who falls behind, some have no acknowledgement; with this window none has a reason to, and all are asked for the same. Then lone messages at a low rate: the
/// latency of the last subscriber. With a rate, lone messages are all of it, open loop.
/// </summary>
internal sealed class FanOutScenario : IScenario
{
    private const int LoneRate = 20;

    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Connections = settings.Connections > 0 ? settings.Connections : 1000,
        Outstanding = settings.Outstanding > 0 ? settings.Outstanding : 512,
        Conversations = 1,
    };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 1, settings.Connections + 1, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        using Fleet fleet = new(system, settings);
        LastDelivery last = new(fleet.Payloads, settings.Connections);
        fleet.Open(Enumerable.Range(0, settings.Connections).Select(_ => new Subscriber(last)));
        Member publisher = new();
        fleet.Open([publisher]);
        bool isLone = settings.Rate > 0;
        Func<long, long> pace = isLone ? Lone(settings.Rate) : Saturate;

        fleet.RunFor(settings.WarmUpSeconds, pace);
        last.Latencies.Clear();
        long before = fleet.Delivered;
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(settings.Seconds, pace);
        long delivered = fleet.Delivered - before;
        UsedResources used = usage.End();
        fleet.Finish(HasEveryDelivery, "the last deliveries");
        if (!isLone)
        {
            last.Latencies.Clear();
            fleet.RunFor(Math.Max(2, settings.Seconds / 2), Lone(LoneRate));
            fleet.Finish(HasEveryDelivery, "the last lone deliveries");
        }

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
            Note = string.Join("; ", Notes(system, settings, delivered / used.Seconds, fleet)),
        };

        long Saturate(long now)
        {
            while (fleet.Payloads.Next - (fleet.Delivered / settings.Connections) < settings.Outstanding)
            {
                publisher.Publish(0, now);
            }

            return long.MaxValue;
        }

        // Whoever is so far behind that messages can no longer be told apart has failed at this rate: each that was not sent is an error.
        Func<long, long> Lone(int rate) => new Schedule(rate, planned =>
        {
            if (fleet.Payloads.Next - last.Complete < LastDelivery.UnderWayMax)
            {
                publisher.Publish(0, planned);
            }
            else
            {
                fleet.CountError($"{LastDelivery.UnderWayMax} messages were under way");
            }
        }).Advance;

        bool HasEveryDelivery() => last.Complete == fleet.Payloads.Next;
    }

    private static IEnumerable<string> Notes(SystemUnderTest system, RunSettings settings, double rate, Fleet fleet)
    {
        long planned = (long)settings.Rate * settings.Connections;
        yield return planned > 0
            ? $"lone messages, {settings.Rate} a second; latency is the last subscriber's"
            : $"latency is the last subscriber's of lone messages afterwards, {LoneRate} a second";
        if (rate < 0.95 * planned)
        {
            yield return $"fell behind: {rate:0} of {planned} deliveries a second";
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
