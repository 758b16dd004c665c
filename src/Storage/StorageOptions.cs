namespace FastChat.Storage;

/// <summary>Where and how a store is kept. The defaults suit a machine with two cores that also serves 18,000 sockets.</summary>
public sealed record StorageOptions
{
    /// <summary>The data directory; made when absent.</summary>
    public required string Directory { get; init; }

    /// <summary>
    /// The operator's word that acknowledged records which are missing may stay missing: instead of refusing, opening begins a new epoch.
    /// </summary>
    public bool AcceptLoss { get; init; }

    /// <summary>Bytes of blocks, indexes and filters kept in memory.</summary>
    public long BlockCacheBytes { get; init; } = 128L << 20;

    /// <summary>Bytes of unflushed small state before RocksDB flushes it.</summary>
    public long WriteBufferBytes { get; init; } = 16L << 20;

    /// <summary>Bytes of the first journal file; each further one is eight times as large, up to <see cref="JournalFileBytesMax"/>.</summary>
    public int JournalFileBytesMin { get; init; } = 1 << 20;

    /// <summary>
    /// Bytes of a journal file in the steady state. Files and their images in memory: one is written, one or two wait for their move into the tables, one is ready; six exist at most, and
    /// a restart reads what of them was not moved.
    /// </summary>
    public int JournalFileBytesMax { get; init; } = 32 << 20;

    /// <summary>Bytes of the filter that spares a look into the dedupe table for new publishes: one and a half per message stored, at most so many; beyond it the table is asked.</summary>
    public long DedupeFilterBytes { get; init; } = 256L << 20;

    /// <summary>Table files that may be open at once: most of a process's 20,000 descriptors belong to sockets.</summary>
    public int OpenFilesMax { get; init; } = 1000;

    /// <summary>Background threads for flushes and compactions.</summary>
    public int BackgroundJobsMax { get; init; } = 2;

    /// <summary>How often the witness is brought to stable storage, at most (<see cref="CommitWitness"/>).</summary>
    public TimeSpan WitnessSyncInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Bytes of the disk that stay free: for RocksDB's own log, its flushes and merges. Below it, and below what the journal still has to bring into the tables, no further journal file is begun and
    /// commits wait (<see cref="IConversationLog.IsFull"/>).
    /// </summary>
    public long DiskReserveBytes { get; init; } = 64L << 20;

    /// <summary>How long records that are noted to be erased wait at most before the store's files are rid of them; then many go at once. Reads give tombstones from the beginning.</summary>
    public TimeSpan EraseDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>So many waiting records do not wait any longer.</summary>
    public int EraseWaitingMax { get; init; } = 4096;

    /// <summary>How often it is looked whether half of what attachments take on the disk is garbage.</summary>
    public TimeSpan LargeValuesInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Learns that there is no room on the disk any more (true), or again (false), and how many bytes are free. Threads of the log; must not block.</summary>
    public Action<bool, long>? RoomChanged { get; init; }

    /// <summary>The keys of the bodies, when they are encrypted; the caller's, who closes it after the log. Without it a store that has a vault cannot be opened.</summary>
    public KeyVault? Vault { get; init; }

    /// <summary>Bytes that the file system of a directory would give; the system's answer when absent.</summary>
    internal Func<string, long>? FreeBytes { get; init; }

    /// <summary>Checks the values against one another.</summary>
    /// <exception cref="ArgumentException">A value makes no sense; the message says which.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Directory);
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockCacheBytes, 1L << 20);
        ArgumentOutOfRangeException.ThrowIfLessThan(WriteBufferBytes, 1L << 20);
        ArgumentOutOfRangeException.ThrowIfLessThan(JournalFileBytesMin, 64 << 10);
        ArgumentOutOfRangeException.ThrowIfLessThan(JournalFileBytesMax, JournalFileBytesMin);
        ArgumentOutOfRangeException.ThrowIfNegative(DedupeFilterBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(DedupeFilterBytes, 8L << 30);
        ArgumentOutOfRangeException.ThrowIfNegative(DiskReserveBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(OpenFilesMax, 64);
        ArgumentOutOfRangeException.ThrowIfLessThan(BackgroundJobsMax, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(EraseDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(EraseDelay, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(EraseWaitingMax, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(LargeValuesInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(LargeValuesInterval, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(WitnessSyncInterval, TimeSpan.Zero);
    }
}
