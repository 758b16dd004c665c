using System.Collections.Concurrent;

using FastChat.Shared;

namespace FastChat.Client;

/// <summary>Who waits until the publishes of a moment are answered. Thread-safe; <see cref="OnReleased"/> is the read loop's.</summary>
internal sealed class FlushWaiters
{
    private readonly ConcurrentQueue<(long Number, TaskCompletionSource Completion)> _waiters = new();
    private readonly SendQueue _sends;
    private ClientException? _ended;

    public FlushWaiters(SendQueue sends) => _sends = sends;

    public Task WaitAsync(CancellationToken cancellationToken)
    {
        long number = _sends.AppendedNumber;
        if (_sends.OldestNumber >= number)
        {
            return Task.CompletedTask;
        }

        TaskCompletionSource completion = new(Continuation.Asynchronously);
        _waiters.Enqueue((number, completion));

        // The last answer, or the end, may have come between the first look and the queueing; a waiter that is completed here stays in the queue and harms nobody.
        Interlocked.MemoryBarrier();
        if (_sends.OldestNumber >= number)
        {
            completion.TrySetResult();
        }
        else if (Volatile.Read(ref _ended) is { } error)
        {
            completion.TrySetException(error);
        }

        return completion.Task.WaitAsync(cancellationToken);
    }

    public void OnReleased()
    {
        while (_waiters.TryPeek(out (long Number, TaskCompletionSource Completion) waiter) && _sends.OldestNumber >= waiter.Number)
        {
            waiter.Completion.TrySetResult();
            _waiters.TryDequeue(out _);
        }
    }

    public void FailAll(ClientException error)
    {
        Interlocked.Exchange(ref _ended, error);
        while (_waiters.TryDequeue(out (long Number, TaskCompletionSource Completion) waiter))
        {
            waiter.Completion.TrySetException(error);
        }
    }
}
