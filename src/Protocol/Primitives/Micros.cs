namespace FastChat.Protocol;

/// <summary>Times of the wire: µs since 1970-01-01 UTC, where 0 means none.</summary>
public static class Micros
{
    private static readonly long Earliest = (DateTimeOffset.MinValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
    private static readonly long Latest = (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>A time; null for 0. What lies outside of what <see cref="DateTimeOffset"/> holds is cut to its range.</summary>
    public static DateTimeOffset? ToTime(ulong micros) => micros == 0 ? null : ToTime((long)Math.Min(micros, long.MaxValue));

    /// <summary>A time. What lies outside of what <see cref="DateTimeOffset"/> holds is cut to its range: times are information, not order.</summary>
    public static DateTimeOffset ToTime(long micros) =>
        DateTimeOffset.UnixEpoch.AddTicks(Math.Clamp(micros, Earliest, Latest) * TimeSpan.TicksPerMicrosecond);

    /// <summary>The number of a time; null for none.</summary>
    public static long? Of(DateTimeOffset? time) => time is { } one ? (one - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond : null;
}
