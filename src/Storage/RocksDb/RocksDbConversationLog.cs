using System.Buffers;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Storage;

/// <summary>
/// The durable log: a journal that commits are synced in, and RocksDB with a column family per <see cref="Table"/> into which they are moved by the file, sorted, in the background.
/// <para>
/// <see cref="Commit"/> is one write into a file of fixed length and one fdatasync. Only then do readers see it, does its number go into the <see cref="CommitWitness"/>, and does Commit
/// return, so that it may be acknowledged. Until a commit is in the tables it is served from the memory that it was written from (<see cref="RecentView"/>).
/// </para>
/// Threads: one committer, any number of readers; <see cref="Dispose"/> waits for those inside.
/// </summary>
public sealed class RocksDbConversationLog : IConversationLog
{
    private const int Free = 0;
    private const int Committing = 1;
    private const int Settling = 2;

    private readonly StoreDirectory _directory;
    private readonly RocksDbStore _tables;
    private readonly SegmentMover _mover;
    private readonly CommitApplier _applier;
    private readonly FilterFilling _filling;
    private readonly HeldIterators _held = new();
    private readonly NotedErasures _noted = new();
    private readonly Eraser _eraser;
    private readonly LargeValues _large;
    private readonly KeyVault? _vault;
    private JournalSegment? _current;
    private ulong _commitNumber;
    private long _rewrites;
    private StorageException? _failure;
    private int _writer;
    private int _disposed;

    private RocksDbConversationLog(StoreDirectory directory, StorageOptions options)
    {
        _directory = directory;
        _tables = directory.Tables;
        _vault = options.Vault;
        _commitNumber = directory.CommitNumber;
        _mover = new SegmentMover(_tables, directory.Journal, directory.Room, cause => Fail(cause, "moved into the tables"));
        _filling = new FilterFilling(_tables);
        _applier = new CommitApplier(_tables, WaitForRoom);
        _noted.Load(_tables);
        _eraser = new Eraser(this, directory, _mover, _noted, options);
        _large = new LargeValues(_tables, options.LargeValuesInterval, cause => Fail(cause, "collected"));
    }

    /// <inheritdoc/>
    public uint Epoch => _directory.Epoch;

    /// <inheritdoc/>
    public ulong CommitNumber => Volatile.Read(ref _commitNumber);

    /// <inheritdoc/>
    public StorageException? Failure => Volatile.Read(ref _failure);

    /// <inheritdoc/>
    public bool IsFull => _directory.Room.IsShort;

    /// <inheritdoc/>
    public bool IsBehind
    {
        get
        {
            RecentView view = _mover.Enter(this);
            try
            {
                return _large.AreBehind;
            }
            finally
            {
                view.Leave();
            }
        }
    }

    /// <inheritdoc/>
    public ErasureCounts Erasures => new(_eraser.Erased, _noted.Records);

    /// <summary>Records to be erased, and conversations that were cut off, that the files still have. For tests.</summary>
    internal int Noted => _noted.Count;

    /// <inheritdoc/>
    public ErasureWork ErasureWork => _eraser.Work;

    /// <summary>The version of the format that the store has by now.</summary>
    internal uint FormatVersion => _directory.Version;

    /// <summary>Makes true what is noted. For tests that look at its steps.</summary>
    internal Eraser Eraser => _eraser;

    /// <summary>The files of large values. For tests.</summary>
    internal LargeValues LargeValues => _large;

    /// <summary>Called before each write; what it throws counts as the device's answer. For tests.</summary>
    internal Action? BeforeWrite { get; set; }

    /// <summary>Called before each write of small state into its table; what it throws counts as RocksDB's answer. For tests.</summary>
    internal Action? BeforeState
    {
        get => _applier.BeforeState;
        set => _applier.BeforeState = value;
    }

    /// <summary>How often something changed what the tables had, instead of adding to it: commits, counted before they are acknowledged, and passes of the eraser.</summary>
    internal long Rewrites => Volatile.Read(ref _rewrites);

    /// <summary>Iterators that readers hold now.</summary>
    internal int HeldCount => _held.Count;

    /// <summary>The tables, for tests that plant damage.</summary>
    internal RocksDbStore Store => _tables;

    /// <summary>The data directory.</summary>
    internal string DirectoryPath => _directory.Path;

