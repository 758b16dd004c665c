namespace FastChat.History;

/// <summary>
/// Several histories as one, in the order of time: every check becomes one pass. Events of the same nanosecond come in any order between files, and in the order of
/// their lines inside a file; who compares times across processes therefore compares strictly.
/// </summary>
internal sealed class MergedHistory : IDisposable
{
    private readonly HistoryReader[] _readers;
    private readonly HistoryEvent[] _heads;
    private readonly PriorityQueue<int, long> _waiting = new();
    private int _current = -1;
    private long _currentUntil;

    /// <summary>Merges what the readers read; disposes them.</summary>
    public MergedHistory(IReadOnlyList<HistoryReader> readers)
    {
        _readers = [.. readers];
        _heads = new HistoryEvent[_readers.Length];
        for (int i = 0; i < _readers.Length; i++)
        {
            if (_readers[i].TryRead(out _heads[i]))
            {
                _waiting.Enqueue(i, _heads[i].TimeNs);
            }
        }
    }

    /// <summary>Names of the files.</summary>
    public string[] Names => [.. _readers.Select(static reader => reader.Name)];

    /// <summary>Files whose last line is torn, known at the end.</summary>
    public int TornFiles => _readers.Count(static reader => reader.IsTorn);

    /// <summary>The next event; false at the end.</summary>
    /// <param name="e">The event.</param>
    /// <param name="place">Where it stands.</param>
    public bool TryRead(out HistoryEvent e, out Place place)
    {
        // A file goes on for as long as its next event is not later than every other file's.
        if (_current >= 0)
        {
            if (!_readers[_current].TryRead(out _heads[_current]))
            {
                _current = -1;
            }
            else if (_heads[_current].TimeNs > _currentUntil)
            {
                _waiting.Enqueue(_current, _heads[_current].TimeNs);
                _current = -1;
            }
        }

        if (_current < 0)
        {
            if (!_waiting.TryDequeue(out _current, out _))
            {
                _current = -1;
                e = default;
                place = default;
                return false;
            }

            _currentUntil = _waiting.TryPeek(out _, out long next) ? next : long.MaxValue;
        }

        e = _heads[_current];
        place = new Place(_current, _readers[_current].Line);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (HistoryReader reader in _readers)
        {
            reader.Dispose();
        }
    }
}

/// <summary>File and line of an event, in eight bytes; the default names none.</summary>
internal readonly record struct Place
{
    private const int LineBits = 44;

    private readonly ulong _packed;

    public Place(int file, long line) => _packed = ((ulong)file << LineBits) | (ulong)line;

    public bool IsNone => _packed == 0;

    public int File => (int)(_packed >> LineBits);

    public long Line => (long)(_packed & ((1UL << LineBits) - 1));
}
