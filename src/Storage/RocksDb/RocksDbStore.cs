using System.Buffers.Binary;
using System.Runtime.InteropServices;

using FastChat.Protocol;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>
/// RocksDB's handles: the tables of an open data directory (docs/log-format.md §1). What goes in comes as sorted files (<see cref="TableMover"/>) or, for small state, through RocksDB's own log.
/// </summary>
internal sealed unsafe class RocksDbStore : ILogStarts, IDisposable
{
    private const string RocksName = "rocksdb";
    private const string IncomingName = "incoming";

    private static readonly string[] FamilyNames = ["default", "log", "dedupe"];

    private readonly Native _native = Native.Instance;
    private readonly nint[] _families;
    private readonly nint _read;
    private readonly nint _scan;
    private readonly nint _unsyncedWrite;
    private readonly RocksDbTuning _tuning;
    private ulong _movedCommit;
    private bool _hasStarts;

    /// <summary>True when records may lie in RocksDB's own log: those of commits that rewrite, also of before the store was opened.</summary>
    private bool _logWasWritten = true;

    private RocksDbStore(string path, string incoming, RocksDbTuning tuning, nint database, nint[] families, DedupeFilter filter)
    {
        Filter = filter;
        IncomingDirectory = incoming;
        DirectoryPath = path;
        _tuning = tuning;
        Database = database;
        _families = families;
        _read = _native.rocksdb_readoptions_create();

        // Who reads history from end to end does not come back to it: its blocks would push out of the cache what everybody else asks for.
        _scan = _native.rocksdb_readoptions_create();
        _native.rocksdb_readoptions_set_fill_cache(_scan, 0);
        _unsyncedWrite = _native.rocksdb_writeoptions_create();
        SyncedWrite = _native.rocksdb_writeoptions_create();
        _native.rocksdb_writeoptions_set_sync(SyncedWrite, 1);
    }

    public nint Database { get; }

    public nint SyncedWrite { get; }

    /// <summary>Everything up to this commit is in the tables, on stable storage; later ones are in the journal.</summary>
    public ulong MovedCommit
    {
        get => Volatile.Read(ref _movedCommit);
        private set => Volatile.Write(ref _movedCommit, value);
    }

    /// <summary>Which dedupe keys no commit has, for certain.</summary>
    public DedupeFilter Filter { get; }

    /// <summary>Where the database lies.</summary>
    public string DirectoryPath { get; }

    /// <summary>Where files are made that the tables take in.</summary>
    public string IncomingDirectory { get; }

    /// <summary>Opens the tables of a data directory whose lock is held.</summary>
    /// <exception cref="StoreOpenException">RocksDB cannot open them.</exception>
    public static RocksDbStore Open(StorageOptions options, string directory, bool writable)
    {
        RocksDbTuning tuning = new(options);
        RocksDbStore? store = null;
        try
        {
            (nint database, nint[] families) = OpenDatabase(tuning, PathIn(directory), writable);
            store = new RocksDbStore(PathIn(directory), Path.Combine(directory, IncomingName), tuning, database, families, new DedupeFilter(options.DedupeFilterBytes));
            store.MovedCommit = store.ReadMovedCommit();
            store.LookForStarts();
            return store;
        }
        catch
        {
            if (store is null)
            {
                tuning.Dispose();
            }

            store?.Dispose();
            throw;
        }
    }

    /// <summary>Where the database of a data directory lies.</summary>
    public static string PathIn(string directory) => Path.Combine(directory, RocksName);

    /// <summary>True when a data directory has a database.</summary>
    public static bool ExistsIn(string directory) => File.Exists(Path.Combine(PathIn(directory), "CURRENT"));

    public RocksDbIterator CreateIterator(Table table) => new(Database, _read, _families[(int)table]);

    /// <summary>An iterator for many pages: what it reads does not stay in the cache.</summary>
    public RocksDbIterator CreateScan(Table table) => new(Database, _scan, _families[(int)table]);