    /// <summary>Held by whoever takes a backup of this store.</summary>
    internal Lock BackupGate { get; } = new();

    /// <summary>Opens a store, or makes it.</summary>
    /// <param name="options">Where it is.</param>
    /// <param name="time">Drives the witness's background sync; the system's clock when absent.</param>
    /// <exception cref="StoreOpenException">It cannot be opened as it is; the message says why.</exception>
    public static RocksDbConversationLog Open(StorageOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        RocksDbConversationLog log = new(StoreDirectory.Open(options, time ?? TimeProvider.System), options);
        try
        {
            StoreSealing.Begin(log, log._directory, options.Vault);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Commit(ReadOnlySpan<CommitBatch> batches)
    {
        BecomeWriter(Committing);
        try
        {
            CommitAlone(batches);
        }
        finally
        {
            Volatile.Write(ref _writer, Free);
        }
    }

    /// <inheritdoc/>
    public LogHead ReadHead(ConversationId conversation)
    {
        Span<byte> id = stackalloc byte[Id128.Size];
        conversation.Write(id);
        RecentView view = _mover.Enter(this);
        LogCursor cursor = new(_tables, view, conversation, id);
        try
        {
            return ChunkPager.Head(ref cursor, conversation, _tables);
        }
        finally
        {
            cursor.Dispose();
            view.Leave();
        }
    }

    /// <inheritdoc/>
    public LogStart ReadStart(ConversationId conversation)
    {
        RecentView view = _mover.Enter(this);
        try
        {
            return _tables.StartOf(conversation);
        }
        finally
        {
            view.Leave();
        }
    }

    /// <inheritdoc/>
    public ChainHash? ReadChain(ConversationId conversation, ulong sequence)
    {
        Span<byte> id = stackalloc byte[Id128.Size];
        conversation.Write(id);
        RecentView view = _mover.Enter(this);
        LogStart start = _tables.StartOf(conversation);
        LogCursor cursor = new(_tables, view, conversation, id);
        try
        {
            return ChunkPager.Chain(ref cursor, conversation, sequence, start);
        }
        finally
        {
            cursor.Dispose();
            view.Leave();
        }
    }

    /// <inheritdoc/>
    public LogPage ReadForward(
        ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target)
    {
        ErasedSequences erased = _noted.Of(conversation);
        Span<byte> id = stackalloc byte[Id128.Size];
        conversation.Write(id);
        RecentView view = _mover.Enter(this);
        LogCursor cursor = new(_tables, view, conversation, id);
        try
        {
            return ChunkPager.Forward(ref cursor, conversation, after, through, countMax, bytesMax, target, erased, _vault?.Opener, _tables);
        }
        finally
        {
            cursor.Dispose();
            view.Leave();
        }
    }

    /// <inheritdoc/>
    public ILogReader OpenReader() => new TableReader(this, _tables, _mover, _held, _noted, _vault?.Opener);

    /// <inheritdoc/>
    public LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target)
    {
        ErasedSequences erased = _noted.Of(conversation);
        Span<byte> id = stackalloc byte[Id128.Size];
        conversation.Write(id);
        RecentView view = _mover.Enter(this);
        LogCursor cursor = new(_tables, view, conversation, id);
        try
        {
            return ChunkPager.Backward(ref cursor, conversation, before, countMax, bytesMax, target, erased, _vault?.Opener, _tables);
        }
        finally
        {
            cursor.Dispose();
            view.Leave();
        }
    }

    /// <inheritdoc/>
    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value)
    {
        ulong hash = 0;
        if (table == Table.Dedupe)
        {
            hash = KeyHash.Of(key);
            if (!_tables.Filter.MayContain(hash))
            {
                return -1;
            }
        }

        RecentView view = _mover.Enter(this);
        try
        {
            if (table != Table.Dedupe || !view.TryGetPublish(key, hash, out ReadOnlySpan<byte> recent))
            {
                return _tables.Get(table, key, value);
            }

            if (recent.Length > value.Length)
            {
                throw new ArgumentException($"The value has {recent.Length} bytes; the buffer holds {value.Length}.", nameof(value));
            }

            recent.CopyTo(value);
            return recent.Length;
        }
        finally
        {
            view.Leave();
        }
    }

