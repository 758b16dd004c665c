using System.Buffers.Binary;
using System.Runtime.InteropServices;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>
/// An open data directory: the lock, the format marker, RocksDB's handles and the witness, taken in this order and given back in the
/// reverse one. The files are made in an order that leaves a directory which opens, wherever making it was cut off: marker, witness,
/// database. Hence a database without a marker or witness is damage, while a marker alone is a beginning.
/// <code>
///  DIRECTORY/lock       held while open
///  DIRECTORY/format     StoreFormat
///  DIRECTORY/witness    CommitWitness
///  DIRECTORY/rocksdb/   the database
/// </code>
/// </summary>
internal sealed unsafe class RocksDbStore : IDisposable
{
    private const string RocksName = "rocksdb";

    private static readonly string[] FamilyNames = ["default", "log", "dedupe"];

    private readonly Native _native = Native.Instance;
    private readonly nint[] _families;
    private readonly nint _read;
    private readonly nint _unsyncedWrite;
    private readonly DirectoryLock _lock;

    private RocksDbStore(DirectoryLock directoryLock, nint database, nint[] families)
    {
        _lock = directoryLock;
        Database = database;
        _families = families;
        _read = _native.rocksdb_readoptions_create();
        _unsyncedWrite = _native.rocksdb_writeoptions_create();
        SyncedWrite = _native.rocksdb_writeoptions_create();
        _native.rocksdb_writeoptions_set_sync(SyncedWrite, 1);
    }

    public nint Database { get; }

    public nint SyncedWrite { get; }

    public uint Epoch { get; private set; }

    /// <summary>The number of the last commit that recovery found.</summary>
    public ulong CommitNumber { get; private set; }

    /// <summary>Kept by a store in service; a store under maintenance has none.</summary>
    public CommitWitness Witness { get; private set; } = null!;

    /// <summary>Opens a store for service: everything acknowledged is there, or it is refused.</summary>
    public static RocksDbStore Open(StorageOptions options, TimeProvider time) =>
        WithLock(options, (directory, directoryLock) => OpenForService(options, directory, directoryLock, time));

    /// <summary>
    /// Opens a store as it is, to look at it: nothing is made, no witness is kept, and a loss is for the caller to report.
    /// </summary>
    public static RocksDbStore OpenForMaintenance(StorageOptions options, bool writable)
    {
        if (!Directory.Exists(options.Directory))
        {
            throw new StoreOpenException($"The data directory {options.Directory} does not exist.");
        }

        return WithLock(options, (directory, directoryLock) =>
        {
            StoreFormat format = StoreFormat.Read(directory)
                ?? throw new StoreOpenException($"The data directory {directory} holds no FastChat store.");
            string rocks = Path.Combine(directory, RocksName);
            if (!File.Exists(Path.Combine(rocks, "CURRENT")))
            {
                throw new StoreOpenException($"The data directory {directory} holds no database.");
            }

            (nint database, nint[] families) = OpenDatabase(options, rocks, writable);
            RocksDbStore store = new(directoryLock, database, families) { Epoch = format.Epoch };
            store.CommitNumber = store.ReadCommitNumber();
            return store;
        });
    }

    public RocksDbIterator CreateIterator(Table table) => new(Database, _read, _families[(int)table]);

