namespace FastChat.Storage;

/// <summary>
/// Whether the disk has room for what the store has promised to write. A commit goes into a file that has its whole length already, so it cannot meet a full disk; what can is everything that
/// comes before and after: making a journal file, and bringing its commits into the tables. So the question is asked before a file is taken into use, and the answer covers both
/// (docs/decisions/0020-disk-full.md).
/// <para>Threads: the committer and the mover ask; anyone looks at <see cref="IsShort"/>.</para>
/// </summary>
/// <param name="freeBytes">Bytes that the file system would give us now.</param>
/// <param name="reserveBytes">What is left to RocksDB's own log, its flushes and merges.</param>
/// <param name="changed">Learns of each change of <see cref="IsShort"/>, with the bytes that are free. Asking threads; must not block.</param>
internal sealed class DiskRoom(Func<long> freeBytes, long reserveBytes, Action<bool, long>? changed)
{
    /// <summary>How long to wait before asking again, while there is none.</summary>
    public static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(250);

    private int _isShort;

    /// <summary>True from the first answer that there is no room until the first that there is.</summary>
    public bool IsShort => Volatile.Read(ref _isShort) != 0;

    /// <summary>Asks whether so many bytes may be written and the reserve stays.</summary>
    public bool Has(long bytes)
    {
        long free = freeBytes();
        bool has = free >= reserveBytes + bytes;
        Set(isShort: !has, free);
        return has;
    }

    /// <summary>The file system itself has said that there is none, whatever the figures say.</summary>
    public void RanOut() => Set(isShort: true, freeBytes());

    private void Set(bool isShort, long free)
    {
        int now = isShort ? 1 : 0;
        if (Interlocked.Exchange(ref _isShort, now) != now)
        {
            changed?.Invoke(isShort, free);
        }
    }
}
