using System.Buffers;
using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The log without a disk, for tests and simulation: the same contract, and a model of what a crash may leave.
/// <para>
/// A commit goes through the states of a real one: nothing → written (in the page cache) → synced. The hooks stand at the borders; what
/// one throws is the device's answer and makes the commit, and so the log, fail. After <see cref="Crash"/> the synced state is there for certain and
/// a written one only if the caller says so, because a page cache may or may not reach the disk. Readers see the synced state only.
/// </para>
/// Threads: as <see cref="IConversationLog"/>; readers take a snapshot without a lock.
/// </summary>
public sealed class InMemoryConversationLog : IConversationLog
{
    private InMemoryTables _durable;
    private InMemoryTables _written;
    private StorageException? _failure;
    private bool _isFull;
    private long _erased;
    private int _disposed;

    /// <summary>Makes an empty log.</summary>
    public InMemoryConversationLog()
        : this(1, InMemoryTables.Empty)
    {
    }

    private InMemoryConversationLog(uint epoch, InMemoryTables tables)
    {
        Epoch = epoch;
        _durable = tables;
        _written = tables;
    }

    /// <inheritdoc/>
    public ErasureCounts Erasures => new(_erased, CountIn(Volatile.Read(ref _durable), StateKeys.ErasuresPrefix));

    /// <summary>True while something is noted that <see cref="EraseNoted"/> would do.</summary>
    public bool HasNotedWork => Erasures.Waiting > 0 || CountIn(_durable, [StateKeys.CutKind]) > 0 || CountIn(_durable, [StateKeys.ForgottenKind]) > 0;

    /// <inheritdoc/>
    public uint Epoch { get; }

    /// <inheritdoc/>
    public ulong CommitNumber => NumberIn(Volatile.Read(ref _durable));

    /// <inheritdoc/>
    public StorageException? Failure => Volatile.Read(ref _failure);

    /// <summary>The disk that it plays has no room: commits find none until it is set back.</summary>
    public bool IsFull
    {
        get => Volatile.Read(ref _isFull);
        set => Volatile.Write(ref _isFull, value);
    }

    /// <summary>The keys of the bodies, when they are encrypted.</summary>
    public KeyVault? Vault { get; init; }

    /// <summary>Called before anything of a commit is written.</summary>
    public Action? BeforeWrite { get; set; }

    /// <summary>Called when a commit is written and not yet synced: the sync itself. What it throws is a failed fsync.</summary>
    public Action? BeforeSync { get; set; }

    /// <summary>Called when a commit is synced, before <see cref="Commit"/> returns: it may survive without anyone having been told.</summary>
    public Action? AfterSync { get; set; }

    /// <summary>
    /// What a restart finds. This instance takes no more calls.
    /// </summary>
    /// <param name="keepUnsynced">True when the kernel happened to write back what was not synced.</param>
    public InMemoryConversationLog Crash(bool keepUnsynced = false)
    {
        InMemoryTables left = keepUnsynced ? _written : _durable;
        Dispose();
        return new InMemoryConversationLog(Epoch, left) { Vault = Vault };
    }

    /// <summary>A backup: what is durable now.</summary>
    public InMemoryConversationLog Copy() => new(Epoch, Volatile.Read(ref _durable)) { Vault = Vault };

    /// <summary>What a restart finds when <paramref name="backup"/> was put in the place of a log that is gone.</summary>
    /// <param name="backup">It may be restored again.</param>
    /// <param name="epoch">Greater than the lost log's.</param>
    public static InMemoryConversationLog Restored(InMemoryConversationLog backup, uint epoch)
    {
        ArgumentNullException.ThrowIfNull(backup);
        return new InMemoryConversationLog(epoch, backup._durable) { Vault = backup.Vault };
    }

    /// <summary>What a restart finds when an operator accepted a loss: the state of <paramref name="earlier"/> and the next epoch.</summary>
    public static InMemoryConversationLog AcceptLoss(InMemoryConversationLog earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        return new InMemoryConversationLog(earlier.Epoch + 1, earlier._durable) { Vault = earlier.Vault };
    }

