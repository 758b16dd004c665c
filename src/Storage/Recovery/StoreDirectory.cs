using FastChat.Shared;

namespace FastChat.Storage;

/// <summary>
/// An open data directory: the lock, the format marker, the tables, the journal and the witness, taken in this order and given back in the
/// reverse one. The files are made in an order that leaves a directory which opens, wherever making it was cut off: marker, witness,
/// database. Hence a database without a marker or witness is damage, while a marker alone is a beginning.
/// <code>
///  DIRECTORY/lock       held while open
///  DIRECTORY/format     StoreFormat
///  DIRECTORY/witness    CommitWitness
///  DIRECTORY/rocksdb/   the tables
///  DIRECTORY/incoming/  files on their way into the tables
///  DIRECTORY/journal/   JournalSegment: commits that may not be in the tables yet
///  DIRECTORY/outgoing/  StoreSnapshot: files on their way into a backup
/// </code>
/// Opening brings what the journal holds into the tables first: a store in service begins with an empty journal.
/// </summary>
internal sealed class StoreDirectory : IDisposable
{
    private const string JournalName = "journal";

    private readonly DirectoryLock _lock;
    private uint _version;

    private StoreDirectory(string path, DirectoryLock directoryLock, RocksDbStore tables, StoreFormat format, ulong commitNumber)
    {
        Path = path;
        _lock = directoryLock;
        Tables = tables;
        Epoch = format.Epoch;
        _version = format.Version;
        CommitNumber = commitNumber;
    }

    /// <summary>Its absolute path.</summary>
    public string Path { get; }

    public RocksDbStore Tables { get; }

    public uint Epoch { get; }

    /// <summary>The version that the marker says. It only grows.</summary>
    public uint Version => Volatile.Read(ref _version);

    /// <summary>The number of the last commit that recovery found.</summary>
    public ulong CommitNumber { get; }

    /// <summary>What is damaged in the journal of a store under maintenance; null when nothing is.</summary>
    public string? JournalDamage { get; private init; }

    /// <summary>Kept by a store in service; a store under maintenance has none.</summary>
    public CommitWitness Witness { get; private init; } = null!;

    /// <summary>Whether the disk of a store in service has room; null under maintenance.</summary>
    public DiskRoom Room { get; private init; } = null!;

    /// <summary>The files that the journal of a store in service uses; null under maintenance.</summary>
    public SegmentPool Journal { get; private init; } = null!;

    /// <summary>Opens a store for service: everything acknowledged is there, or it is refused.</summary>
    public static StoreDirectory Open(StorageOptions options, TimeProvider time) =>
        WithLock(options, (directory, directoryLock) => OpenForService(options, directory, directoryLock, time));

    /// <summary>
    /// Opens a store to look at it: nothing is made, no witness is kept, and a loss is for the caller to report. The only thing that may change is where a commit is found:
    /// what a process that ended left in a sound journal is brought into the tables.
    /// </summary>
    public static StoreDirectory OpenForMaintenance(StorageOptions options, bool writable)
    {
        if (!Directory.Exists(options.Directory))
        {
            throw new StoreOpenException($"The data directory {options.Directory} does not exist.");
        }

        return WithLock(options, (directory, directoryLock) =>
        {
            StoreFormat format = StoreFormat.Read(directory)
                ?? throw new StoreOpenException($"The data directory {directory} holds no FastChat store.");
            if (!RocksDbStore.ExistsIn(directory))
            {
                throw new StoreOpenException($"The data directory {directory} holds no database.");
            }

            RocksDbStore tables = RocksDbStore.Open(options, directory, writable);
            JournalReader journal = JournalReader.Read(System.IO.Path.Combine(directory, JournalName), tables.MovedCommit);
            try
            {
                if (journal.Live.Count > 0 && journal.Damage is null)
                {
                    if (!writable)
                    {
                        tables.Dispose();
                        tables = RocksDbStore.Open(options, directory, writable: true);
                    }

                    JournalReplay.Run(tables, journal);
                }
            }
            catch
            {
                tables.Dispose();
                throw;
            }
            finally
            {
                journal.Close();
            }

            return new StoreDirectory(directory, directoryLock, tables, format, journal.LastCommit) { JournalDamage = journal.Damage };
        });
    }

    /// <summary>Raises the marker before something is written that programs of earlier versions would misread. Committer.</summary>
    /// <exception cref="StorageFullException">There is no room for it.</exception>
    public void RequireVersion(uint version)
    {
        if (_version >= version)
        {
            return;
        }

        try
        {
            new StoreFormat(version, Epoch).Write(Path);
        }
        catch (IOException failure) when (StorageFullException.IsCause(failure))
        {
            throw new StorageFullException($"There is no room for the format marker: {failure.Message}", failure);
        }

        Failpoint.Reach("format-raised");
        Volatile.Write(ref _version, version);
    }

    public void Dispose()
    {
        Witness?.Dispose();
        Journal?.Dispose();
        Tables.Dispose();
        _lock.Dispose();
    }

