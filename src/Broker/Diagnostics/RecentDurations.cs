using System.Numerics;

namespace FastChat.Broker.Diagnostics;

/// <summary>
/// How long something took of late, as percentiles: counts in buckets that are an eighth wide, over the minute that runs and the one before. Adding is two instructions and no lock; a reader may see a minute that is just being begun. Any thread.
/// </summary>
internal sealed class RecentDurations(TimeProvider clock)
{
    private const int PartsBits = 3;
    private const int Buckets = 64 << PartsBits;

    private readonly long[][] _windows = [new long[Buckets], new long[Buckets]];
    private long _current;

    /// <summary>Adds one.</summary>
    public void Add(TimeSpan duration)
    {
        long now = Now();
        long seen = Volatile.Read(ref _current);
        if (seen != now && Interlocked.CompareExchange(ref _current, now, seen) == seen)
        {
            Array.Clear(_windows[now & 1]);
            if (now - seen > 1)
            {
                Array.Clear(_windows[1 - (now & 1)]);
            }
        }

        Interlocked.Increment(ref _windows[now & 1][BucketOf((ulong)Math.Max(0, duration.Ticks / TimeSpan.TicksPerMicrosecond))]);
    }

    /// <summary>The duration, µs, that this share was not longer than; 0 when there was none. Exact to an eighth.</summary>
    /// <param name="share">0 to 1.</param>
    public long Percentile(double share)
    {
        bool isCurrent = Now() - Volatile.Read(ref _current) <= 1;
        long total = isCurrent ? _windows[0].Sum() + _windows[1].Sum() : 0;
        long wanted = (long)Math.Ceiling(total * share);
        long seen = 0;
        for (int bucket = 0; total > 0 && bucket < Buckets; bucket++)
        {
            seen += _windows[0][bucket] + _windows[1][bucket];
            if (seen >= wanted)
            {
                return (long)UpperBoundOf(bucket);
            }
        }

        return 0;
    }

    /// <summary>The minute that runs.</summary>
    private long Now() => clock.GetTimestamp() / clock.TimestampFrequency / 60;

    private static int BucketOf(ulong value)
    {
        if (value < 1 << PartsBits)
        {
            return (int)value;
        }

        int exponent = BitOperations.Log2(value) - PartsBits;
        return ((exponent + 1) << PartsBits) + (int)((value >> exponent) & ((1 << PartsBits) - 1));
    }

    private static ulong UpperBoundOf(int bucket)
    {
        if (bucket < 1 << PartsBits)
        {
            return (ulong)bucket;
        }

        int exponent = (bucket >> PartsBits) - 1;
        return ((((ulong)bucket & ((1 << PartsBits) - 1)) + (1 << PartsBits) + 1) << exponent) - 1;
    }
}
