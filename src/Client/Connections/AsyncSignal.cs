using System.Threading.Tasks.Sources;

namespace FastChat.Client;

/// <summary>
/// Wakes one waiter from many threads, without a lock and without an allocation. A signal that nobody waits for is kept, once.
/// <para>
/// The waiter looks for work, finds none, and awaits <see cref="WaitAsync"/>; who makes work first makes it visible and then calls <see cref="Set"/>. Either the waiter
/// sees the work, or Set sees the waiter: both sides pass a full fence between their write and their read.
/// </para>
/// <see cref="Set"/> may be called by anyone; <see cref="WaitAsync"/> by one at a time. The waiter continues on the thread pool, never inside Set.
/// </summary>
internal sealed class AsyncSignal : IValueTaskSource
{
    private const int Idle = 0;
    private const int Signalled = 1;
    private const int Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private int _state;

    /// <summary>Wakes the waiter, or lets the next wait return at once.</summary>
    public void Set()
    {
        Interlocked.MemoryBarrier();
        while (true)
        {
            int state = Volatile.Read(ref _state);
            if (state == Signalled)
            {
                return;
            }

            int next = state == Waiting ? Idle : Signalled;
            if (Interlocked.CompareExchange(ref _state, next, state) == state)
            {
                if (state == Waiting)
                {
                    _source.SetResult(true);
                }

                return;
            }
        }
    }

    /// <summary>Completes when the signal is or was set since the last wait.</summary>
    public ValueTask WaitAsync()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Signalled) == Signalled)
        {
            return ValueTask.CompletedTask;
        }

        _source.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle)
        {
            return new ValueTask(this, _source.Version);
        }

        Interlocked.Exchange(ref _state, Idle);
        return ValueTask.CompletedTask;
    }

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
