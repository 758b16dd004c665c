using System.Globalization;

namespace FastChat.Cli;

/// <summary>Times as the commands print them.</summary>
internal static class Timestamps
{
    private const string Pattern = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>ISO 8601, UTC, six digits of a second; a time outside the calendar as its bare number of µs.</summary>
    public static string Format(long micros) => TryToTime(micros, out DateTimeOffset time)
        ? time.ToString(Pattern, CultureInfo.InvariantCulture)
        : micros.ToString(CultureInfo.InvariantCulture);

    /// <summary>The time of <paramref name="micros"/> since 1970-01-01 UTC; false when no calendar has it: a record may hold any 64 bits.</summary>
    public static bool TryToTime(long micros, out DateTimeOffset time)
    {
        long least = -DateTimeOffset.UnixEpoch.Ticks / TimeSpan.TicksPerMicrosecond;
        long most = (DateTimeOffset.MaxValue.Ticks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
        bool representable = micros >= least && micros <= most;
        time = representable ? DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond) : default;
        return representable;
    }
}
