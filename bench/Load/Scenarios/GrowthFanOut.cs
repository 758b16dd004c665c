using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>One publisher and a hundred subscribers of one conversation, as fast as all receive: what a delivery costs on a store of some size, or in a conversation of some size.</summary>
/// <param name="Delivered">Deliveries in the measured stretch.</param>
/// <param name="Used">What it used.</param>
internal sealed record GrowthFanOut(long Delivered, UsedResources Used)
{
    /// <summary>Subscribers that are connected, whoever else is a member.</summary>
    public const int Online = 100;

    private const int Window = 512;

    /// <summary>Deliveries a second.</summary>
    public double Rate => Delivered / Used.Seconds;

    /// <summary>Processor time of the server for one message to all subscribers.</summary>
    public double CpuUsPerMessage => Used.ServerSeconds * 1e6 * Online / Math.Max(1, Delivered);

    /// <summary>Measures once.</summary>
    /// <exception cref="RunFailedException">A connection failed, or the last deliveries did not come.</exception>
    public static GrowthFanOut Measure(SystemUnderTest system, RunSettings settings, FlushCounter flushes, int conversation)
    {
        using Fleet fleet = new(system, settings);
        fleet.Open(Enumerable.Range(0, Online).Select(_ => new Member(subscribeTo: conversation)));
        Member publisher = new();
        fleet.Open([publisher]);

        long Saturate(long now)
        {
            while (fleet.Payloads.Next - (fleet.Delivered / Online) < Window)
            {
                publisher.Publish(conversation, now);
            }

            return long.MaxValue;
        }

        fleet.RunFor(settings.WarmUpSeconds / 3, Saturate);
        long before = fleet.Delivered;
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(settings.Seconds, Saturate);
        GrowthFanOut measured = new(fleet.Delivered - before, usage.End());
        fleet.RunUntil(() => fleet.Delivered == fleet.Payloads.Next * Online, "the last deliveries");
        return measured;
    }
}
