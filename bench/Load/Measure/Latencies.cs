using System.Diagnostics;

using HdrHistogram;

namespace FastChat.Bench.Load.Measure;

/// <summary>Latencies from the planned send time, in an HDR histogram of 1 µs to 60 s with three significant digits. Generator thread only.</summary>
internal sealed class Latencies
{
    private const long MaxMicros = 60_000_000;

    private static readonly double s_microsPerTick = 1e6 / Stopwatch.Frequency;

    private readonly LongHistogram _histogram = new(1, MaxMicros, 3);

    /// <summary>How many were recorded.</summary>
    public long Count => _histogram.TotalCount;

    /// <summary>Records one, from a planned time to now, in <see cref="Stopwatch"/> ticks.</summary>
    public void Record(long planned, long now) => _histogram.RecordValue(Math.Clamp((long)((now - planned) * s_microsPerTick), 1, MaxMicros));

    /// <summary>The value in µs that this share (in percent) of the latencies does not exceed; null when there is none.</summary>
    public double? Percentile(double percent) => Count == 0 ? null : _histogram.GetValueAtPercentile(percent);

    /// <summary>Forgets everything.</summary>
    public void Clear() => _histogram.Reset();
}
