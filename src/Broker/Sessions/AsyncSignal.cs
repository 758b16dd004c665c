using System.Threading.Tasks.Sources;

namespace FastChat.Broker.Sessions;

/// <summary>
/// An auto-reset signal with one waiter that allocates nothing: any thread sets it, the loop that owns it waits. Setting it when it is set already
/// costs one exchange; the waiter continues on the thread pool, unless the setter offers its own thread.
/// </summary>
internal sealed class AsyncSignal : IValueTaskSource
{
    private const int Clear = 0;
    private const int Set = 1;
    private const int Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private int _state;

    /// <summary>Wakes the waiter, or lets its next wait return at once. Any thread.</summary>
    public void Raise() => Raise(runHere: false);

    /// <summary>
    /// As <see cref="Raise()"/>, but the waiter goes on within this call, on the caller's thread, up to its next wait. For callers that hold nothing and can spare the time, and waiters that never block: it saves waking
    /// another thread, which costs more than most waiters do.
    /// </summary>
    public void RaiseHere() => Raise(runHere: true);

    private void Raise(bool runHere)
    {
        // The barrier orders the setter's work before the read: without it, both sides could miss one another. Reading before
        // exchanging keeps a busy setter from taking the cache line away from the waiter for nothing.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _state) != Set && Interlocked.Exchange(ref _state, Set) == Waiting)
        {
            // Only the one whose exchange found the waiter comes here, once for each wait.
            _source.RunContinuationsAsynchronously = !runHere;
            _source.SetResult(true);
        }
    }

    /// <summary>Completes when the signal is raised and resets it. One waiter at a time.</summary>
    public ValueTask WaitAsync()
    {
        if (Volatile.Read(ref _state) == Set)
        {
            Volatile.Write(ref _state, Clear);
            Interlocked.MemoryBarrier();
            return ValueTask.CompletedTask;
        }

        _source.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Clear) == Set)
        {
            Volatile.Write(ref _state, Clear);
            Interlocked.MemoryBarrier();
            return ValueTask.CompletedTask;
        }

        return new ValueTask(this, _source.Version);
    }

    void IValueTaskSource.GetResult(short token)
    {
        // The waiter looks for work after this; a Raise from here on must be seen again.
        Volatile.Write(ref _state, Clear);
        Interlocked.MemoryBarrier();
        _source.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
