using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Many rooms in which everybody talks: each connection subscribes to its room and publishes to it. The figure is the highest total rate at which a message reaches each member within 50 ms of its
/// planned time for 99 of 100 deliveries, found by a <see cref="RateSearch"/>. A member hears its own messages, on every system: they all deliver them, so they count as deliveries for all.
/// </summary>
internal sealed class RoomsScenario : IScenario
{
    private const double HeadroomMin = 0.2;

    public RunSettings WithDefaults(RunSettings settings)
    {
        int connections = settings.Connections > 0 ? settings.Connections : 5000;
        int rooms = Math.Min(settings.Conversations > 0 ? settings.Conversations : 100, connections);
        return settings with
        {
            Conversations = rooms,
            Connections = connections - (connections % rooms),
            Rate = settings.Rate > 0 ? settings.Rate : 1000,
        };
    }

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, settings.Conversations, settings.Connections, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        using RoomsFloor floor = new(system, settings, flushes);
        floor.WarmUp();
        RateSearch search = new(settings.Rate, rate =>
        {
            RateSearchStep step = floor.Attempt(rate);
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"     {system.Name}: {rate:N0} publishes/s: {step.Failure ?? "held"}, p99 {(step.P99Us ?? 0) / 1000:0.0} ms"));
            return step;
        });
        search.Run();
        RateSearchStep best = search.Best;
        if (best.Used is not { } used || best.Delivered == 0)
        {
            throw new RunFailedException($"{system.Name}: nothing is delivered in rooms: {best.Failure}");
        }

        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = best.Delivered / used.Seconds,
            P50Us = best.P50Us,
            P99Us = best.P99Us,
            CpuUsPerOp = used.ServerSeconds * 1e6 / best.Delivered,
            FlushRate = used.Flushes / used.Seconds,
            Headroom = used.Headroom,
            Errors = best.Failure is null ? 0 : 1,
            Note = string.Join("; ", Notes(system, settings, search)),
        };
    }

    private static IEnumerable<string> Notes(SystemUnderTest system, RunSettings settings, RateSearch search)
    {
        int members = settings.Connections / settings.Conversations;
        yield return string.Create(CultureInfo.InvariantCulture, $"{search.Best.Rate:N0} publishes/s to {settings.Conversations} rooms of {members}, the sender's own copy counted");
        if (search.Best.Failure is { } failure)
        {
            yield return $"NO RATE HELD: {failure}";
        }
        else if (search.Limit is { } limit)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{limit.Rate:N0}/s failed: {limit.Failure}");
            if (limit.Used?.Headroom is < HeadroomMin)
            {
                yield return "the generator had less than 20 % headroom there: the true limit may be higher";
            }
        }

        if (system.Caveat(settings.Scenario) is { Length: > 0 } caveat)
        {
            yield return caveat;
        }
    }
}
