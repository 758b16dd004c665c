using System.Globalization;

namespace FastChat.Storage;

/// <summary>
/// The files of the journal: those that can be used again, and the making of new ones. The first is small, each further one eight times as large up to the limit, so that a store that is hardly used
/// stays small. At most <see cref="SegmentsMax"/> exist: when all wait for their move into the tables, the committer waits, too.
/// <para>
/// A file is taken only when the disk has room for it and for everything that the tables are still owed (<see cref="DiskRoom"/>): so it is known before the first byte of a commit is written that
/// there will be no room for the rest.
/// </para>
/// <para>
/// A file keeps what it held until it is overwritten, long after its commits are in the tables. When that must not be, all files are renewed: those that exist are not used again, and
/// deleted as soon as nothing in them is needed; one that takes their place is ready before. Overwriting them was the other way: a file would be missing for as long as that takes, and the disk would
/// write as much.
/// </para>
/// <para>Threads: the committer takes; the mover prepares and gives back; the eraser renews.</para>
/// </summary>
internal sealed class SegmentPool(string directory, int bytesMin, int bytesMax, DiskRoom room) : IDisposable
{
    /// <summary>Files that may exist at once; with 32 MiB each, this bounds memory, disk and what a restart has to read.</summary>
    public const int SegmentsMax = 6;

    /// <summary>Files that are kept for the next use; one is taken while the other is being made ready.</summary>
    private const int SparesMax = 2;

    private const int Growth = 8;

    private readonly Lock _gate = new();
    private readonly Stack<JournalSegment> _spares = new();
    private readonly SemaphoreSlim _returned = new(0);
    private readonly HashSet<JournalSegment> _all = [];
    private long _generation;
    private int _nextBytes = bytesMin;
    private int _count;
    private long _bytesInUse;
    private long _nextName;
    private bool _isClosed;

    /// <summary>True when a file is ready that was made since the last renewal began.</summary>
    public bool HasFreshSpare
    {
        get
        {
            lock (_gate)
            {
                return HasFresh;
            }
        }
    }

    /// <summary>True when no file is left of before the last renewal.</summary>
    public bool IsRenewed
    {
        get
        {
            lock (_gate)
            {
                return _all.All(segment => segment.Generation == _generation);
            }
        }
    }

    /// <summary>True when the file was made since the last renewal began.</summary>
    public bool IsFresh(JournalSegment segment)
    {
        lock (_gate)
        {
            return segment.Generation == _generation;
        }
    }

    private bool HasFresh => _spares.TryPeek(out JournalSegment? spare) && spare.Generation == _generation;

    /// <summary>From now on no file that exists is used again after its commits are moved; says the renewal's number. The files are gone when <see cref="IsRenewed"/> says so. Not while the committer takes one.</summary>
    public long BeginRenewal()
    {
        lock (_gate)
        {
            return ++_generation;
        }
    }

    /// <summary>Takes over a file of an earlier process whose commits are in the tables; deletes it when it is not of use.</summary>
    public void Adopt(JournalSegment segment)
    {
        if (long.TryParse(Path.GetFileNameWithoutExtension(segment.Path), NumberStyles.None, CultureInfo.InvariantCulture, out long name))
        {
            _nextName = Math.Max(_nextName, name + 1);
        }

        _count++;
        _all.Add(segment);
        Keep(segment);
    }

    /// <summary>An empty file with room for a commit of so many bytes. Committer; waits while all files are in use.</summary>
    /// <param name="stop">Ends the waiting: why nothing will ever be given back.</param>
    /// <exception cref="StorageFullException">The disk has no room for it, or for what its commits become.</exception>
    public JournalSegment Take(long entryBytes, Func<Exception?> stop)
    {
        long needed = (2 * JournalHeader.Size) + JournalRecord.Alignment + JournalRecord.HeaderSize + entryBytes;
        while (true)
        {
            (string Path, int Bytes)? place = null;
            lock (_gate)
            {
                bool hasSpare = _spares.TryPeek(out JournalSegment? spare) && spare.Image.Length >= needed;
                bool mayMake = _count < SegmentsMax || needed > bytesMax;
                if (hasSpare || mayMake ? !HasRoomFor(needed, isMade: hasSpare) : room.IsShort)
                {
                    throw new StorageFullException("There is no room on the disk for further commits.");
                }

                if (hasSpare)
                {
                    _bytesInUse += spare!.Image.Length;
                    return _spares.Pop();
                }

                if (mayMake)
                {
                    place = Reserve(needed);
                    _bytesInUse += place.Value.Bytes;
                }
            }

            if (place is { } mine)
            {
                JournalSegment made = Make(mine, pause: TimeSpan.Zero, isInUse: true);
                lock (_gate)
                {
                    made.Generation = _generation;
                    _all.Add(made);
                }

                return made;
            }

            if (stop() is { } reason)
            {
                throw new StorageException($"No journal file is free: {reason.Message}", reason);
            }

            _returned.Wait(TimeSpan.FromMilliseconds(100));
        }
    }