    /// <inheritdoc/>
    public void Commit(ReadOnlySpan<CommitBatch> batches)
    {
        ThrowIfDisposed();
        if (Failure is { } earlier)
        {
            throw new StorageException($"The log takes no commits since an earlier one failed: {earlier.Message}", earlier);
        }

        if (IsFull)
        {
            throw new StorageFullException("There is no room for further commits.");
        }

        InMemoryTables.Builder builder = new(_durable);
        foreach (CommitBatch batch in batches)
        {
            builder.Apply(batch.Representation.Span);
        }

        if (!builder.Changed)
        {
            return;
        }

        CountCommit(builder);
        Vault?.MakeDurable();
        try
        {
            BeforeWrite?.Invoke();
            _written = builder.Build();
            BeforeSync?.Invoke();
            Volatile.Write(ref _durable, _written);
            AfterSync?.Invoke();
        }
        catch (Exception cause)
        {
            StorageException failure = cause as StorageException ?? new StorageException($"The commit failed: {cause.Message}", cause);
            Volatile.Write(ref _failure, failure);
            throw failure;
        }
    }

    /// <inheritdoc/>
    public LogHead ReadHead(ConversationId conversation)
    {
        ThrowIfDisposed();
        InMemoryTables tables = Volatile.Read(ref _durable);
        InMemoryCursor cursor = new(tables.Of(Table.Log));
        return ChunkPager.Head(ref cursor, conversation, tables);
    }

    /// <inheritdoc/>
    public LogStart ReadStart(ConversationId conversation)
    {
        ThrowIfDisposed();
        return Volatile.Read(ref _durable).StartOf(conversation);
    }

    /// <inheritdoc/>
    public ChainHash? ReadChain(ConversationId conversation, ulong sequence)
    {
        ThrowIfDisposed();
        InMemoryTables tables = Volatile.Read(ref _durable);
        InMemoryCursor cursor = new(tables.Of(Table.Log));
        return ChunkPager.Chain(ref cursor, conversation, sequence, tables.StartOf(conversation));
    }

    /// <inheritdoc/>
    public LogPage ReadForward(
        ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target)
    {
        ThrowIfDisposed();
        InMemoryTables tables = Volatile.Read(ref _durable);
        InMemoryCursor cursor = new(tables.Of(Table.Log));
        return ChunkPager.Forward(ref cursor, conversation, after, through, countMax, bytesMax, target, new ErasedSequences(NotedIn(tables, conversation), tables.StartOf(conversation).First), Vault?.Opener, tables);
    }

