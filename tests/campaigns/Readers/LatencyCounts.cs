using System.Diagnostics;

namespace FastChat.Campaigns;

/// <summary>How long deliveries took, counted by the tenth of a millisecond up to a minute. Any thread.</summary>
internal sealed class LatencyCounts
{
    private const int TenthsMax = 600_000;

    private readonly long[] _counts = new long[TenthsMax + 1];

    /// <summary>How many were recorded.</summary>
    public long Count => _counts.Sum();

    /// <summary>Records a delivery that happens now of what was to be sent then, in ticks of <see cref="Stopwatch"/>.</summary>
    public void Record(long planned)
    {
        double tenths = Stopwatch.GetElapsedTime(planned).TotalMilliseconds * 10;
        Interlocked.Increment(ref _counts[(int)Math.Clamp(tenths, 0, TenthsMax)]);
    }

    /// <summary>Milliseconds that this share of the deliveries did not exceed.</summary>
    public double Percentile(double share)
    {
        long left = (long)Math.Ceiling(share * Count);
        int tenths = 0;
        for (; tenths < TenthsMax && (left -= _counts[tenths]) > 0; tenths++)
        {
        }

        return (tenths + 1) / 10.0;
    }
}
