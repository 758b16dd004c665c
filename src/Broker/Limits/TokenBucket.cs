namespace FastChat.Broker.Limits;

/// <summary>So much at once, and so much a second from then on.</summary>
/// <param name="PerSecond">Tokens that come back in a second, above 0.</param>
/// <param name="Burst">Tokens of a full bucket, at least 1.</param>
internal readonly record struct Rate(double PerSecond, double Burst);

/// <summary>
/// A token bucket whose state is one number: the moment at which it is full again, in ticks of the clock (the "theoretical arrival time" of the generic cell rate algorithm). So there is nothing to tick, nothing to allocate, nothing to lock, a bucket
/// that was never touched (0) is full, and one whose moment has passed need not be kept. This struct is the rule; the states lie where they belong, in a user's <see cref="UserAllowance"/> or a cell of a <see cref="RateSketch"/>.
/// <para>A full bucket gives whatever is asked of it, more than it holds included, and owes the rest: nothing is so large that it could never pass.</para>
/// Any thread.
/// </summary>
internal readonly struct TokenBucket
{
    private readonly double _ticksPerToken;
    private readonly long _burstTicks;
    private readonly long _frequency;

    /// <param name="rate">How much.</param>
    /// <param name="frequency">Ticks of the clock in a second (<see cref="TimeProvider.TimestampFrequency"/>).</param>
    public TokenBucket(Rate rate, long frequency)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rate.Burst, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate.PerSecond);
        _frequency = frequency;
        _ticksPerToken = frequency / rate.PerSecond;
        _burstTicks = (long)Math.Min(rate.Burst * _ticksPerToken, long.MaxValue / 4);
    }

    /// <summary>False for the default value, which limits nothing.</summary>
    public bool IsOn => _frequency != 0;

    /// <summary>Takes tokens, or takes none and says in how many milliseconds (at least 1) there will be as many.</summary>
    /// <param name="fullAt">The state.</param>
    /// <param name="now">The clock's timestamp. One that is a little old makes the bucket a little stricter.</param>
    /// <param name="count">How many; nothing is taken for none.</param>
    /// <param name="retryAfterMs">0 when they were taken.</param>
    public bool TryTake(ref long fullAt, long now, long count, out uint retryAfterMs)
    {
        retryAfterMs = 0;
        if (count <= 0 || !IsOn)
        {
            return true;
        }

        long cost = CostOf(count);
        long seen = Volatile.Read(ref fullAt);
        while (true)
        {
            long wait = WaitTicks(seen, now, cost);
            if (wait > 0)
            {
                retryAfterMs = ToMilliseconds(wait);
                return false;
            }

            long found = Interlocked.CompareExchange(ref fullAt, Math.Max(seen, now) + cost, seen);
            if (found == seen)
            {
                return true;
            }

            seen = found;
        }
    }

    /// <summary>Takes tokens that are there or not, and says in how many milliseconds the bucket owes nothing any more. The state has one writer.</summary>
    public uint Spend(ref long fullAt, long now, long count)
    {
        if (count <= 0 || !IsOn)
        {
            return 0;
        }

        fullAt = Math.Max(fullAt, now) + CostOf(count);
        return fullAt - now - _burstTicks is > 0 and long debt ? ToMilliseconds(debt) : 0;
    }

    /// <summary>In how many milliseconds so many could be taken; 0 = now. Takes nothing.</summary>
    public uint WaitFor(ref long fullAt, long now, double count) => IsOn && WaitTicks(Volatile.Read(ref fullAt), now, CostOf(count)) is > 0 and long wait ? ToMilliseconds(wait) : 0;

    /// <summary>Gives back what was taken and not used.</summary>
    public void GiveBack(ref long fullAt, long count)
    {
        if (IsOn)
        {
            Interlocked.Add(ref fullAt, -CostOf(count));
        }
    }

    private long WaitTicks(long fullAt, long now, long cost) => fullAt <= now ? 0 : fullAt - now + cost - _burstTicks;

    private long CostOf(double count) => (long)Math.Clamp(count * _ticksPerToken, 1, long.MaxValue / 4);

    private uint ToMilliseconds(long ticks) => (uint)Math.Min((ticks * 1000.0 / _frequency) + 1, uint.MaxValue);
}