    public nint Family(Table table) => _families[(int)table];

    public static string FamilyName(Table table) => FamilyNames[(int)table];

    /// <summary>A batch with entries of the log is about to be written (<see cref="WriteUnsynced"/>), which otherwise comes in files.</summary>
    public void NoteLogWrite() => Volatile.Write(ref _logWasWritten, true);

    /// <summary>Brings everything out of RocksDB's own log into tables if records may be in it, so that it is deleted.</summary>
    public void FlushIfLogWasWritten()
    {
        if (!Interlocked.Exchange(ref _logWasWritten, false))
        {
            return;
        }

        nint options = _native.rocksdb_flushoptions_create();
        _native.rocksdb_flush_cfs(Database, options, _families, _families.Length, out nint error);
        _native.rocksdb_flushoptions_destroy(options);
        if (error != 0)
        {
            NoteLogWrite();
            throw RocksDbError.Take(error, "flush");
        }
    }

    /// <summary>Ends a merge that was asked for and takes no further ones: the store is being closed.</summary>
    public void StopMerging() => _native.rocksdb_disable_manual_compaction(Database);

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

        RocksDbError.ThrowIfAny(error, "read");

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

        RocksDbError.ThrowIfAny(error, "read");

        if (slice == 0)
        {
            return null;
        }

