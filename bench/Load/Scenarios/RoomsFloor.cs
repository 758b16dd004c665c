using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// The connected members of all rooms, and one step of the search: everybody in turn publishes at a fixed total rate, open loop, and every delivery is timed from the plan, the last ones too,
/// that come after the stretch. The members stay connected from step to step; after a step that broke connections or lost messages they are all replaced. Generator thread only.
/// </summary>
internal sealed class RoomsFloor(SystemUnderTest system, RunSettings settings, FlushCounter flushes) : IDisposable
{
    private const double LatencyMaxUs = 50_000;
    private const double RateShareMin = 0.95;
    private const double DrainSeconds = 30;

    private readonly int _members = settings.Connections / settings.Conversations;
    private readonly Latencies _latencies = new();
    private Fleet? _fleet;
    private long _firstTimed = long.MaxValue;

    private long Undelivered => (_fleet!.Payloads.Next * _members) - _fleet.Delivered;

    /// <summary>Publishes at the first rate for the settings' warm-up time, whatever comes of it.</summary>
    public void WarmUp()
    {
        Fleet fleet = Connected();
        double undeliveredMax = UndeliveredMax(settings.Rate);
        RunFor(settings.WarmUpSeconds, Talk(fleet, settings.Rate, undeliveredMax), undeliveredMax);
        Drain();
    }

    /// <summary>Does a rate once.</summary>
    public RateSearchStep Attempt(double rate)
    {
        Fleet fleet;
        try
        {
            fleet = Connected();
        }
        catch (RunFailedException failure)
        {
            // The step before broke the server for longer than a minute: what held before that still did.
            return new RateSearchStep(rate, failure.Message);
        }

        _firstTimed = long.MaxValue;
        double undeliveredMax = UndeliveredMax(rate);
        Schedule schedule = Talk(fleet, rate, undeliveredMax);
        RunFor(Math.Min(1, settings.Seconds / 5), schedule, undeliveredMax);
        _latencies.Clear();
        _firstTimed = fleet.Payloads.Next;
        long before = fleet.Delivered;
        Usage usage = new(system.Server, flushes);
        RunFor(settings.Seconds, schedule, undeliveredMax);
        long delivered = fleet.Delivered - before;
        UsedResources used = usage.End();
        bool isBehind = Undelivered > undeliveredMax;
        Drain();
        return new RateSearchStep(rate, Failure(rate, delivered / used.Seconds, isBehind))
        {
            Delivered = delivered,
            P50Us = _latencies.Percentile(50),
            P99Us = _latencies.Percentile(99),
            Used = used,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _fleet?.Dispose();

    // More than a second's deliveries on their way: a step of up to 48 s has then failed for certain, since all of these but the youngest 50 ms are late, and they are more than one in a
    // hundred. It ends there, or a server without limits would take the machine's memory for what nobody waits for.
    private double UndeliveredMax(double rate) => rate * _members * Math.Max(1, 0.05 + (0.02 * settings.Seconds));

    private string? Failure(double rate, double deliveryRate, bool isBehind)
    {
        if (_fleet!.FirstError is { } error)
        {
            return error;
        }

        if (Undelivered != 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{Math.Abs(Undelivered)} deliveries {(Undelivered > 0 ? "did not come" : "too many")}");
        }

        if (isBehind || deliveryRate < RateShareMin * rate * _members)
        {
            return string.Create(CultureInfo.InvariantCulture, $"fell behind: {deliveryRate:N0} of {rate * _members:N0} deliveries/s");
        }

        return _latencies.Percentile(99) is { } p99 && p99 < LatencyMaxUs
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"p99 {(_latencies.Percentile(99) ?? 0) / 1000:0} ms");
    }

    private Fleet Connected()
    {
        if (_fleet is { Errors: 0 } && _fleet.Ready == settings.Connections && Undelivered == 0)
        {
            return _fleet;
        }

        _fleet?.Dispose();
        _fleet = new Fleet(system, settings);
        _firstTimed = long.MaxValue;
        _fleet.Open(Enumerable.Range(0, settings.Connections).Select(i => new RoomMember(this, i % settings.Conversations)));
        return _fleet;
    }

    // Members are numbered through the rooms, so that messages that follow one another are of different rooms. What is due is done in one go, which at a rate that this thread cannot make itself
    // would never end: the limit that ends the step holds here, too.
    private Schedule Talk(Fleet fleet, double rate, double undeliveredMax) => new(rate, planned =>
    {
        if (Undelivered > undeliveredMax)
        {
            return;
        }

        int member = (int)(fleet.Payloads.Next % settings.Connections);
        fleet.Members[member].Publish(member % settings.Conversations, planned);
    });

    private void RunFor(double seconds, Schedule schedule, double undeliveredMax)
    {
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        for (long now = Stopwatch.GetTimestamp(); now < end && _fleet!.Errors == 0 && Undelivered <= undeliveredMax; now = Stopwatch.GetTimestamp())
        {
            _fleet.Reactor.Poll(Math.Min(schedule.Advance(now), end));
        }
    }

    private void Drain()
    {
        long end = Stopwatch.GetTimestamp() + (long)(DrainSeconds * Stopwatch.Frequency);
        while (Undelivered > 0 && _fleet!.Errors == 0 && Stopwatch.GetTimestamp() < end)
        {
            _fleet.Reactor.Poll(Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 100));
        }
    }

    private void Time(ReadOnlySpan<byte> payload)
    {
        long number = Payloads.NumberOf(payload);
        if (number >= _firstTimed)
        {
            _latencies.Record(_fleet!.Payloads.PlannedAt(number), Stopwatch.GetTimestamp());
        }
    }

    private sealed class RoomMember(RoomsFloor floor, int room) : Member(subscribeTo: room)
    {
        // What counts is when others have it: acknowledgements are not timed.
        public override void OnAcknowledged(long number) => Fleet.Acknowledged++;

        public override void OnDelivered(ReadOnlySpan<byte> payload)
        {
            base.OnDelivered(payload);
            floor.Time(payload);
        }
    }
}
