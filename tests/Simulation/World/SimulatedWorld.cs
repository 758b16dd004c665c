namespace FastChat.Simulation;

/// <summary>
/// Virtual time and everything that will happen in it. Processes give it work: when it is due, or somebody's turn among what is due, decides the seed; then it runs, on the one thread there is, up
/// to its next wait. Between two pieces of work time jumps. So a seed is a whole run: the same orderings, the same faults, and the same defect.
/// <para>
/// What a piece takes is not simulated, but that it takes a while is: most pieces come a few microseconds after they became possible, some much later, so that everything that can overtake something
/// else does so under some seed.
/// </para>
/// One thread.
/// </summary>
internal sealed class SimulatedWorld
{
    /// <summary>Work done in a row without virtual time going on by this much: somebody waits for nothing, or for itself.</summary>
    private const int PiecesInMomentMax = 2_000_000;

    private readonly PriorityQueue<Piece, (long At, ulong Turn)> _agenda = new();
    private readonly Chance _turns;
    private readonly int _slownessNs;
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _pieces;
    private volatile bool _isOver;
    private volatile string? _escaped;
    private ulong _digest = 14695981039346656037;

    /// <param name="seed">What all of it comes from.</param>
    public SimulatedWorld(ulong seed)
    {
        Seed = seed;
        Chance = new Chance(seed);
        _turns = Chance.Split();
        _slownessNs = (int)Chance.Span(TimeSpan.FromMicroseconds(1), TimeSpan.FromMilliseconds(2)).TotalNanoseconds;
        Clock = new SimulatedClock(this, null);
    }

    /// <summary>The seed.</summary>
    public ulong Seed { get; }

    /// <summary>For those who make the world and its fate.</summary>
    public Chance Chance { get; }

    /// <summary>Nanoseconds since the beginning.</summary>
    public long Now { get; private set; }

    /// <summary>The true time, which no process has for certain.</summary>
    public SimulatedClock Clock { get; }

    /// <summary>Pieces of work done.</summary>
    public long Pieces => _pieces;

    /// <summary>A number for everything that happened, in its order: two runs with the same one were the same run.</summary>
    public ulong Digest => _digest;

    /// <summary>What must not happen in any world: exceptions that nobody caught, defects that the broker reports.</summary>
    public List<string> Defects { get; } = [];

    /// <summary>Processes that were made; the number of the next one.</summary>
    public int Processes { get; set; }

    /// <summary>Does it soon, in its turn.</summary>
    public void Post(SimulatedProcess process, SendOrPostCallback work, object? state)
    {
        if (MayAct(process))
        {
            Schedule(process, Now + Hesitation(), work, state);
        }
    }

    /// <summary>Does it at a time.</summary>
    public void Schedule(SimulatedProcess process, long at, SendOrPostCallback work, object? state)
    {
        if (MayAct(process))
        {
            _agenda.Enqueue(new Piece(process, work, state), (Math.Max(at, Now), _turns.Next()));
        }
    }

    /// <summary>Nothing happens any more.</summary>
    public void End()
    {
        _isOver = true;
        if (_escaped is { } escaped)
        {
            Defects.Add(escaped);
        }
    }

    /// <summary>Lets the world go on until <paramref name="isOver"/>, or until <paramref name="end"/>; false when it was the second.</summary>
    /// <param name="end">Nanoseconds since the beginning.</param>
    public bool Run(long end, Func<bool> isOver)
    {
        long moment = Now;
        long before = _pieces;
        while (!isOver())
        {
            if (!_agenda.TryPeek(out _, out (long At, ulong Turn) due) || due.At > end)
            {
                Now = end;
                return false;
            }

            Piece piece = _agenda.Dequeue();
            if (piece.Process.SleepsUntil > due.At)
            {
                _agenda.Enqueue(piece, (piece.Process.SleepsUntil, due.Turn));
                continue;
            }

            Now = due.At;
            if (Now - moment > 1_000_000)
            {
                moment = Now;
                before = _pieces;
            }
            else if (_pieces - before > PiecesInMomentMax)
            {
                Defects.Add($"{PiecesInMomentMax} pieces of work within a millisecond: {piece.Process.Name} goes round in circles");
                return false;
            }

            if (piece.Process.IsAlive)
            {
                _pieces++;
                _digest = (_digest ^ (ulong)due.At ^ ((ulong)piece.Process.Number << 56)) * 1099511628211;
                piece.Process.Run(piece.Work, piece.State);
            }
        }

        return true;
    }

    /// <summary>
    /// False for the dead. Their garbage has finalizers, a timer's for one, which end waits on another thread: nothing comes of that. Anything else that comes from another thread is a part of the code
    /// that has escaped from the world, and the seed with it.
    /// </summary>
    private bool MayAct(SimulatedProcess process)
    {
        if (!process.IsAlive || _isOver)
        {
            return false;
        }

        if (Environment.CurrentManagedThreadId == _thread)
        {
            return true;
        }

        _escaped = $"{process.Name} runs on a thread of its own: {Environment.StackTrace}";
        return false;
    }

    /// <summary>What passes before somebody gets round to something.</summary>
    private long Hesitation()
    {
        ulong draw = _turns.Next();
        int most = (draw & 15) == 0 ? 20 * _slownessNs : _slownessNs;
        return (long)Math.BigMul(draw, (ulong)most, out _);
    }

    private readonly record struct Piece(SimulatedProcess Process, SendOrPostCallback Work, object? State);
}
