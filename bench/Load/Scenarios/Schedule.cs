using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>An open-loop plan: something happens every 1/rate seconds, at the planned time or as soon after it as the thread comes to it. Never skips. Generator thread only.</summary>
internal sealed class Schedule(double rate, Action<long> act)
{
    private readonly double _interval = Stopwatch.Frequency / rate;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private long _done;

    /// <summary>Does what is due, each with its planned time, and says when the next is (<see cref="Stopwatch"/> ticks).</summary>
    public long Advance(long now)
    {
        long next = _begun + (long)(_done * _interval);
        while (next <= now)
        {
            act(next);
            _done++;
            next = _begun + (long)(_done * _interval);
        }

        return next;
    }
}
