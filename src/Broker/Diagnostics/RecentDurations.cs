using System.Numerics;

namespace FastChat.Broker.Diagnostics;

/// <summary>
/// How long something took of late, as percentiles: counts in buckets that are an eighth wide, over the ten seconds that run and the ten before. Long enough for a percentile to mean something, short enough to see when it began, and when it was over. Adding is two
/// instructions and no lock; a reader may see a window that is just being begun. Any thread, unless said otherwise.
/// </summary>
internal sealed class RecentDurations(TimeProvider clock)
{
    /// <summary>Counts of a window, or of several that were added up.</summary>
    public const int Buckets = 64 << PartsBits;

    private const int PartsBits = 3;
    private const int WindowSeconds = 10;

    private readonly long[][] _windows = [new long[Buckets], new long[Buckets]];
    private long _current;

    /// <summary>Adds one.</summary>
    public void Add(TimeSpan duration) => Interlocked.Increment(ref Window()[BucketOf(duration.Ticks / TimeSpan.TicksPerMicrosecond)]);

    /// <summary>The window that runs, for <see cref="Count"/> by a thread that is the only one to add: it asks once for many. It adds with nothing but an addition, and asks no clock.</summary>
    public Span<long> WindowOfOneWriter() => Window();

    /// <summary>Adds one, µs, to a window of <see cref="WindowOfOneWriter"/>; one below 0, which a clock that was set back leaves, is none at all.</summary>
    public static void Count(Span<long> window, long micros) => window[BucketOf(micros)]++;

    /// <summary>Adds what was counted to the sums, bucket by bucket, so that several can be asked as one.</summary>
    public void AddTo(Span<long> sums)
    {
        if (Now() - Volatile.Read(ref _current) > 1)
        {
            return;
        }

        for (int bucket = 0; bucket < Buckets; bucket++)
        {
            sums[bucket] += Volatile.Read(ref _windows[0][bucket]) + Volatile.Read(ref _windows[1][bucket]);
        }
    }

    /// <summary>The duration, µs, that this share was not longer than; 0 when there was none. Exact to an eighth.</summary>
    /// <param name="share">0 to 1.</param>
    public long Percentile(double share)
    {
        Span<long> sums = stackalloc long[Buckets];
        sums.Clear();
        AddTo(sums);
        return Percentile(sums, share);
    }

    /// <summary>The same of sums that <see cref="AddTo"/> made.</summary>
    public static long Percentile(ReadOnlySpan<long> sums, double share)
    {
        long total = 0;
        foreach (long count in sums)
        {
            total += count;
        }

        long wanted = (long)Math.Ceiling(total * share);
        long seen = 0;
        for (int bucket = 0; total > 0 && bucket < sums.Length; bucket++)
        {
            seen += sums[bucket];
            if (seen >= wanted)
            {
                return (long)UpperBoundOf(bucket);
            }
        }

        return 0;
    }

    /// <summary>The counts of the window that runs, emptied when it begins.</summary>
    private long[] Window()
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

        return _windows[now & 1];
    }

    private long Now() => clock.GetTimestamp() / clock.TimestampFrequency / WindowSeconds;

    private static int BucketOf(long micros)
    {
        ulong value = (ulong)Math.Max(0, micros);
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
