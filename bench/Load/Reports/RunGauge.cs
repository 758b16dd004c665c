using System.Diagnostics;

using FastChat.Bench.Load.Scenarios;

namespace FastChat.Bench.Load.Reports;

/// <summary>
/// Where the run of this process is: the generator's thread writes, the progress line's reads once a second. It costs the generator a store when a stretch begins and nothing for a message; the
/// counters are the fleet's own. A process makes one run at a time.
/// </summary>
internal static class RunGauge
{
    private static volatile Fleet? s_fleet;
    private static volatile Fleet? s_measured;
    private static volatile bool s_isMeasuring;
    private static long s_until;

    /// <summary>The fleet that did something last; null before there is one.</summary>
    public static Fleet? Fleet => s_fleet;

    /// <summary>When that stretch ends, in <see cref="Stopwatch"/> ticks; in the past where no end is known.</summary>
    public static long Until => Volatile.Read(ref s_until);

    /// <summary>What goes on at a time. A fleet that was measured and goes on is measured in another way (lone messages after the saturating ones), or waits for the last answers.</summary>
    public static string Phase(long now)
    {
        bool isTimed = Until > now;
        bool goesOn = s_fleet is { } fleet && ReferenceEquals(fleet, s_measured);
        return s_isMeasuring || (isTimed && goesOn) ? "measuring" : isTimed ? "warm-up" : goesOn ? "finishing" : "preparing";
    }

    /// <summary>A fleet opens connections, or runs until a time.</summary>
    public static void Watch(Fleet fleet, long until = 0)
    {
        s_fleet = fleet;
        Volatile.Write(ref s_until, until);
    }

    /// <summary>A stretch that counts begins, now.</summary>
    public static long BeginMeasuring()
    {
        s_isMeasuring = true;
        return Stopwatch.GetTimestamp();
    }

    /// <summary>It is over.</summary>
    public static void EndMeasuring()
    {
        s_isMeasuring = false;
        s_measured = s_fleet;
    }

    /// <summary>The run is over, whatever became of it.</summary>
    public static void Clear()
    {
        s_isMeasuring = false;
        s_fleet = null;
        s_measured = null;
        Volatile.Write(ref s_until, 0);
    }
}
