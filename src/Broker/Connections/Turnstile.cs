using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

using FastChat.Shared;

namespace FastChat.Broker.Connections;

/// <summary>
/// Lets work of the thread pool through a few pieces at a time. What comes in crowds, signing in, teardown, reading the past, must not stand between a message and those who wait for it, whose
/// write loops use the same threads; and it must not have all processors. A piece goes on up to its next wait; between any few of them everybody else in the pool has a turn. Any thread.
/// <code>await turnstile; // goes on on a pool thread, in its turn</code>
/// There may be several lanes: a piece has its turn when no lane before its own has one waiting. How long a newcomer would wait is measured and not set: from what those who have come through waited, and how many stood before them.
/// </summary>
internal sealed class Turnstile : IThreadPoolWorkItem
{
    /// <summary>Pieces in a row: one piece is some ten microseconds, about as long as it takes to give a thread to somebody else.</summary>
    private const int PiecesInTurn = 4;

    /// <summary>Behind fewer than so many a wait says more of the pool than of the crowd.</summary>
    private const int MeasuredBehind = 16;

    private readonly int _width;
    private readonly TimeProvider _clock;
    private readonly Lane[] _lanes;
    private long _ticksOfPiece;
    private int _busy;

    /// <param name="width">Threads that may be at it at the same time.</param>
    /// <param name="clock">What waits are measured with.</param>
    /// <param name="lanes">Lanes, at least one.</param>
    public Turnstile(int width, TimeProvider clock, int lanes = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lanes);
        _width = width;
        _clock = clock;
        _lanes = [.. Enumerable.Range(0, lanes).Select(static _ => new Lane())];
    }

    /// <summary>Pieces that wait.</summary>
    public int Waiting => _lanes.Sum(static lane => Volatile.Read(ref lane.Length));

    /// <summary>True while so many wait that the time of one of them says something.</summary>
    public bool IsCrowded => Waiting >= MeasuredBehind;

    /// <summary>For <c>await</c> in the first lane.</summary>
    public Awaiter GetAwaiter() => new(this, 0);

    /// <summary>For <c>await</c> in a lane.</summary>
    public Entrance In(int lane) => new(this, lane);

    /// <summary>How long a piece that came now would wait in a lane, as far as the present crowd has shown; zero while there is none.</summary>
    public TimeSpan ExpectedWait(int lane) => new((long)((double)Ahead(lane) * Volatile.Read(ref _ticksOfPiece) / _clock.TimestampFrequency * TimeSpan.TicksPerSecond));

    void IThreadPoolWorkItem.Execute()
    {
        for (int i = 0; i < PiecesInTurn; i++)
        {
            if (!TryDequeue(out Piece piece))
            {
                Interlocked.Decrement(ref _busy);

                // Who came in between saw us at work and relied on us.
                if (Array.Exists(_lanes, static lane => !lane.Pieces.IsEmpty))
                {
                    Begin();
                }

                return;
            }

            Measure(piece);
            piece.Go();
        }

        Continuation.Queue(this);
    }

    private void Enter(int lane, Action go)
    {
        int ahead = Ahead(lane);
        Interlocked.Increment(ref _lanes[lane].Length);
        _lanes[lane].Pieces.Enqueue(new Piece(go, _clock.GetTimestamp(), ahead));
        Begin();
    }

    private bool TryDequeue(out Piece piece)
    {
        foreach (Lane lane in _lanes)
        {
            if (lane.Pieces.TryDequeue(out piece))
            {
                Interlocked.Decrement(ref lane.Length);
                return true;
            }
        }

        // With the crowd goes what it has taught: the next one may come to a machine that has nothing else to do.
        Volatile.Write(ref _ticksOfPiece, 0);
        piece = default;
        return false;
    }

    private void Measure(in Piece piece)
    {
        if (piece.Ahead < MeasuredBehind)
        {
            return;
        }

        long one = (_clock.GetTimestamp() - piece.Since) / piece.Ahead;
        long known = Volatile.Read(ref _ticksOfPiece);
        Volatile.Write(ref _ticksOfPiece, known == 0 ? one : known + ((one - known) / 16));
    }

    private int Ahead(int lane)
    {
        int ahead = 0;
        for (int i = 0; i <= lane; i++)
        {
            ahead += Volatile.Read(ref _lanes[i].Length);
        }

        return ahead;
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

    /// <summary>A lane, to be awaited.</summary>
    internal readonly struct Entrance(Turnstile turnstile, int lane)
    {
        public Awaiter GetAwaiter() => new(turnstile, lane);
    }

    /// <summary>Waits for a turn, always.</summary>
    internal readonly struct Awaiter(Turnstile turnstile, int lane) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => turnstile.Enter(lane, continuation);

        public void UnsafeOnCompleted(Action continuation) => turnstile.Enter(lane, continuation);
    }

    /// <summary>What waits, since when, and behind how many.</summary>
    private readonly record struct Piece(Action Go, long Since, int Ahead);

    private sealed class Lane
    {
        public readonly ConcurrentQueue<Piece> Pieces = new();
        public int Length;
    }
}