    public nint Family(Table table) => _families[(int)table];

    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value)
    {
        // An empty span has no address to give, and RocksDB writes nothing into it.
        byte nothing = 0;
        nuint size;
        byte found;
        nint error;
        byte fits;
        fixed (byte* keyPointer = &MemoryMarshal.GetReference(key))
        fixed (byte* valuePointer = &(value.IsEmpty ? ref nothing : ref MemoryMarshal.GetReference(value)))
        {
            fits = _native.rocksdb_get_into_buffer_cf(
                Database, _read, _families[(int)table], keyPointer, (nuint)key.Length, (nint)valuePointer, (nuint)value.Length,
                out size, out found, out error);
        }

        ThrowIfFailed(error, "read");

        if (found == 0)
        {
            return -1;
        }

        return fits != 0
            ? (int)size
            : throw new ArgumentException($"The value has {size} bytes; the buffer holds {value.Length}.", nameof(value));
    }

    public byte[]? Get(Table table, ReadOnlySpan<byte> key)
    {
        nint slice;
        nint error;
        fixed (byte* pointer = &MemoryMarshal.GetReference(key))
        {
            slice = _native.rocksdb_get_pinned_cf(Database, _read, _families[(int)table], pointer, (nuint)key.Length, out error);
        }

        ThrowIfFailed(error, "read");

        if (slice == 0)
        {
            return null;
        }

        nint value = _native.rocksdb_pinnableslice_value(slice, out nuint size);
        byte[] copy = new ReadOnlySpan<byte>((void*)value, checked((int)size)).ToArray();
        _native.rocksdb_pinnableslice_destroy(slice);
        return copy;
    }

    /// <summary>Writes past the commit path, unsynced and without a commit number: for repairs of what the log can give again.</summary>
    public void Repair(Table table, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        nint error;
        fixed (byte* keyPointer = &MemoryMarshal.GetReference(key))
        fixed (byte* valuePointer = &MemoryMarshal.GetReference(value))
        {
            _native.rocksdb_put_cf(
                Database, _unsyncedWrite, Family(table), keyPointer, (nuint)key.Length, valuePointer, (nuint)value.Length, out error);
        }

        ThrowIfFailed(error, "write");
    }

    /// <summary>Removes a key as <see cref="Repair"/> sets one.</summary>
    public void Remove(Table table, ReadOnlySpan<byte> key)
    {
        nint error;
        fixed (byte* pointer = &MemoryMarshal.GetReference(key))
        {
            _native.rocksdb_delete_cf(Database, _unsyncedWrite, Family(table), pointer, (nuint)key.Length, out error);
        }

        ThrowIfFailed(error, "write");
    }

    /// <summary>Brings repairs to stable storage.</summary>
    public void SyncRepairs()
    {
        _native.rocksdb_flush_wal(Database, 1, out nint error);
        ThrowIfFailed(error, "sync");
    }

    public void Dispose()
    {
        Witness?.Dispose();
        foreach (nint family in _families)
        {
            _native.rocksdb_column_family_handle_destroy(family);
        }

        _native.rocksdb_close(Database);
        _native.rocksdb_readoptions_destroy(_read);
        _native.rocksdb_writeoptions_destroy(_unsyncedWrite);
        _native.rocksdb_writeoptions_destroy(SyncedWrite);
        _lock.Dispose();
    }

    private static RocksDbStore WithLock(StorageOptions options, Func<string, DirectoryLock, RocksDbStore> open)
    {
        options.Validate();
        string directory = Path.GetFullPath(options.Directory);
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

    private static RocksDbStore OpenForService(StorageOptions options, string directory, DirectoryLock directoryLock, TimeProvider time)
    {
        string rocks = Path.Combine(directory, RocksName);
        bool exists = File.Exists(Path.Combine(rocks, "CURRENT"));
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

        StableFile.CreateDirectory(rocks);
        (nint database, nint[] families) = OpenDatabase(options, rocks, writable: true);
        RocksDbStore store = new(directoryLock, database, families);
        try
        {
            StableFile.SyncDirectory(rocks);
            store.CommitNumber = store.ReadCommitNumber();
            if (!witnessed || store.CommitNumber < promised)
            {
                if (!options.AcceptLoss)
                {
                    throw witnessed
                        ? Loss(directory, $"it recovered to commit {store.CommitNumber}, though commit {promised} was acknowledged")
                        : Loss(directory, "its witness file is missing or damaged, so nobody can tell whether everything acknowledged is there");
                }

                // The marker first: a crash in between repeats the question, and at worst takes one more epoch.
                format = format with { Epoch = checked(format.Epoch + 1) };
                format.Write(directory);
                CommitWitness.Create(directory, format.Epoch, store.CommitNumber);
            }

            store.Epoch = format.Epoch;
            store.Witness = CommitWitness.Open(directory, time, options.WitnessSyncInterval);
            store.Witness.Record(store.CommitNumber);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
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

        format = new StoreFormat(StoreFormat.CurrentVersion, Epoch: 1);
        format.Write(directory);
        return format;
    }

    private static StoreOpenException Loss(string directory, string what) => new(
        $"Acknowledged records are missing from {directory}: {what}. Restore a backup, or accept the loss, which begins a new epoch.");

    private static (nint Database, nint[] Families) OpenDatabase(StorageOptions options, string path, bool writable)
    {
        Native native = Native.Instance;
        using RocksDbTuning tuning = new(options);
        nint[] families = new nint[FamilyNames.Length];
        nint[] familyOptions = [tuning.State, tuning.Log, tuning.Dedupe];
        nint error;
        nint database = writable
            ? native.rocksdb_open_column_families(
                tuning.Database, path, FamilyNames.Length, FamilyNames, familyOptions, families, out error)
            : native.rocksdb_open_for_read_only_column_families(
                tuning.Database, path, FamilyNames.Length, FamilyNames, familyOptions, families, 0, out error);
        if (error != 0)
        {
            throw new StoreOpenException($"RocksDB cannot open {path}: {RocksDbError.TakeText(error)}");
        }

        // CommitBatch names families by number, so a family under another number would send records into the wrong table.
        for (int i = 0; i < families.Length; i++)
        {
            uint id = native.rocksdb_column_family_handle_get_id(families[i]);
            if (id != (uint)i)
            {
                throw new StoreOpenException($"Column family {FamilyNames[i]} in {path} has number {id} instead of {i}.");
            }
        }

        return (database, families);
    }

    private static void ThrowIfFailed(nint error, string operation)
    {
        if (error != 0)
        {
            throw RocksDbError.Take(error, operation);
        }
    }

    private ulong ReadCommitNumber()
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        return Get(Table.State, StateKeys.CommitNumber, number) == sizeof(ulong) ? BinaryPrimitives.ReadUInt64LittleEndian(number) : 0;
    }
}