    /// <inheritdoc/>
    public LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target)
    {
        ThrowIfDisposed();
        InMemoryTables tables = Volatile.Read(ref _durable);
        InMemoryCursor cursor = new(tables.Of(Table.Log));
        return ChunkPager.Backward(ref cursor, conversation, before, countMax, bytesMax, target, new ErasedSequences(NotedIn(tables, conversation), tables.StartOf(conversation).First), Vault?.Opener, tables);
    }

    /// <inheritdoc/>
    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value)
    {
        byte[]? found = Find(table, key);
        if (found is null)
        {
            return -1;
        }

        if (found.Length > value.Length)
        {
            throw new ArgumentException($"The value has {found.Length} bytes; the buffer holds {value.Length}.", nameof(value));
        }

        found.CopyTo(value);
        return found.Length;
    }

    /// <inheritdoc/>
    public byte[]? Get(Table table, ReadOnlySpan<byte> key) => Find(table, key)?.AsSpan().ToArray();

    /// <inheritdoc/>
    public void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor)
    {
        InMemoryCursor cursor = CreateCursor(table);
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

    /// <summary>
    /// Erases what is noted, and takes out what was cut off: afterwards no state of this log from now on has it. The time for it is the caller's choice, so that a simulated world stays one. Not while a commit is under way.
    /// </summary>
    public void EraseNoted()
    {
        ThrowIfDisposed();
        InMemoryTables tables = _durable;
        InMemoryTables.Builder builder = new(tables);
        ErasedChunk chunk = new();
        InMemoryCursor noted = new(tables.Of(Table.State));
        for (noted.Seek([StateKeys.CutKind]); noted.Valid && noted.Key[0] == StateKeys.CutKind; noted.Next())
        {
            if (StateKeys.TryReadCut(noted.Key, StateKeys.CutKind, out ConversationId conversation, out ulong first) && TryCut(builder, conversation, first))
            {
                builder.Delete(Table.State, noted.Key);
            }
        }

        for (noted.Seek([StateKeys.ForgottenKind]); noted.Valid && noted.Key[0] == StateKeys.ForgottenKind; noted.Next())
        {
            if (StateKeys.TryReadCut(noted.Key, StateKeys.ForgottenKind, out ConversationId conversation, out ulong below))
            {
                ForgetPublishes(builder, conversation, below);
                builder.Delete(Table.State, noted.Key);
            }
        }

        for (noted.Seek(StateKeys.ErasuresPrefix); noted.Valid && noted.Key.StartsWith(StateKeys.ErasuresPrefix); noted.Next())
        {
            if (StateKeys.TryReadErasure(noted.Key, out ConversationId conversation, out ulong sequence) && TryErase(builder, chunk, conversation, sequence))
            {
                builder.Delete(Table.State, noted.Key);
                _erased++;
            }
        }

        InMemoryTables erased = builder.Build();
        _written = ReferenceEquals(_written, tables) ? erased : _written;
        Volatile.Write(ref _durable, erased);
    }

    /// <inheritdoc/>
    public void Dispose() => Volatile.Write(ref _disposed, 1);

    /// <summary>Takes over the next commit from a journal, whose entries stand in <paramref name="source"/> from <paramref name="offset"/> to its end. For a simulated world's recovery.</summary>
    internal void Replay(ReadOnlySpan<byte> source, int offset)
    {
        InMemoryTables.Builder builder = new(_durable);
        CommitBatchReader entries = new(source, offset);
        builder.Apply(ref entries);
        CountCommit(builder);
        _durable = _written = builder.Build();
    }

    /// <summary>Replaces a durable value behind the contract's back, as a decaying disk would. For tests.</summary>
    internal void Plant(Table table, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        InMemoryTables.Builder builder = new(_durable);
        builder.Put(table, key, value);
        _durable = builder.Build();
    }

    /// <summary>Empties a table behind the contract's back. For tests.</summary>
    internal void Wipe(Table table)
    {
        InMemoryTables.Builder builder = new(_durable);
        foreach (InMemoryEntry entry in _durable.Of(table))
        {
            builder.Delete(table, entry.Key);
        }

        _durable = builder.Build();
    }

    /// <summary>Rewrites the chunk that holds the record; false when it is damaged, and the record has to stay noted.</summary>
    private static bool TryErase(InMemoryTables.Builder builder, ErasedChunk chunk, ConversationId conversation, ulong sequence)
    {
        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, sequence);
        InMemoryCursor cursor = new(builder.Of(Table.Log));
        cursor.SeekForPrevious(key);
        try
        {
            if (cursor.Valid && ChunkKey.Conversation(cursor.Key) == conversation
                && chunk.TryMake(cursor.Key, cursor.Value, new ErasedSequences([sequence]), out ReadOnlySpan<byte> made))
            {
                builder.Put(Table.Log, cursor.Key, made);
            }

            return true;
        }
        catch (CorruptRecordException)
        {
            // As in the durable log: what cannot be read cannot be erased in its place, and is never served either.
            return false;
        }
    }

    /// <summary>Takes the chunks below a sequence out; false when the one with that sequence in its middle is damaged, and has to stay.</summary>
    private static bool TryCut(InMemoryTables.Builder builder, ConversationId conversation, ulong first)
    {
        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, 0);
        InMemoryCursor cursor = new(builder.Of(Table.Log));
        for (cursor.Seek(key); cursor.Valid && ChunkKey.Conversation(cursor.Key) == conversation && ChunkKey.First(cursor.Key) < first; cursor.Next())
        {
            if (!ChunkHeader.TryRead(cursor.Key, cursor.Value, out ChunkHeader header, out _))
            {
                return false;
            }

            if (header.Last >= first)
            {
                ReadOnlySpan<byte> rest = cursor.Value[ChunkHeader.Size..];
                for (ulong sequence = header.First; sequence < first; sequence++)
                {
                    if (!MessageRecord.TryRead(ref rest, out _))
                    {
                        return false;
                    }
                }

                byte[] made = [.. new byte[ChunkHeader.Size], .. rest];
                ChunkKey.Write(key, conversation, first);
                ChunkHeader.Write(made, key, (uint)(header.Last + 1 - first), header.Epoch, header.ChainAfter);
                builder.Put(Table.Log, key, made);
            }

            builder.Delete(Table.Log, cursor.Key);
        }

        return true;
    }

    private static void ForgetPublishes(InMemoryTables.Builder builder, ConversationId conversation, ulong below)
    {
        byte[] prefix = new byte[Id128.Size];
        conversation.Write(prefix);
        InMemoryCursor cursor = new(builder.Of(Table.Dedupe));
        for (cursor.Seek(prefix); cursor.Valid && cursor.Key.StartsWith(prefix); cursor.Next())
        {
            if (cursor.Value.Length == DedupeValue.Size && DedupeValue.Read(cursor.Value).Sequence < below)
            {
                builder.Delete(Table.Dedupe, cursor.Key);
            }
        }
    }

    private static long CountIn(InMemoryTables tables, ReadOnlySpan<byte> prefix)
    {
        long count = 0;
        InMemoryCursor cursor = new(tables.Of(Table.State));
        for (cursor.Seek(prefix); cursor.Valid && cursor.Key.StartsWith(prefix); cursor.Next())
        {
            count++;
        }

        return count;
    }

    /// <summary>What small state of the same moment notes: there is no second copy of it that a crash or a restore could leave behind.</summary>
    private static ulong[] NotedIn(InMemoryTables tables, ConversationId conversation)
    {
        Span<byte> prefix = stackalloc byte[StateKeys.ErasureSize];
        prefix = prefix[..StateKeys.WriteErasuresPrefix(prefix, conversation)];
        List<ulong>? noted = null;
        InMemoryCursor cursor = new(tables.Of(Table.State));
        for (cursor.Seek(prefix); cursor.Valid && cursor.Key.StartsWith(prefix); cursor.Next())
        {
            if (StateKeys.TryReadErasure(cursor.Key, out _, out ulong sequence))
            {
                (noted ??= []).Add(sequence);
            }
        }

        return noted is null ? [] : [.. noted];
    }

    private void CountCommit(InMemoryTables.Builder builder)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(number, CommitNumber + 1);
        builder.Put(Table.State, StateKeys.CommitNumber, number);
    }

    private static ulong NumberIn(InMemoryTables tables)
    {
        InMemoryCursor cursor = new(tables.Of(Table.State));
        cursor.Seek(StateKeys.CommitNumber);
        return cursor.Valid && cursor.Key.SequenceEqual(StateKeys.CommitNumber) ? BinaryPrimitives.ReadUInt64LittleEndian(cursor.Value) : 0;
    }

    private byte[]? Find(Table table, ReadOnlySpan<byte> key)
    {
        ThrowIfDisposed();
        return Volatile.Read(ref _durable).Find(table, key);
    }

    private InMemoryCursor CreateCursor(Table table)
    {
        ThrowIfDisposed();
        return new InMemoryCursor(Volatile.Read(ref _durable).Of(table));
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
}