    /// <inheritdoc/>
    public byte[]? Get(Table table, ReadOnlySpan<byte> key)
    {
        RecentView view = _mover.Enter(this);
        try
        {
            return table == Table.Dedupe && view.TryGetPublish(key, KeyHash.Of(key), out ReadOnlySpan<byte> recent) ? recent.ToArray() : _tables.Get(table, key);
        }
        finally
        {
            view.Leave();
        }
    }

    /// <inheritdoc/>
    public void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor)
    {
        if (table != Table.State)
        {
            Settle();
        }

        RecentView view = _mover.Enter(this);
        try
        {
            using RocksDbIterator cursor = _tables.CreateIterator(table);
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
            view.Leave();
        }
    }

    /// <summary>
    /// Erases what is noted by now without waiting for its time, and returns when no file of the store has the bodies any more; what a damaged chunk holds stays noted. Commits go on meanwhile. Seconds
    /// on a large store. Any thread but the committer's.
    /// </summary>
    /// <exception cref="StorageFullException">The disk has no room for it; it will be done later.</exception>
    /// <exception cref="StorageException">The store has failed.</exception>
    public void EraseNoted() => _eraser.RunNow();

    /// <inheritdoc/>
    public void EraseDeleted(IReadOnlyList<byte[]> prefixes) => _eraser.RunNow(prefixes);

    /// <summary>What is noted while no commit is under way; all journal files of this moment are to be renewed. Eraser.</summary>
    internal NotedWork BeginErasing()
    {
        BecomeWriter(Settling);
        try
        {
            // In this order or the other: nothing is taken or noted meanwhile. A commit that is noted here lies in a file of before.
            _directory.Journal.BeginRenewal();
            return _noted.Snapshot();
        }
        finally
        {
            Volatile.Write(ref _writer, Free);
        }
    }

    /// <summary>Has the current file moved if it is of before the renewal. Eraser.</summary>
    internal void RetireFile()
    {
        BecomeWriter(Settling);
        try
        {
            if (_current is { } current && !_directory.Journal.IsFresh(current))
            {
                MoveCurrent();
            }
        }
        finally
        {
            Volatile.Write(ref _writer, Free);
        }
    }

    /// <summary>Readers open the tables anew from their next read on. Eraser.</summary>
    internal void LetReadersReopen() => Interlocked.Increment(ref _rewrites);

    /// <summary>Brings every commit into the tables, and waits for it.</summary>
    internal void Settle()
    {
        BecomeWriter(Settling);
        try
        {
            MoveCurrent();
            _mover.WaitUntilIdle();
        }
        finally
        {
            Volatile.Write(ref _writer, Free);
        }
    }

    /// <summary>The files of the store as they are now, for a backup. Commits go on.</summary>
    /// <exception cref="StorageException">The log has failed, or the device does.</exception>
    internal StoreSnapshot TakeSnapshot() => Failure is { } failure
        ? throw new StorageException($"The store has failed: {failure.Message}", failure)
        : StoreSnapshot.Take(DirectoryPath, _tables, _mover);

    /// <summary>Closes the store, with everything in the tables if it can be. What was committed stays in any case.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        SpinWait spin = default;
        while (Interlocked.CompareExchange(ref _writer, Settling, Free) != Free)
        {
            spin.SpinOnce();
        }

        _eraser.Dispose();
        _large.Dispose();
        if (Failure is null)
        {
            MoveCurrent();
        }

        _filling.Dispose();
        _mover.Dispose();
        _held.CloseAll();
        _current?.Dispose();
        _directory.Dispose();
    }

    private void BecomeWriter(int role)
    {
        SpinWait spin = default;
        while (Interlocked.CompareExchange(ref _writer, role, Free) is var other and not Free)
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
            if (role == Committing && other == Committing)
            {
                throw new InvalidOperationException("Another thread is committing; the log has one committer.");
            }

            spin.SpinOnce();
        }

        if (Volatile.Read(ref _disposed) != 0)
        {
            Volatile.Write(ref _writer, Free);
            throw new ObjectDisposedException(nameof(RocksDbConversationLog));
        }
    }

    private void CommitAlone(ReadOnlySpan<CommitBatch> batches)
    {
        if (Failure is { } earlier)
        {
            throw new StorageException($"The log takes no commits since an earlier one failed: {earlier.Message}", earlier);
        }

        long bytes = 0;
        JournalFlags flags = JournalFlags.None;
        bool isErasing = false;
        bool isTruncating = false;
        foreach (CommitBatch batch in batches)
        {
            bytes += batch.Entries.Length;
            flags |= batch.Rewrites ? JournalFlags.Rewrites : JournalFlags.None;
            isErasing |= batch.Erases;
            isTruncating |= batch.Truncates;
        }

        if (bytes == 0)
        {
            return;
        }

        ulong number = _commitNumber + 1;
        JournalSegment segment = SegmentOrFailure(bytes, number, flags, isTruncating ? StoreFormat.TruncatingVersion : isErasing ? StoreFormat.ErasingVersion : 0);
        try
        {
            Span<byte> entries = segment.NextEntries((int)bytes);
            foreach (CommitBatch batch in batches)
            {
                batch.Entries.CopyTo(entries);
                entries = entries[batch.Entries.Length..];
            }

            BeforeWrite?.Invoke();
            segment.Append(number, Epoch, flags, (int)bytes);
            int size = JournalRecord.HeaderSize + (int)bytes;
            if (isTruncating)
            {
                _tables.NoteStart();
            }

            if (isErasing)
            {
                // Durable, and not visible yet: a record that is erased by the commit that appends it is never served.
                _noted.Note(segment.Image.AsSpan(0, segment.Size), segment.Size - (int)bytes);
            }

            _applier.Apply(segment, segment.Size - size, size, flags);
            Failpoint.Reach("commit-applied");
            if (flags != JournalFlags.None)
            {
                Interlocked.Increment(ref _rewrites);
            }
        }
        catch (Exception cause)
        {
            throw Final(cause, number);
        }

        _directory.Witness.Record(number);
        Failpoint.Reach("commit-witnessed");
        Volatile.Write(ref _commitNumber, number);
        if (isErasing)
        {
            _eraser.Wake();
        }
    }

    /// <summary>The file for the next commit; a full disk is told before anything is written, and is no failure.</summary>
    private JournalSegment SegmentOrFailure(long bytes, ulong number, JournalFlags flags, uint version)
    {
        try
        {
            // Before anything that was encrypted by a secret is durable, the secret is.
            _vault?.MakeDurable();
            if (version != 0)
            {
                _directory.RequireVersion(version);
            }

            return SegmentFor(bytes, number, flags);
        }
        catch (Exception cause) when (cause is not StorageFullException)
        {
            throw Final(cause, number);
        }
    }

    private StorageException Final(Exception cause, ulong number)
    {
        StorageException failure = cause as StorageException ?? new StorageException($"Commit {number} failed: {cause.Message}", cause);
        Interlocked.CompareExchange(ref _failure, failure, null);
        return failure;
    }

    /// <summary>Small state of a commit that is in the journal finds no room in its table; false: the store is being closed.</summary>
    private bool WaitForRoom()
    {
        _directory.Room.RanOut();
        Thread.Sleep(DiskRoom.Poll);
        return Volatile.Read(ref _disposed) == 0;
    }

    /// <summary>The file for the next commit. One that changes what the tables have begins a file, with everything before it in the tables: it goes there itself.</summary>
    private JournalSegment SegmentFor(long bytes, ulong number, JournalFlags flags)
    {
        if (flags != JournalFlags.None)
        {
            MoveCurrent();
            _mover.WaitUntilIdle();
            if (Failure is { } failure)
            {
                throw failure;
            }
        }

        if (_current is { } current && current.Fits(bytes))
        {
            return current;
        }

        JournalSegment next = _directory.Journal.Take(bytes, () => Failure);
        next.Begin(Epoch, number);
        Failpoint.Reach("journal-begun");
        _mover.Extend(full: _current, next);
        _current = next;
        return next;
    }

    private void MoveCurrent()
    {
        if (_current is not null)
        {
            _mover.Extend(full: _current, next: null);
            _current = null;
        }
    }

    /// <summary>The device failed somebody who works for the log.</summary>
    /// <param name="what">What could not be done to commits, in a word.</param>
    internal void Fail(Exception cause, string what) => Interlocked.CompareExchange(
        ref _failure, cause as StorageException ?? new StorageException($"Commits cannot be {what}: {cause.Message}", cause), null);
}
