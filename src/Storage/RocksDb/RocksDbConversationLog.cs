using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

using FastChat.Protocol;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>
/// The durable log: one RocksDB with a column family per <see cref="Table"/>, opened by <see cref="RocksDbStore"/>.
/// <para>
/// <see cref="Commit"/> is one native write with sync. RocksDB puts the entries into its memtable only after the write-ahead log is on
/// stable storage, so readers see durable data only. The commit's number goes into the same write, and after it into the
/// <see cref="CommitWitness"/>; only then does Commit return and may anything be acknowledged.
/// </para>
/// Threads: one committer, any number of readers; <see cref="Dispose"/> waits for those inside.
/// </summary>
public sealed unsafe class RocksDbConversationLog : IConversationLog
{
    private readonly Native _native = Native.Instance;
    private readonly RocksDbStore _store;
    private byte[] _group = new byte[64 * 1024];
    private ulong _commitNumber;
    private StorageException? _failure;
    private Rundown _rundown;
    private int _committing;

    private RocksDbConversationLog(RocksDbStore store)
    {
        _store = store;
        _commitNumber = store.CommitNumber;
    }

    /// <inheritdoc/>
    public uint Epoch => _store.Epoch;

    /// <inheritdoc/>
    public ulong CommitNumber => Volatile.Read(ref _commitNumber);

    /// <inheritdoc/>
    public StorageException? Failure => Volatile.Read(ref _failure);

    /// <summary>Called before each native write; what it throws counts as the device's answer. For tests.</summary>
    internal Action? BeforeWrite { get; set; }

    /// <summary>The handles, for tests that plant damage.</summary>
    internal RocksDbStore Store => _store;

    /// <summary>Opens a store, or makes it.</summary>
    /// <param name="options">Where it is.</param>
    /// <param name="time">Drives the witness's background sync; the system's clock when absent.</param>
    /// <exception cref="StoreOpenException">It cannot be opened as it is; the message says why.</exception>
    public static RocksDbConversationLog Open(StorageOptions options, TimeProvider? time = null) =>
        new(RocksDbStore.Open(options, time ?? TimeProvider.System));

    /// <inheritdoc/>
    public void Commit(ReadOnlySpan<CommitBatch> batches)
    {
        _rundown.Enter(this);
        try
        {
            if (Interlocked.Exchange(ref _committing, 1) != 0)
            {
                throw new InvalidOperationException("Another thread is committing; the log has one committer.");
            }

            CommitAlone(batches);
        }
        finally
        {
            Volatile.Write(ref _committing, 0);
            _rundown.Leave();
        }
    }

    /// <inheritdoc/>
    public LogHead ReadHead(ConversationId conversation)
    {
        _rundown.Enter(this);
        try
        {
            using RocksDbIterator cursor = _store.CreateIterator(Table.Log);
            RocksDbIterator cursorView = cursor;
            return ChunkPager.Head(ref cursorView, conversation);
        }
        finally
        {
            _rundown.Leave();
        }
    }

    /// <inheritdoc/>
    public LogPage ReadForward(
        ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target)
    {
        _rundown.Enter(this);
        try
        {
            using RocksDbIterator cursor = _store.CreateIterator(Table.Log);
            RocksDbIterator cursorView = cursor;
            return ChunkPager.Forward(ref cursorView, conversation, after, through, countMax, bytesMax, target);
        }
        finally
        {
            _rundown.Leave();
        }
    }

