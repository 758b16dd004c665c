using System.Diagnostics;

namespace FastChat.Broker.Limits;

/// <summary>
/// A budget per key that refills with time: <c>burst</c> at once, <c>perSecond</c> from then on. What is remembered of a key is one number, the moment at which its bucket is full again (the "theoretical arrival time"
/// of the generic cell rate algorithm): there is nothing to tick, and no rounding that could add up. A key whose bucket is full again is forgotten; each call looks at two others, so that who came once
/// long ago costs nothing. Time comes from the clock's timestamps, which do not jump. Any thread; a lock, because what is limited here is rare.
/// </summary>
internal sealed class TokenBuckets<TKey>
    where TKey : notnull
{
    private readonly TimeProvider _clock;
    private readonly long _burst;
    private readonly Int128 _ticksPerToken;
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Int128> _fullAt = [];
    private readonly Queue<TKey> _order = new();

    /// <param name="clock">Where time comes from.</param>
    /// <param name="burst">Tokens of a full bucket, at least 1.</param>
    /// <param name="perSecond">Tokens that come back in a second, above 0.</param>
    public TokenBuckets(TimeProvider clock, int burst, double perSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(burst, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(perSecond);
        _clock = clock;
        _burst = burst;
        _ticksPerToken = Int128.Max(1, (Int128)(clock.TimestampFrequency / perSecond));
    }

    /// <summary>Keys that are remembered; those are on their way back to a full bucket.</summary>
    public int Count
    {
        get
        {
            using (_gate.EnterScope())
            {
                return _fullAt.Count;
            }
        }
    }

    /// <summary>Takes tokens, or takes none and says in how many milliseconds (at least 1) there will be as many.</summary>
    /// <param name="key">Whose.</param>
    /// <param name="count">How many; at most the burst.</param>
    /// <param name="retryAfterMs">0 when they were taken.</param>
    public bool TryTake(TKey key, int count, out uint retryAfterMs)
    {
        Debug.Assert(count <= _burst, "a bucket never holds so many: the caller would wait for ever");
        retryAfterMs = 0;
        if (count <= 0)
        {
            return true;
        }

        using (_gate.EnterScope())
        {
            Int128 now = _clock.GetTimestamp();
            Forget(now);
            bool isKnown = _fullAt.TryGetValue(key, out Int128 fullAt);
            Int128 after = Int128.Max(fullAt, now) + (count * _ticksPerToken);
            Int128 tooEarly = after - now - (_burst * _ticksPerToken);
            if (isKnown && tooEarly > 0)
            {
                retryAfterMs = (uint)Int128.Clamp((tooEarly * 1000 / _clock.TimestampFrequency) + 1, 1, uint.MaxValue);
                return false;
            }

            _fullAt[key] = after;
            if (!isKnown)
            {
                _order.Enqueue(key);
            }

            return true;
        }
    }

    /// <summary>Two a call, where a call adds one at most: what can be forgotten is, and nobody pays for more than his own share.</summary>
    private void Forget(Int128 now)
    {
        for (int i = 0; i < 2 && _order.TryDequeue(out TKey? key); i++)
        {
            if (_fullAt[key] <= now)
            {
                _fullAt.Remove(key);
            }
            else
            {
                _order.Enqueue(key);
            }
        }
    }
}
