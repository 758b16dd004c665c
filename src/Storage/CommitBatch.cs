using System.Buffers.Binary;
using System.Diagnostics;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The writes of a shard's turn, built so that their bytes are RocksDB's write batch: the journal takes the entries as they are, small state is handed over in one native call instead
/// of one per key, and the broker fans out the record bytes from where they lie.
/// <code>
///  0                 8        12
/// +-----------------+--------+---- per entry -------------------------------------------------------------
/// | sequence = 0    | count  | tag · [column family varint] · key size varint · key · [value size varint · value]
/// +-----------------+--------+----------------------------------------------------------------------------
/// </code>
/// Tags: 1 put and 0 delete in <see cref="Table.State"/> (RocksDB's default family), 5 put and 4 delete in the others, which name
/// themselves by the number of <see cref="Table"/>. The layout is RocksDB's internal one and pinned by a property test against its own Put.
/// <para>
/// Owner: one thread at a time. The shard builds; from <see cref="CommitPipeline.Submit"/> to the callback the batch belongs to the
/// pipeline and is read only; after the callback the broker reads slices until it calls <see cref="Reset"/>. The buffer is reused: no
/// allocation once it has grown to what a turn needs.
/// </para>
/// </summary>
public sealed class CommitBatch
{
    /// <summary>Bytes before the first entry.</summary>
    internal const int HeaderSize = 12;

    /// <summary>Largest batch, in bytes. RocksDB's own limit is 4 GiB; a turn is bounded far below either.</summary>
    public const int SizeBytesMax = 256 * 1024 * 1024;

    /// <summary>A buffer that grew past this (one large import) is given back at the next <see cref="Reset"/>.</summary>
    private const int RetainedBytesMax = 8 * 1024 * 1024;

    private const int CountOffset = 8;
    private const int NoChunk = -1;

    private readonly uint _epoch;
    private readonly int _initialBytes;
    private byte[] _bytes;
    private int _size;
    private uint _count;
    private int _chunkKey = NoChunk;
    private int _chunkHeader;

    /// <summary>Makes an empty batch.</summary>
    /// <param name="epoch">The store's epoch (<see cref="IConversationLog.Epoch"/>), written into every chunk.</param>
    /// <param name="initialBytes">Capacity to begin with.</param>
    public CommitBatch(uint epoch, int initialBytes = 64 * 1024)
    {
        ArgumentOutOfRangeException.ThrowIfZero(epoch);
        ArgumentOutOfRangeException.ThrowIfLessThan(initialBytes, HeaderSize);
        _epoch = epoch;
        _initialBytes = initialBytes;
        _bytes = new byte[initialBytes];
        _size = HeaderSize;
    }

    /// <summary>Entries so far.</summary>
    public int Count => (int)_count;

    /// <summary>Bytes of the representation.</summary>
    public int SizeBytes => _size;

