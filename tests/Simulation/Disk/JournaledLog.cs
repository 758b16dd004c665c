using System.Buffers;

using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>
/// The broker's log on the simulated disk: the real journal (segments, records, salts, reading behind a crash) in simulated files, and tables in memory, into which full files are moved a while later. Readers
/// see what is committed, wherever it is.
/// </summary>
internal sealed class JournaledLog : IConversationLog
{
    /// <summary>Small, so that files are used again and again.</summary>
    private const int FileSize = 128 * 1024;

    /// <summary>Full files that wait for their move at the most.</summary>
    private const int FullMax = 3;

    private readonly SimulatedDisk _disk;
    private readonly Chance _chance;
    private readonly Queue<(SimulatedFile File, InMemoryConversationLog Behind)> _full = new();
    private readonly List<SimulatedFile> _free;
    private (SimulatedFile File, JournalSegment Segment)? _current;

    /// <summary>Opens what the disk has, as a start does.</summary>
    /// <exception cref="InvalidDataException">Something that was acknowledged is not there: a real broker would not start.</exception>
    public JournaledLog(SimulatedDisk disk, Chance chance)
    {
        _disk = disk;
        _chance = chance;
        Memory = disk.Tables.Copy();
        JournalReader journal = JournalReader.Of(disk.Files.Select(file => new JournalSegment(file.Name, file, file.Read())), Memory.CommitNumber);
        if (journal.Damage is { } damage)
        {
            throw new InvalidDataException(damage);
        }

        if (journal.LastCommit < disk.Witness)
        {
            throw new InvalidDataException($"it recovered to commit {journal.LastCommit}, though commit {disk.Witness} was acknowledged");
        }

        foreach (JournalSegment segment in journal.Live)
        {
            Replay(segment);
        }

        disk.Move(Memory);
        _free = [.. disk.Files];
    }

    /// <summary>What is committed.</summary>
    public InMemoryConversationLog Memory { get; }

    /// <inheritdoc/>
    public uint Epoch => Memory.Epoch;

    /// <inheritdoc/>
    public ulong CommitNumber => Memory.CommitNumber;

    /// <inheritdoc/>
    public StorageException? Failure { get; private set; }

    /// <inheritdoc/>
    public bool IsFull => _disk.IsFull;

    /// <inheritdoc/>
    public void Commit(ReadOnlySpan<CommitBatch> batches)
    {
        if (Failure is { } earlier)
        {
            throw new StorageException($"The log takes no commits since an earlier one failed: {earlier.Message}", earlier);
        }

        int bytes = 0;
        JournalFlags flags = JournalFlags.None;
        foreach (CommitBatch batch in batches)
        {
            bytes += batch.Entries.Length;
            flags |= batch.Rewrites ? JournalFlags.Rewrites : JournalFlags.None;
        }

        if (bytes == 0)
        {
            return;
        }

        try
        {
            JournalSegment segment = SegmentFor(bytes, flags);
            Span<byte> entries = segment.NextEntries(bytes);
            foreach (CommitBatch batch in batches)
            {
                batch.Entries.CopyTo(entries);
                entries = entries[batch.Entries.Length..];
            }

            segment.Append(CommitNumber + 1, Epoch, flags, bytes);
        }
        catch (Exception cause) when (cause is not (StorageFullException or SimulatedDeathException))
        {
            Failure = new StorageException($"Commit {CommitNumber + 1} failed: {cause.Message}", cause);
            throw Failure;
        }

        Memory.Commit(batches);
        _disk.OnCommitted(CommitNumber);
        if (Memory.HasNotedWork && _chance.OneIn(100))
        {
            // What is deleted is masked at once and goes from the tables at some time: here, between two commits.
            Memory.EraseNoted();
        }
    }

    /// <inheritdoc/>
    public LogHead ReadHead(ConversationId conversation) => Memory.ReadHead(conversation);

    /// <inheritdoc/>
    public LogStart ReadStart(ConversationId conversation) => Memory.ReadStart(conversation);

    /// <inheritdoc/>
    public ChainHash? ReadChain(ConversationId conversation, ulong sequence) => Memory.ReadChain(conversation, sequence);

    /// <inheritdoc/>
    public LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        Memory.ReadForward(conversation, after, through, countMax, bytesMax, target);

    /// <inheritdoc/>
    public LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target) =>
        Memory.ReadBackward(conversation, before, countMax, bytesMax, target);

    /// <inheritdoc/>
    public int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value) => Memory.Get(table, key, value);

    /// <inheritdoc/>
    public byte[]? Get(Table table, ReadOnlySpan<byte> key) => Memory.Get(table, key);

    /// <inheritdoc/>
    public void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor) => Memory.Scan(table, prefix, after, visitor);

    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();

    private void Replay(JournalSegment segment)
    {
        for (int offset = JournalHeader.Size; offset < segment.Size;)
        {
            _ = JournalRecord.TryRead(segment.Image.AsSpan(offset, segment.Size - offset), segment.Salt, out JournalRecord record);
            if (record.Commit > CommitNumber)
            {
                Memory.Replay(segment.Image.AsSpan(0, offset + record.Size), offset + JournalRecord.HeaderSize);
            }

            offset = JournalRecord.Aligned(offset + record.Size);
        }
    }

    /// <summary>The file for the next commit. One that changes what the tables have begins a file, with everything before it in the tables, as in the real log.</summary>
    private JournalSegment SegmentFor(int bytes, JournalFlags flags)
    {
        if (IsFull)
        {
            throw new StorageFullException("There is no room for further commits.");
        }

        if (_current is { } current && (flags != JournalFlags.None || !current.Segment.Fits(bytes)))
        {
            _full.Enqueue((current.File, Memory.Copy()));
            _current = null;
        }

        while (_full.Count > 0 && (flags != JournalFlags.None || _full.Count > FullMax || _chance.OneIn(20)))
        {
            (SimulatedFile moved, InMemoryConversationLog behind) = _full.Dequeue();
            _disk.Move(behind);
            _free.Add(moved);
        }

        if (_current is null)
        {
            SimulatedFile file = Take(bytes);
            JournalSegment segment = new(file.Name, file, file.Read());
            segment.Begin(Epoch, CommitNumber + 1);
            _current = (file, segment);
        }

        return _current.Value.Segment;
    }

    /// <summary>Mostly one that has been in use before: what it held must not be taken for commits.</summary>
    private SimulatedFile Take(int bytes)
    {
        int needed = (2 * JournalHeader.Size) + JournalRecord.Alignment + JournalRecord.HeaderSize + bytes;
        int index = _free.FindIndex(file => file.Size >= needed);
        if (index < 0)
        {
            return _disk.MakeFile(Math.Max(FileSize, needed));
        }

        SimulatedFile file = _free[index];
        _free.RemoveAt(index);
        return file;
    }
}
