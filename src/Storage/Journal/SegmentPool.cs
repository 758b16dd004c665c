using System.Globalization;

namespace FastChat.Storage;

/// <summary>
/// The files of the journal: those that can be used again, and the making of new ones. The first is small, each further one eight times as large up to the limit, so that a store that is hardly used
/// stays small. At most <see cref="SegmentsMax"/> exist: when all wait for their move into the tables, the committer waits, too.
/// <para>
/// A file is taken only when the disk has room for it and for everything that the tables are still owed (<see cref="DiskRoom"/>): so it is known before the first byte of a commit is written that
/// there will be no room for the rest.
/// </para>
/// <para>Threads: the committer takes; the mover prepares and gives back.</para>
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
    private int _nextBytes = bytesMin;
    private int _count;
    private long _bytesInUse;
    private long _nextName;
    private bool _isClosed;

    /// <summary>Takes over a file of an earlier process whose commits are in the tables; deletes it when it is not of use.</summary>
    public void Adopt(JournalSegment segment)
    {
        if (long.TryParse(Path.GetFileNameWithoutExtension(segment.Path), NumberStyles.None, CultureInfo.InvariantCulture, out long name))
        {
            _nextName = Math.Max(_nextName, name + 1);
        }

        _count++;
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
                return Make(mine, pause: TimeSpan.Zero, isInUse: true);
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
            bool isMade = _spares.Count > 0;
            if (_isClosed || (!isMade && _count >= SegmentsMax) || !HasRoomFor(isMade ? _spares.Peek().Image.Length : 0, isMade) || isMade)
            {
                return;
            }

            place = Reserve(needed: 0);
        }

        JournalSegment made = Make(place, pause, isInUse: false);
        lock (_gate)
        {
            _spares.Push(made);
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
            if (segment.Image.Length == bytesMax && _spares.Count < SparesMax && !_isClosed)
            {
                _nextBytes = bytesMax;
                _spares.Push(segment);
            }
            else
            {
                segment.Dispose();
                File.Delete(segment.Path);
                _count--;
            }
        }

        _returned.Release();
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
        int bytes = (int)Math.Max(needed, _nextBytes);
        _nextBytes = (int)Math.Min(bytesMax, (long)Growth * _nextBytes);
        _count++;
        return (Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{_nextName++:D8}.journal")), bytes);
    }
}