    /// <summary>The bytes that RocksDB takes. Valid until the batch changes.</summary>
    public ReadOnlyMemory<byte> Representation
    {
        get
        {
            Debug.Assert(_chunkKey == NoChunk, "a chunk is still open");
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(CountOffset), _count);
            return _bytes.AsMemory(0, _size);
        }
    }

    /// <summary>True when it takes something out of the log or the dedupe table, which otherwise only grow.</summary>
    internal bool Rewrites { get; private set; }

    /// <summary>True when it notes records to be erased, or cut off.</summary>
    internal bool Erases { get; private set; }

    /// <summary>True when it cuts something off a log, or dedupe entries that belong to what was.</summary>
    internal bool Truncates { get; private set; }

    /// <summary>The pipeline's link between submitted batches; nobody else's.</summary>
    internal CommitBatch? Next { get; set; }

    /// <summary>1 while the pipeline owns the batch.</summary>
    internal int Submitted;

    internal ReadOnlySpan<byte> Entries => _bytes.AsSpan(HeaderSize, _size - HeaderSize);

    /// <summary>A part of the representation, for example the records of a chunk. Valid until <see cref="Reset"/>.</summary>
    public ReadOnlyMemory<byte> Slice(int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset + (uint)length, (uint)_size, nameof(length));
        return _bytes.AsMemory(offset, length);
    }

    /// <summary>Adds a chunk of whole records and returns the offset of the records in the representation (<see cref="Slice"/>).</summary>
    /// <param name="first">Sequence of the first record.</param>
    /// <param name="count">Records in <paramref name="records"/>, at least 1.</param>
    /// <param name="chainAfter">The hash chain behind the last record.</param>
    public int AppendChunk(ConversationId conversation, ulong first, uint count, in ChainHash chainAfter, ReadOnlySpan<byte> records)
    {
        Span<byte> target = BeginChunk(conversation, first, records.Length, out int offset);
        records.CopyTo(target);
        EndChunk(count, chainAfter);
        return offset;
    }

    /// <summary>
    /// Adds a chunk whose records the caller writes into the returned span, which must be filled completely before <see cref="EndChunk"/>;
    /// nothing else may be added in between.
    /// </summary>
    /// <param name="sizeBytes">Bytes of all records of the chunk.</param>
    /// <param name="offset">Where the records lie in the representation.</param>
    public Span<byte> BeginChunk(ConversationId conversation, ulong first, int sizeBytes, out int offset)
    {
        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, first);

        _chunkHeader = BeginPut(Table.Log, key, ChunkHeader.Size + sizeBytes);
        _chunkKey = _chunkHeader - VarintSize((uint)(ChunkHeader.Size + sizeBytes)) - ChunkKey.Size;
        offset = _chunkHeader + ChunkHeader.Size;
        return _bytes.AsSpan(offset, sizeBytes);
    }

    /// <summary>Completes the chunk that <see cref="BeginChunk"/> opened.</summary>
    public void EndChunk(uint count, in ChainHash chainAfter)
    {
        if (_chunkKey == NoChunk)
        {
            throw new InvalidOperationException("No chunk is open.");
        }

        ReadOnlySpan<byte> key = _bytes.AsSpan(_chunkKey, ChunkKey.Size);
        ChunkHeader.Write(_bytes.AsSpan(_chunkHeader, ChunkHeader.Size), key, count, _epoch, chainAfter);
        _chunkKey = NoChunk;
    }

    /// <summary>Sets <paramref name="key"/> to <paramref name="value"/>.</summary>
    public void Put(Table table, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (table == Table.Dedupe)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, DedupeKey.Size, nameof(key));
        }

        if (table == Table.State)
        {
            Truncates |= StateKeys.TryReadCut(key, StateKeys.CutKind, out _, out _) || StateKeys.TryReadCut(key, StateKeys.ForgottenKind, out _, out _);
            Erases |= Truncates || StateKeys.TryReadErasure(key, out _, out _);
        }

        int offset = BeginPut(table, key, value.Length);
        value.CopyTo(_bytes.AsSpan(offset));
    }

    /// <summary>
    /// Erases the body of a record that is committed, or stands in this batch. As soon as the commit is durable every read gives its tombstone instead (<see cref="RecordFlags.Erased"/>), and within
    /// a bounded time no file of the store has the body any more (<see cref="StorageOptions.EraseDelay"/>). Sequence, chain and dedupe entry stay. It is harmless to erase a record twice.
    /// </summary>
    /// <param name="conversation">Whose log it stands in.</param>
    /// <param name="sequence">Not behind the head: nothing happens when there is no such record, but one that got this number shortly afterwards would be erased as well.</param>
    /// <exception cref="ArgumentOutOfRangeException">The sequence is 0.</exception>
    public void Erase(ConversationId conversation, ulong sequence)
    {
        ArgumentOutOfRangeException.ThrowIfZero(sequence);
        Span<byte> key = stackalloc byte[StateKeys.ErasureSize];
        StateKeys.WriteErasure(key, conversation, sequence);
        Put(Table.State, key, default);
    }

    /// <summary>
    /// Cuts off what a conversation's log has below <see cref="LogStart.First"/>. As soon as the commit is durable no read gives anything of it, and within a bounded time no file of the store has it any more
    /// (<see cref="StorageOptions.EraseDelay"/>). Head, sequences and chain go on; dedupe entries stay (<see cref="ForgetPublishes"/>). It is harmless to cut twice.
    /// </summary>
    /// <param name="conversation">Whose log it is.</param>
    /// <param name="start">Not before where it begins already, and at most one behind the durable head; with the chain there (<see cref="IConversationLog.ReadChain"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException">The first sequence is 0.</exception>
    public void Truncate(ConversationId conversation, in LogStart start)
    {
        ArgumentOutOfRangeException.ThrowIfZero(start.First);
        Span<byte> value = stackalloc byte[LogStart.Size];
        Span<byte> key = stackalloc byte[StateKeys.CutSize];
        start.Write(value);
        Put(Table.State, key[..StateKeys.WriteLogStart(key, conversation)], value);
        Put(Table.State, key[..StateKeys.WriteCut(key, conversation, start.First)], default);
    }

    /// <summary>Takes the dedupe entries of a conversation's records below a sequence away, in the background; those records have to be cut off. Until an entry is gone it is there.</summary>
    public void ForgetPublishes(ConversationId conversation, ulong below)
    {
        Span<byte> key = stackalloc byte[StateKeys.CutSize];
        Put(Table.State, key[..StateKeys.WriteForgotten(key, conversation, below)], default);
    }

    /// <summary>Removes <paramref name="key"/>; nothing happens when it is absent.</summary>
    public void Delete(Table table, ReadOnlySpan<byte> key)
    {
        ThrowIfChunkIsOpen();
        Reserve(12 + key.Length);
        Rewrites |= table != Table.State;
        WriteTag(table, EntryTag.Delete, EntryTag.DeleteInFamily);
        WriteBytes(key);
        _count++;
    }

    /// <summary>Empties the batch; slices of it become meaningless.</summary>
    public void Reset()
    {
        Debug.Assert(Volatile.Read(ref Submitted) == 0, "the pipeline still owns the batch");
        if (_bytes.Length > RetainedBytesMax)
        {
            _bytes = new byte[_initialBytes];
        }

        _size = HeaderSize;
        _count = 0;
        _chunkKey = NoChunk;
        Rewrites = false;
        Erases = false;
        Truncates = false;
    }

    internal static int WriteVarint(Span<byte> target, uint value)
    {
        int size = 0;
        while (value >= 0x80)
        {
            target[size++] = (byte)(value | 0x80);
            value >>= 7;
        }

        target[size++] = (byte)value;
        return size;
    }

    private static int VarintSize(uint value)
    {
        int size = 1;
        while (value >= 0x80)
        {
            value >>= 7;
            size++;
        }

        return size;
    }

    private int BeginPut(Table table, ReadOnlySpan<byte> key, int valueSize)
    {
        ThrowIfChunkIsOpen();
        ArgumentOutOfRangeException.ThrowIfNegative(valueSize);
        Reserve(12L + key.Length + valueSize);
        WriteTag(table, EntryTag.Put, EntryTag.PutInFamily);
        WriteBytes(key);
        _size += WriteVarint(_bytes.AsSpan(_size), (uint)valueSize);
        int offset = _size;
        _size += valueSize;
        _count++;
        return offset;
    }

    private void WriteTag(Table table, byte tag, byte tagInFamily)
    {
        if (table == Table.State)
        {
            _bytes[_size++] = tag;
            return;
        }

        _bytes[_size++] = tagInFamily;
        _bytes[_size++] = (byte)table;
    }

    private void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        _size += WriteVarint(_bytes.AsSpan(_size), (uint)bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_size));
        _size += bytes.Length;
    }

    private void ThrowIfChunkIsOpen()
    {
        if (_chunkKey != NoChunk)
        {
            throw new InvalidOperationException("The open chunk must be ended first.");
        }
    }

    private void Reserve(long more)
    {
        long needed = _size + more;
        if (needed <= _bytes.Length)
        {
            return;
        }

        if (needed > SizeBytesMax)
        {
            throw new InvalidOperationException($"A commit batch holds at most {SizeBytesMax} bytes.");
        }

        Array.Resize(ref _bytes, (int)Math.Min(SizeBytesMax, Math.Max(needed, 2L * _bytes.Length)));
    }
}
