using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Bytes against a budget that is promised to hold for any stretch of time: in T seconds at most (T + 1) seconds' worth. What came is poured into a bucket that drains at the budget's rate:
/// how high it ever stood says how far the worst
/// stretch went beyond the rate. Generator thread only.
/// </summary>
/// <param name="bytesPerSecond">The budget.</param>
internal sealed class PresenceMeter(int bytesPerSecond)
{
    private double _level;
    private long _at = Stopwatch.GetTimestamp();

    /// <summary>Bytes altogether.</summary>
    public long Bytes { get; private set; }

    /// <summary>Frames altogether.</summary>
    public long Frames { get; private set; }

    /// <summary>How far any stretch went beyond the rate, in seconds' worth of the budget.</summary>
    public double PeakSeconds { get; private set; }

    /// <summary>When the last frame came (<see cref="Stopwatch"/> ticks); 0 before there is one.</summary>
    public long LastAt { get; private set; }

    /// <summary>A frame came.</summary>
    /// <param name="bytes">Its size, header included.</param>
    /// <param name="now">When.</param>
    public void Count(int bytes, long now)
    {
        _level = Math.Max(0, _level - (Stopwatch.GetElapsedTime(_at, now).TotalSeconds * bytesPerSecond)) + bytes;
        _at = LastAt = now;
        Bytes += bytes;
        Frames++;
        PeakSeconds = Math.Max(PeakSeconds, _level / bytesPerSecond);
    }
}
