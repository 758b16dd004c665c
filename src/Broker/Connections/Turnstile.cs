using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

using FastChat.Shared;

namespace FastChat.Broker.Connections;

/// <summary>
/// Lets work of the thread pool through a few pieces at a time. What comes in crowds, signing in, teardown, reading the past, must not stand between a message and those who wait for it, whose
/// write loops use the same threads; and it must not have all processors. A piece goes on up to its next wait; between any few of them everybody else in the pool has a turn. Any thread.
/// <code>await turnstile; // goes on on a pool thread, in its turn</code>
/// </summary>
internal sealed class Turnstile : IThreadPoolWorkItem
{
    /// <summary>Pieces in a row: one piece is some ten microseconds, about as long as it takes to give a thread to somebody else.</summary>
    private const int PiecesInTurn = 4;

    private readonly int _width;
    private readonly ConcurrentQueue<Action> _waiting = new();
    private int _busy;

    /// <param name="width">Threads that may be at it at the same time.</param>
    public Turnstile(int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        _width = width;
    }

    /// <summary>For <c>await</c>.</summary>
    public Awaiter GetAwaiter() => new(this);

    void IThreadPoolWorkItem.Execute()
    {
        for (int i = 0; i < PiecesInTurn; i++)
        {
            if (!_waiting.TryDequeue(out Action? piece))
            {
                Interlocked.Decrement(ref _busy);

                // Who came in between saw us at work and relied on us.
                if (!_waiting.IsEmpty)
                {
                    Begin();
                }

                return;
            }

            piece();
        }

        Continuation.Queue(this);
    }

    private void Enter(Action piece)
    {
        _waiting.Enqueue(piece);
        Begin();
    }

    /// <summary>Sees to it that somebody is at work.</summary>
    private void Begin()
    {
        for (int busy = Volatile.Read(ref _busy); busy < _width;)
        {
            int found = Interlocked.CompareExchange(ref _busy, busy + 1, busy);
            if (found == busy)
            {
                Continuation.Queue(this);
                return;
            }

            busy = found;
        }
    }

    /// <summary>Waits for a turn, always.</summary>
    internal readonly struct Awaiter(Turnstile turnstile) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => turnstile.Enter(continuation);

        public void UnsafeOnCompleted(Action continuation) => turnstile.Enter(continuation);
    }
}