    /// <summary>
    /// Makes a file ahead of need, so that the committer finds one, and looks whether the disk has room for it: so that its end is known while the file in use still has room for what is under way.
    /// Opening, then the mover.
    /// </summary>
    /// <param name="pause">Waited after each step of the filling.</param>
    /// <exception cref="StorageFullException">The disk was full nevertheless.</exception>
    public void Prepare(TimeSpan pause)
    {
        (string Path, int Bytes) place;
        lock (_gate)
        {
            bool isMade = HasFresh;
            if (!isMade && _count >= SegmentsMax)
            {
                DiscardStale();
            }

            if (_isClosed || (!isMade && _count >= SegmentsMax) || !HasRoomFor(isMade ? _spares.Peek().Image.Length : 0, isMade) || isMade)
            {
                return;
            }

            place = Reserve(needed: 0);
        }

        JournalSegment made = Make(place, pause, isInUse: false);
        lock (_gate)
        {
            made.Generation = _generation;
            _all.Add(made);
            _spares.Push(made);
            DiscardStale();
        }
    }

    /// <summary>Gives a file back that nobody looks at any more. Mover.</summary>
    public void Return(JournalSegment segment)
    {
        lock (_gate)
        {
            _bytesInUse -= segment.Image.Length;
        }

        Keep(segment);
    }

    /// <summary>Brings the deletions of files to stable storage.</summary>
    /// <exception cref="IOException">The directory could not be synced.</exception>
    public void SyncDeletions() => StableFile.SyncDirectory(directory);

    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            while (_spares.TryPop(out JournalSegment? spare))
            {
                spare.Dispose();
            }
        }
    }

    private void Keep(JournalSegment segment)
    {
        // Megabytes of slots: here, and not where the committer begins with it.
        segment.Index.Clear();
        lock (_gate)
        {
            if (segment.Image.Length == bytesMax && _spares.Count < SparesMax && segment.Generation == _generation && !_isClosed)
            {
                _nextBytes = bytesMax;
                _spares.Push(segment);
            }
            else
            {
                Discard(segment);
            }
        }

        _returned.Release();
    }

    /// <summary>Deletes the spares of before the last renewal. They lie below the fresh ones, so they are never taken while there is one.</summary>
    private void DiscardStale()
    {
        JournalSegment[] spares = [.. _spares];
        _spares.Clear();
        foreach (JournalSegment spare in spares.Reverse())
        {
            if (spare.Generation == _generation)
            {
                _spares.Push(spare);
            }
            else
            {
                Discard(spare);
            }
        }
    }

    private void Discard(JournalSegment segment)
    {
        segment.Dispose();
        File.Delete(segment.Path);
        _all.Remove(segment);
        _count--;
    }

    /// <summary>Room for what the files in use become in the tables, for the same of the next one, and for the file itself when there is none.</summary>
    private bool HasRoomFor(long needed, bool isMade)
    {
        long next = Math.Max(needed, isMade ? 0 : _nextBytes);
        return room.Has(_bytesInUse + next + (isMade ? 0 : next));
    }

    /// <summary>Makes the file of a place. When the disk is full in spite of what it said, the place is given back.</summary>
    private JournalSegment Make((string Path, int Bytes) place, TimeSpan pause, bool isInUse)
    {
        try
        {
            return JournalSegment.Create(place.Path, place.Bytes, pause);
        }
        catch (StorageFullException)
        {
            room.RanOut();
            lock (_gate)
            {
                _count--;
                _nextBytes = Math.Min(_nextBytes, place.Bytes);
                _bytesInUse -= isInUse ? place.Bytes : 0;
            }

            throw;
        }
    }

    private (string Path, int Bytes) Reserve(long needed)
    {
        // One that only takes the place of others is as large as they are: a store that erases often does not get large files from it.
        int replaced = _all.Where(segment => segment.Generation != _generation).Select(segment => Math.Min(segment.Image.Length, bytesMax)).DefaultIfEmpty().Max();
        int bytes = (int)Math.Max(needed, replaced == 0 ? _nextBytes : replaced);
        _nextBytes = replaced == 0 ? (int)Math.Min(bytesMax, (long)Growth * _nextBytes) : _nextBytes;
        _count++;
        return (Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{_nextName++:D8}.journal")), bytes);
    }
}
