namespace FastChat.Storage;

/// <summary>
/// The files of an open store as they were at one moment, in a directory of their own beside it (<c>outgoing</c>), from which a backup copies in its own time. Together they are what a process
/// that was killed at that moment would have left: the tables, and a journal that goes at least as far.
/// <para>
/// The order makes it so. First the journal's files are kept from being used again; then RocksDB links its tables, which holds small state of commits up to some number, but no message that is not
/// moved; then the journal is copied as far as it is durable now. A commit is in the journal before anything of it gets into the tables, so the journal has every commit that the tables know of,
/// and recovery, which applies the journal again, ends at its last one. Nobody waits for the copies: commits go on in the last journal file and in further ones, and only the moving into
/// the tables stands still for the moment.
/// </para>
/// Not thread-safe; disposing removes the files.
/// </summary>
internal sealed class StoreSnapshot : IDisposable
{
    private const string DirectoryName = "outgoing";
    private const string TablesName = "rocksdb";
    private const string JournalName = "journal";

    private readonly string _directory;

    private StoreSnapshot(string directory) => _directory = directory;

    /// <summary>The last commit in it.</summary>
    public ulong Commit { get; private set; }

    /// <summary>Removes what a process that ended left behind.</summary>
    public static void RemoveLeft(string dataDirectory)
    {
        string path = Path.Combine(dataDirectory, DirectoryName);
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Links the tables and copies the journal.</summary>
    /// <exception cref="StorageException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The log is closed.</exception>
    public static StoreSnapshot Take(string dataDirectory, RocksDbStore tables, SegmentMover mover)
    {
        RemoveLeft(dataDirectory);
        StoreSnapshot snapshot = new(Path.Combine(dataDirectory, DirectoryName)) { Commit = tables.MovedCommit };
        try
        {
            Directory.CreateDirectory(Path.Combine(snapshot._directory, JournalName));
            using (mover.KeepFiles())
            {
                tables.CreateCheckpoint(Path.Combine(snapshot._directory, TablesName));
                RecentView view = mover.Enter(snapshot);
                try
                {
                    snapshot.CopyJournal(view);
                }
                finally
                {
                    view.Leave();
                }
            }

            return snapshot;
        }
        catch
        {
            snapshot.Dispose();
            throw;
        }
    }

    /// <summary>Its files: where each lies, and the path that it has in a data directory.</summary>
    public IReadOnlyList<(string Source, string Path)> Files() =>
    [
        .. Directory.EnumerateFiles(_directory, "*", SearchOption.AllDirectories)
            .Select(source => (source, Path.GetRelativePath(_directory, source).Replace('\\', '/')))
            .OrderBy(file => file.Item2, StringComparer.Ordinal),
    ];

    public void Dispose()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    /// <summary>
    /// Copies every file of the journal as far as it is durable. Only the last one still grows, so the copies have no gap. A file's second head is left out: the first one will do, and there is
    /// nothing behind the last commit for which a reader would have to look.
    /// </summary>
    private void CopyJournal(RecentView view)
    {
        foreach (JournalSegment segment in view.Segments)
        {
            // Once: what is behind it was not synced when it was read, or not by then.
            int size = segment.Size;
            if (size <= JournalHeader.Size)
            {
                continue;
            }

            ReadOnlySpan<byte> durable = segment.Image.AsSpan(0, size);
            Commit = Math.Max(Commit, LastCommit(durable));
            using FileStream copy = new(Path.Combine(_directory, JournalName, Path.GetFileName(segment.Path)), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            copy.Write(durable);
        }
    }

    private static ulong LastCommit(ReadOnlySpan<byte> durable)
    {
        _ = JournalHeader.TryRead(durable, out JournalHeader header);
        ulong last = header.FirstCommit - 1;
        for (int offset = JournalHeader.Size; offset < durable.Length;)
        {
            if (!JournalRecord.TryRead(durable[offset..], header.Salt, out JournalRecord record))
            {
                throw new StorageException($"The journal's image in memory is damaged behind commit {last}.");
            }

            last = record.Commit;
            offset = JournalRecord.Aligned(offset + record.Size);
        }

        return last;
    }
}