    /// <inheritdoc/>
    public LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target)
    {
        _rundown.Enter(this);
        try
        {
            using RocksDbIterator cursor = _store.CreateIterator(Table.Log);
            RocksDbIterator cursorView = cursor;
            return ChunkPager.Backward(ref cursorView, conversation, before, countMax, bytesMax, target);
        }
        finally
        {
            _rundown.Leave();
        }
    }

    /// <inheritdoc/>
    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value)
    {
        _rundown.Enter(this);
        try
        {
            return _store.Get(table, key, value);
        }
        finally
        {
            _rundown.Leave();
        }
    }

    /// <inheritdoc/>
    public byte[]? Get(Table table, ReadOnlySpan<byte> key)
    {
        _rundown.Enter(this);
        try
        {
            return _store.Get(table, key);
        }
        finally
        {
            _rundown.Leave();
        }
    }

    /// <inheritdoc/>
    public void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor)
    {
        _rundown.Enter(this);
        try
        {
            using RocksDbIterator cursor = _store.CreateIterator(table);
            cursor.Seek(after.SequenceCompareTo(prefix) > 0 ? after : prefix);
            while (cursor.Valid && cursor.Key.StartsWith(prefix))
            {
                bool isAfter = after.IsEmpty || !cursor.Key.SequenceEqual(after);
                if (isAfter && !visitor(cursor.Key, cursor.Value))
                {
                    return;
                }

                cursor.Next();
            }
        }
        finally
        {
            _rundown.Leave();
        }
    }

    /// <summary>Closes the store. What was committed stays; nothing is flushed that was not.</summary>
    public void Dispose()
    {
        if (_rundown.Close())
        {
            _store.Dispose();
        }
    }

    private void CommitAlone(ReadOnlySpan<CommitBatch> batches)
    {
        if (Failure is { } earlier)
        {
            throw new StorageException($"The log takes no commits since an earlier one failed: {earlier.Message}", earlier);
        }

        ulong number = _commitNumber + 1;
        int size = Gather(batches, number);
        if (size == 0)
        {
            return;
        }

        try
        {
            BeforeWrite?.Invoke();
            Write(_group.AsSpan(0, size));
        }
        catch (Exception cause)
        {
            StorageException failure = cause as StorageException ?? new StorageException($"Commit {number} failed: {cause.Message}", cause);
            Volatile.Write(ref _failure, failure);
            throw failure;
        }

        _store.Witness.Record(number);
        Volatile.Write(ref _commitNumber, number);
    }

    /// <summary>Puts the entries of all batches and the commit's number behind one header; 0 when there is no entry.</summary>
    private int Gather(ReadOnlySpan<CommitBatch> batches, ulong number)
    {
        const int NumberEntrySize = 13;

        long needed = CommitBatch.HeaderSize + NumberEntrySize;
        uint count = 1;
        foreach (CommitBatch batch in batches)
        {
            needed += batch.Entries.Length;
            count += (uint)batch.Count;
        }

        if (count == 1)
        {
            return 0;
        }

        if (needed > _group.Length)
        {
            _group = new byte[checked((int)Math.Max(needed, Math.Min(2L * _group.Length, CommitBatch.SizeBytesMax)))];
        }

        Span<byte> group = _group;
        group[..CommitBatch.HeaderSize].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(group[8..], count);
        int size = CommitBatch.HeaderSize;
        foreach (CommitBatch batch in batches)
        {
            batch.Entries.CopyTo(group[size..]);
            size += batch.Entries.Length;
        }

        ReadOnlySpan<byte> key = StateKeys.CommitNumber;
        group[size++] = EntryTag.Put;
        group[size++] = (byte)key.Length;
        key.CopyTo(group[size..]);
        size += key.Length;
        group[size++] = sizeof(ulong);
        BinaryPrimitives.WriteUInt64LittleEndian(group[size..], number);
        return size + sizeof(ulong);
    }

    private void Write(ReadOnlySpan<byte> representation)
    {
        nint batch;
        fixed (byte* pointer = &MemoryMarshal.GetReference(representation))
        {
            batch = _native.rocksdb_writebatch_create_from(pointer, (nuint)representation.Length);
        }

        _native.rocksdb_write(_store.Database, _store.SyncedWrite, batch, out nint error);
        _native.rocksdb_writebatch_destroy(batch);
        if (error != 0)
        {
            throw new StorageException($"RocksDB could not commit: {RocksDbError.TakeText(error)}");
        }
    }
}
