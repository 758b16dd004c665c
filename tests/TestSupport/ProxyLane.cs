namespace FastChat.TestSupport;

/// <summary>How one direction of a <see cref="StallingProxy"/> behaves. Any thread may change it at any time.</summary>
public sealed class ProxyLane
{
    private volatile TaskCompletionSource? _stalled;
    private volatile int _sliceSize;
    private long _delayTicks;
    private long _bytesUntilCut = long.MaxValue;
    private long _forwarded;

    /// <summary>Bytes forwarded so far, over all connections.</summary>
    public long ForwardedBytes => Volatile.Read(ref _forwarded);

    /// <summary>The largest write in bytes; 0 = as it was received. Each write is a segment of its own on loopback.</summary>
    public int SliceSize
    {
        get => _sliceSize;
        set => _sliceSize = value;
    }

    /// <summary>The pause before each write.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromTicks(Volatile.Read(ref _delayTicks));
        set => Volatile.Write(ref _delayTicks, value.Ticks);
    }

    /// <summary>Stops forwarding and reading: the sender meets full buffers, the receiver silence.</summary>
    public void Stall() => Interlocked.CompareExchange(ref _stalled, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), null);

    /// <summary>Goes on.</summary>
    public void Resume() => Interlocked.Exchange(ref _stalled, null)?.TrySetResult();

    /// <summary>Forwards exactly so many more bytes in this direction, then resets the connection that would carry the next one; from then on nothing is cut.</summary>
    public void CutAfter(long bytes) => Volatile.Write(ref _bytesUntilCut, bytes);

    internal async Task WaitAsync(CancellationToken cancellation)
    {
        while (_stalled is { } stalled)
        {
            await stalled.Task.WaitAsync(cancellation);
        }
    }

    /// <summary>Takes up to <paramref name="wanted"/> bytes of what may pass before the cut; 0 = cut now, which this call has used up.</summary>
    internal int Take(int wanted)
    {
        while (true)
        {
            long left = Volatile.Read(ref _bytesUntilCut);
            if (left == long.MaxValue)
            {
                return wanted;
            }

            int taken = (int)Math.Min(wanted, left);
            long next = taken == 0 ? long.MaxValue : left - taken;
            if (Interlocked.CompareExchange(ref _bytesUntilCut, next, left) == left)
            {
                return taken;
            }
        }
    }

    internal void Count(int bytes) => Interlocked.Add(ref _forwarded, bytes);
}
