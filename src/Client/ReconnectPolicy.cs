using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// When a client comes back after its connection ended (protocol.md §9). The advice is in the hundreds of the close code; this says how long
/// the pauses are. Immutable.
/// <para>
/// A connection that broke without a Close: <see cref="FirstDelay"/>, doubling. 40xx: a random moment within <see cref="SpreadMax"/>, so that the sessions of a
/// broker that drains do not come back all at once. 41xx: the time that the broker named, or <see cref="LaterDelay"/>, doubling. 42xx and 43xx: never.
/// All pauses end at <see cref="DelayMax"/> and are shortened by up to a quarter at random, except the broker's own, which are only lengthened.
/// </para>
/// </summary>
public sealed record ReconnectPolicy
{
    /// <summary>Never come back: every close is the end.</summary>
    public static ReconnectPolicy None { get; } = new() { AttemptsMax = 0 };

    /// <summary>The first pause after a connection that broke without a word.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The first pause after 41xx without a time.</summary>
    public TimeSpan LaterDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest pause, unless the broker names a longer one.</summary>
    public TimeSpan DelayMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Within which time a client returns after 40xx.</summary>
    public TimeSpan SpreadMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a connection must have been ready for the pauses to begin small again.</summary>
    public TimeSpan StableAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Attempts in a row without a stable connection before the client gives up; null = never.</summary>
    public int? AttemptsMax { get; init; }

    /// <summary>
    /// Whether <see cref="FastChatClient.ConnectAsync"/> goes on trying when its first attempt fails for a reason that may pass.
    /// Off by default: a program at a terminal wants to hear at once that nobody listens.
    /// </summary>
    public bool RetryFirstConnect { get; init; }

    internal void Validate()
    {
        if (FirstDelay < TimeSpan.Zero || LaterDelay < TimeSpan.Zero || SpreadMax < TimeSpan.Zero || StableAfter < TimeSpan.Zero ||
            DelayMax < FirstDelay || AttemptsMax < 0)
        {
            throw new ArgumentException("ReconnectPolicy: pauses are not negative, and DelayMax is the longest", nameof(DelayMax));
        }
    }

    /// <summary>The pause before attempt number <paramref name="attempt"/> (from 0) after <paramref name="close"/>.</summary>
    internal TimeSpan DelayBefore(int attempt, CloseReason close, Random random)
    {
        if (close.RetryAfter > TimeSpan.Zero)
        {
            // Earlier than the broker asked would be refused again; a quarter later spreads those who were told the same.
            return close.RetryAfter * (1 + (random.NextDouble() / 4));
        }

        if (close is { Code: not CloseCode.None, IsLocal: false, Advice: ReconnectAdvice.Now } && attempt == 0)
        {
            return SpreadMax * random.NextDouble();
        }

        TimeSpan first = close.Advice == ReconnectAdvice.Later ? LaterDelay : FirstDelay;
        double doubled = first.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 40));
        return TimeSpan.FromMilliseconds(Math.Min(doubled, DelayMax.TotalMilliseconds) * (1 - (random.NextDouble() / 4)));
    }
}
