using System.Diagnostics;

using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Counts the deliveries of each message to a number of subscribers: a message is as late as its last one. Each subscriber receives every message once and in order (<see cref="Subscriber"/> sees to it), so a full count
/// is everybody's. Generator thread only.
/// </summary>
internal sealed class LastDelivery(Payloads payloads, int subscribers)
{
    /// <summary>Messages that may be under way; beyond it the counts of two would be one.</summary>
    public const int UnderWayMax = 1 << 16;

    private readonly int[] _counts = new int[UnderWayMax];

    /// <summary>Latencies of the last subscriber, from the planned send time.</summary>
    public Latencies Latencies { get; } = new();

    /// <summary>Messages that all have.</summary>
    public long Complete { get; private set; }

    /// <summary>One more subscriber has a message.</summary>
    public void Count(long number)
    {
        ref int count = ref _counts[number & (UnderWayMax - 1)];
        if (++count == subscribers)
        {
            count = 0;
            Complete++;
            Latencies.Record(payloads.PlannedAt(number), Stopwatch.GetTimestamp());
        }
    }
}
