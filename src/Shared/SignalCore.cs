using System.Threading.Tasks.Sources;

namespace FastChat.Shared;

/// <summary>
/// An auto-reset signal with one waiter, as a field of whoever is awaited: any thread raises it, one waits. Raising it when it is set already costs a fence and a read. Its owner is an
/// <see cref="IValueTaskSource"/> that forwards to it. Must not be copied.
/// </summary>
internal struct SignalCore
{
    private const int Clear = 0;
    private const int Set = 1;
    private const int Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _source;
    private int _state;

    /// <summary>Names the wait that <see cref="TryTakeOrWait"/> began.</summary>
    public readonly short Version => _source.Version;

    /// <summary>
    /// Wakes the waiter, or lets its next wait end at once. With <paramref name="runHere"/> it goes on within this call, up to its next wait: for callers that hold nothing, and waiters that never
    /// block; it saves waking another thread, which costs more than most waiters do. Otherwise it goes on in the thread pool. Any thread.
    /// </summary>
    public void Raise(bool runHere)
    {
        // The barrier orders the caller's work before the read: without it, both sides could miss one another. Reading before exchanging keeps a busy caller from taking the cache line
        // away from the waiter for nothing.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _state) != Set && Interlocked.Exchange(ref _state, Set) == Waiting)
        {
            // Only the one whose exchange found the waiter comes here, once for each wait.
            _source.RunContinuationsAsynchronously = !runHere;
            _source.SetResult(true);
        }
    }

    /// <summary>Takes the signal if it is set, and says so; otherwise begins a wait. One waiter at a time.</summary>
    public bool TryTakeOrWait()
    {
        if (Volatile.Read(ref _state) != Set)
        {
            _source.Reset();
            if (Interlocked.CompareExchange(ref _state, Waiting, Clear) == Clear)
            {
                return false;
            }
        }

        Reset();
        return true;
    }

    /// <summary>Ends a wait: what is raised from here on is for the next one.</summary>
    public void GetResult(short token)
    {
        Reset();
        _source.GetResult(token);
    }

    /// <inheritdoc cref="IValueTaskSource.GetStatus"/>
    public readonly ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    /// <inheritdoc cref="IValueTaskSource.OnCompleted"/>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Reset()
    {
        // The waiter looks for work after this; a Raise from here on must be seen again.
        Volatile.Write(ref _state, Clear);
        Interlocked.MemoryBarrier();
    }
}