    private static StoreDirectory WithLock(StorageOptions options, Func<string, DirectoryLock, StoreDirectory> open)
    {
        options.Validate();
        string directory = System.IO.Path.GetFullPath(options.Directory);
        DirectoryLock? directoryLock = null;
        try
        {
            StableFile.CreateDirectory(directory);
            directoryLock = DirectoryLock.Acquire(directory);
            return open(directory, directoryLock);
        }
        catch (Exception failure)
        {
            directoryLock?.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
            {
                throw new StoreOpenException($"The data directory {directory} cannot be used: {failure.Message}", failure);
            }

            throw;
        }
    }

    private static StoreDirectory OpenForService(StorageOptions options, string directory, DirectoryLock directoryLock, TimeProvider time)
    {
        bool exists = RocksDbStore.ExistsIn(directory);
        StoreFormat format = ReadOrBegin(directory, exists);
        bool witnessed = CommitWitness.TryRead(directory, out _, out ulong promised);
        if (!witnessed && !exists)
        {
            CommitWitness.Create(directory, format.Epoch, 0);
            witnessed = true;
        }

        if (!exists && promised > 0 && !options.AcceptLoss)
        {
            throw Loss(directory, $"its database is gone, though {promised} commits were acknowledged");
        }

        StoreSnapshot.RemoveLeft(directory);
        StableFile.CreateDirectory(RocksDbStore.PathIn(directory));
        RocksDbStore tables = RocksDbStore.Open(options, directory, writable: true);
        CommitWitness? witness = null;
        JournalReader? journal = null;
        try
        {
            StableFile.SyncDirectory(RocksDbStore.PathIn(directory));
            string journalDirectory = System.IO.Path.Combine(directory, JournalName);
            StableFile.CreateDirectory(journalDirectory);
            journal = JournalReader.Read(journalDirectory, tables.MovedCommit);
            string? loss = !witnessed ? "its witness file is missing or damaged, so nobody can tell whether everything acknowledged is there"
                : journal.Damage is not null ? journal.Damage
                : journal.LastCommit < promised ? $"it recovered to commit {journal.LastCommit}, though commit {promised} was acknowledged"
                : null;
            if (loss is not null && !options.AcceptLoss)
            {
                throw Loss(directory, loss);
            }

            JournalReplay.Run(tables, journal);
            DiskRoom room = RoomOf(options, directory);
            SegmentPool pool = new(journalDirectory, options.JournalFileBytesMin, options.JournalFileBytesMax, room);
            if (loss is null)
            {
                foreach (JournalSegment segment in journal.Live.Concat(journal.Free))
                {
                    pool.Adopt(segment);
                }
            }
            else
            {
                // The marker first: a crash in between finds the reason again and repeats the question, and at worst takes one more epoch. What the journal holds behind the damage
                // was given up with it and must not be taken for commits of the new epoch.
                journal.Close();
                format = format with { Epoch = checked(format.Epoch + 1) };
                format.Write(directory);
                JournalReader.Wipe(journalDirectory);
                CommitWitness.Create(directory, format.Epoch, journal.LastCommit);
            }

            // The first commit finds its file; those behind it are made while it fills.
            PrepareIfRoom(pool);
            if (format.Version < StoreFormat.JournalVersion)
            {
                // From the first commit on, a program of an earlier version would not see what is in the journal.
                format = format with { Version = StoreFormat.JournalVersion };
                format.Write(directory);
            }

            witness = CommitWitness.Open(directory, time, options.WitnessSyncInterval);
            witness.Record(journal.LastCommit);
            return new StoreDirectory(directory, directoryLock, tables, format, journal.LastCommit) { Witness = witness, Journal = pool, Room = room };
        }
        catch
        {
            witness?.Dispose();
            journal?.Close();
            tables.Dispose();
            throw;
        }
    }

    private static DiskRoom RoomOf(StorageOptions options, string directory)
    {
        Func<string, long> free = options.FreeBytes ?? (static path => new DriveInfo(path).AvailableFreeSpace);
        return new DiskRoom(() => free(directory), options.DiskReserveBytes, options.RoomChanged);
    }

    /// <summary>A store on a full disk opens all the same: what it has can be read, and commits begin when there is room.</summary>
    private static void PrepareIfRoom(SegmentPool pool)
    {
        try
        {
            pool.Prepare(pause: TimeSpan.Zero);
        }
        catch (StorageFullException)
        {
            // The pool has noted it, and the mover asks again.
        }
    }

    private static StoreFormat ReadOrBegin(string directory, bool databaseExists)
    {
        if (StoreFormat.Read(directory) is { } format)
        {
            return format;
        }

        if (databaseExists)
        {
            throw new StoreOpenException($"The data directory {directory} holds a database but no format marker; the file \"format\" is missing.");
        }

        format = new StoreFormat(StoreFormat.JournalVersion, Epoch: 1);
        format.Write(directory);
        return format;
    }

    private static StoreOpenException Loss(string directory, string what) => new(
        $"Acknowledged records are missing from {directory}: {what}. Restore a backup, or accept the loss, which begins a new epoch.");
}
