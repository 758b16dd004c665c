using FastChat.Shared;

namespace FastChat.Storage;

/// <summary>
/// The journal files in use, and the thread that empties them: full ones go into the tables, oldest first, leave the view of readers, and are used again. A move for which the disk has no room is
/// repeated until there is: meanwhile what is to be moved stays where it is durable and served.
/// <para>Threads: <see cref="Extend"/> by the committer; <see cref="Enter"/> by anyone; the rest happens on the mover's own thread.</para>
/// </summary>
internal sealed class SegmentMover : IDisposable
{
    private static readonly RecentView s_closed = Closed();
    private static readonly TimeSpan s_fillPause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan s_pauseMin = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_pauseMax = TimeSpan.FromMilliseconds(20);

    /// <summary>How often an idle mover looks whether the disk still has room for the next file: others write on it, too.</summary>
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);

    private readonly SegmentPool _pool;
    private readonly DiskRoom _room;
    private readonly TableMover _tables;
    private readonly Action<Exception> _failed;
    private readonly Thread _thread;
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly ManualResetEventSlim _idle = new(initialState: true);
    private readonly Lock _gate = new();
    private readonly Lock _keeping = new();
    private readonly List<RecentView> _replaced = [];
    private readonly Queue<JournalSegment> _full = new();
    private RecentView _view = new();
    private JournalSegment? _moving;
    private TimeSpan _filledIn;
    private bool _hurry;
    private bool _stopping;

    /// <param name="failed">Learns that nothing can be moved any more. Mover's thread.</param>
    public SegmentMover(RocksDbStore store, SegmentPool pool, DiskRoom room, Action<Exception> failed)
    {
        _pool = pool;
        _room = room;
        _tables = new TableMover(store, Pause);
        _failed = failed;
        _thread = new Thread(Run) { Name = "fastchat-mover", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The view of the moment, entered; the caller leaves it.</summary>
    /// <exception cref="ObjectDisposedException">The log is closed.</exception>
    public RecentView Enter(object owner)
    {
        while (true)
        {
            RecentView view = Volatile.Read(ref _view);
            if (view.TryEnter())
            {
                return view;
            }

            ObjectDisposedException.ThrowIf(ReferenceEquals(view, s_closed), owner);
        }
    }

    /// <summary>
    /// Until this scope ends, no file leaves the view or is used again: what the tables have at its beginning and what the view has at its end is everything. Moving stands still when
    /// the file under way is done, and commits when all files are full, so it is for moments.
    /// </summary>
    public Lock.Scope KeepFiles() => _keeping.EnterScope();

    /// <summary>Adds a file that commits go to from now on, and has the one before it moved. Committer.</summary>
    public void Extend(JournalSegment? full, JournalSegment? next)
    {
        lock (_gate)
        {
            if (next is not null)
            {
                Replace(new RecentView([.. _view.Segments, next]));
            }

            if (full is not null)
            {
                _idle.Reset();
                _full.Enqueue(full);
            }
        }

        _wake.Set();
    }

    /// <summary>Has the mover look at once whether the pool needs something. Any thread.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Waits until everything given up to now is moved.</summary>
    /// <exception cref="StorageFullException">The disk has no room for it; it will be moved later.</exception>
    public void WaitUntilIdle()
    {
        Volatile.Write(ref _hurry, true);
        try
        {
            while (!_idle.Wait(DiskRoom.Poll))
            {
                if (_room.IsShort)
                {
                    throw new StorageFullException("There is no room on the disk to bring commits into the tables.");
                }
            }
        }
        finally
        {
            Volatile.Write(ref _hurry, false);
        }
    }

    /// <summary>Moves what was given, as far as the disk has room, ends the thread, and returns when no reader is inside any more; later ones are refused.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _stopping, true);
        Volatile.Write(ref _hurry, true);
        _wake.Set();
        _thread.Join();
        lock (_gate)
        {
            Replace(s_closed);
        }

        CloseReplaced();
        _wake.Dispose();
        _idle.Dispose();
    }

    private static RecentView Closed()
    {
        RecentView view = new();
        view.Close();
        return view;
    }

    /// <summary>
    /// How long to wait after each step of a move: it takes at most half the time in which the next file fills, and has the device for itself for no longer than a step. No wait when more
    /// waits already.
    /// </summary>
    private TimeSpan Pause()
    {
        lock (_gate)
        {
            if (_full.Count > 1 || Volatile.Read(ref _hurry))
            {
                return TimeSpan.Zero;
            }
        }

        TimeSpan pause = _filledIn * SortedFile.StepBytes / 2 / _moving!.Size;
        return pause < s_pauseMin ? TimeSpan.Zero : pause > s_pauseMax ? s_pauseMax : pause;
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                bool hasMoved = TryWork();
                if (!hasMoved && Volatile.Read(ref _stopping))
                {
                    // Also with something left that has no room: it is in the journal, and the next start moves it.
                    _idle.Set();
                    return;
                }

                if (!hasMoved)
                {
                    _wake.WaitOne(_room.IsShort ? DiskRoom.Poll : s_lookEvery);
                }
            }
        }
        catch (Exception failure)
        {
            _failed(failure);
            _idle.Set();
        }
    }

    /// <summary>Looks after the next file and moves the oldest full one; false when there is none, or no room.</summary>
    private bool TryWork()
    {
        try
        {
            _pool.Prepare(s_fillPause);
            if (Peek() is not { } segment)
            {
                return false;
            }

            _moving = segment;
            _filledIn = TimeSpan.FromMilliseconds(Environment.TickCount64 - segment.BeganAt);
            _tables.Move(segment);
            Remove(segment);
            Failpoint.Reach("move-removed");
            _pool.Return(segment);
            Failpoint.Reach("move-returned");
            TellIfIdle();
            return true;
        }
        catch (StorageFullException)
        {
            _room.RanOut();
            return false;
        }
    }

    private JournalSegment? Peek()
    {
        lock (_gate)
        {
            return _full.TryPeek(out JournalSegment? segment) ? segment : null;
        }
    }

    private void Remove(JournalSegment segment)
    {
        lock (_keeping)
        {
            lock (_gate)
            {
                _full.Dequeue();
                Replace(new RecentView([.. _view.Segments.ToArray().Where(other => other != segment)]));
            }
        }

        CloseReplaced();
    }

    private void TellIfIdle()
    {
        lock (_gate)
        {
            if (_full.Count == 0)
            {
                _idle.Set();
            }
        }
    }

    private void Replace(RecentView view)
    {
        _replaced.Add(_view);
        Volatile.Write(ref _view, view);
    }

    /// <summary>Returns when nobody is inside a replaced view any more.</summary>
    private void CloseReplaced()
    {
        RecentView[] left;
        lock (_gate)
        {
            left = [.. _replaced];
            _replaced.Clear();
        }

        foreach (RecentView view in left)
        {
            view.Close();
        }
    }
}
