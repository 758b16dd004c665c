namespace FastChat.Broker.Identity;

/// <summary>For how long things sign in.</summary>
internal sealed record TokenLives
{
    /// <summary>An access token: what somebody who copies one can do with it ends by then.</summary>
    public TimeSpan Access { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>A device that does not come.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromDays(30);

    /// <summary>A device, from the password on.</summary>
    public TimeSpan Device { get; init; } = TimeSpan.FromDays(365);

    /// <summary>A time as it is added to µs.</summary>
    public static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
