using System.Threading.Tasks.Sources;

namespace FastChat.Shared;

/// <summary>
/// An auto-reset signal with one waiter that allocates nothing: any thread raises it, the loop that owns it waits. The waiter continues on the thread pool, unless the caller offers its own thread.
/// </summary>
internal sealed class AsyncSignal : IValueTaskSource
{
    private SignalCore _core;

    /// <summary>Wakes the waiter, or lets its next wait return at once. Any thread.</summary>
    public void Raise() => _core.Raise(runHere: false);

    /// <summary>As <see cref="Raise"/>, but the waiter goes on within this call (<see cref="SignalCore.Raise"/>).</summary>
    public void RaiseHere() => _core.Raise(runHere: true);

    /// <summary>Completes when the signal is raised and resets it. One waiter at a time.</summary>
    public ValueTask WaitAsync() => _core.TryTakeOrWait() ? ValueTask.CompletedTask : new ValueTask(this, _core.Version);

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