        nint value = _native.rocksdb_pinnableslice_value(slice, out nuint size);
        byte[] copy = new ReadOnlySpan<byte>((void*)value, checked((int)size)).ToArray();
        _native.rocksdb_pinnableslice_destroy(slice);
        return copy;
    }

    /// <inheritdoc/>
    public LogStart StartOf(ConversationId conversation)
    {
        if (!Volatile.Read(ref _hasStarts))
        {
            return LogStart.Beginning;
        }

        Span<byte> key = stackalloc byte[StateKeys.LogStartSize];
        StateKeys.WriteLogStart(key, conversation);
        return Get(Table.State, key) is { } value ? LogStart.Read(value) : LogStart.Beginning;
    }

    /// <summary>From now on logs may begin later than at 1; before that nobody asks.</summary>
    public void NoteStart() => Volatile.Write(ref _hasStarts, true);

    /// <summary>The options that a table's files are written with.</summary>
    public nint OptionsOf(Table table) => _tuning.Family(table);

    /// <summary>Writes a batch in RocksDB's representation, without a sync.</summary>
    public void WriteUnsynced(ReadOnlySpan<byte> representation)
    {
        nint batch;
        fixed (byte* pointer = &MemoryMarshal.GetReference(representation))
        {
            batch = _native.rocksdb_writebatch_create_from(pointer, (nuint)representation.Length);
        }

        _native.rocksdb_write(Database, _unsyncedWrite, batch, out nint error);
        _native.rocksdb_writebatch_destroy(batch);
        RocksDbError.ThrowIfAny(error, "write");
    }

    /// <summary>Takes the chunks from one key up to another, which stays, out of the log, and sets a chunk under that other key if there is one to set: both or neither.</summary>
    public void CutLog(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, ReadOnlySpan<byte> chunk)
    {
        NoteLogWrite();
        nint batch = _native.rocksdb_writebatch_create();
        fixed (byte* fromPointer = from)
        fixed (byte* toPointer = to)
        fixed (byte* chunkPointer = chunk)
        {
            _native.rocksdb_writebatch_delete_range_cf(batch, Family(Table.Log), fromPointer, (nuint)from.Length, toPointer, (nuint)to.Length);
            if (!chunk.IsEmpty)
            {
                _native.rocksdb_writebatch_put_cf(batch, Family(Table.Log), toPointer, (nuint)to.Length, chunkPointer, (nuint)chunk.Length);
            }
        }

        _native.rocksdb_write(Database, _unsyncedWrite, batch, out nint error);
        _native.rocksdb_writebatch_destroy(batch);
        RocksDbError.ThrowIfAny(error, "write");
    }

    /// <summary>Notes, on stable storage, that the tables have everything up to a commit; syncs what was written before, too.</summary>
    public void SetMovedCommit(ulong commit)
    {
        ReadOnlySpan<byte> key = StateKeys.CommitNumber;
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(value, commit);
        nint error;
        fixed (byte* keyPointer = &MemoryMarshal.GetReference(key))
        fixed (byte* valuePointer = &MemoryMarshal.GetReference(value))
        {
            _native.rocksdb_put_cf(
                Database, SyncedWrite, Family(Table.State), keyPointer, (nuint)key.Length, valuePointer, (nuint)value.Length, out error);
        }

        RocksDbError.ThrowIfAny(error, "write");
        MovedCommit = commit;
    }

    /// <summary>Makes a file of sorted entries part of a table. It is moved, not copied.</summary>
    public void Ingest(Table table, string path)
    {
        nint options = _native.rocksdb_ingestexternalfileoptions_create();
        _native.rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
        _native.rocksdb_ingest_external_file_cf(Database, Family(table), [path], 1, options, out nint error);
        _native.rocksdb_ingestexternalfileoptions_destroy(options);
        RocksDbError.ThrowIfAny(error, "take in a file");
    }

    /// <summary>Links the files that the tables consist of now into a directory that does not exist yet. Small state is flushed for it, so that it is in files that do not change, too.</summary>
    /// <exception cref="StorageException">RocksDB could not.</exception>
    public void CreateCheckpoint(string path)
    {
        nint checkpoint = _native.rocksdb_checkpoint_object_create(Database, out nint error);
        RocksDbError.ThrowIfAny(error, "begin a checkpoint");
        _native.rocksdb_checkpoint_create(checkpoint, path, 0, out error);
        _native.rocksdb_checkpoint_object_destroy(checkpoint);
        RocksDbError.ThrowIfAny(error, "write a checkpoint");
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

        RocksDbError.ThrowIfAny(error, "write");
    }

    /// <summary>Removes a key as <see cref="Repair"/> sets one.</summary>
    public void Remove(Table table, ReadOnlySpan<byte> key)
    {
        nint error;
        fixed (byte* pointer = &MemoryMarshal.GetReference(key))
        {
            _native.rocksdb_delete_cf(Database, _unsyncedWrite, Family(table), pointer, (nuint)key.Length, out error);
        }

        RocksDbError.ThrowIfAny(error, "write");
    }

    /// <summary>Brings repairs to stable storage.</summary>
    public void SyncRepairs()
    {
        _native.rocksdb_flush_wal(Database, 1, out nint error);
        RocksDbError.ThrowIfAny(error, "sync");
    }

    public void Dispose()
    {
        foreach (nint family in _families)
        {
            _native.rocksdb_column_family_handle_destroy(family);
        }

        _native.rocksdb_close(Database);
        _native.rocksdb_readoptions_destroy(_read);
        _native.rocksdb_readoptions_destroy(_scan);
        _native.rocksdb_writeoptions_destroy(_unsyncedWrite);
        _native.rocksdb_writeoptions_destroy(SyncedWrite);
        _tuning.Dispose();
    }

    private static (nint Database, nint[] Families) OpenDatabase(RocksDbTuning tuning, string path, bool writable)
    {
        Native native = Native.Instance;
        nint[] families = new nint[FamilyNames.Length];
        nint[] familyOptions = [tuning.Family(Table.State), tuning.Family(Table.Log), tuning.Family(Table.Dedupe)];
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

    private void LookForStarts()
    {
        using RocksDbIterator cursor = CreateIterator(Table.State);
        cursor.Seek(StateKeys.LogStartsPrefix);
        _hasStarts = cursor.Valid && cursor.Key.StartsWith(StateKeys.LogStartsPrefix);
    }

    private ulong ReadMovedCommit()
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        return Get(Table.State, StateKeys.CommitNumber, number) == sizeof(ulong) ? BinaryPrimitives.ReadUInt64LittleEndian(number) : 0;
    }
}
