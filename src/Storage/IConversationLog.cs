using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The narrow waist between the shards and the disk: a dense log of records per conversation, and small side tables that change in the
/// same atomic batch. Two implementations exist, RocksDB and an in-memory one that can crash at any sync point; one suite of contract
/// tests runs against both.
/// <para>
/// Threads: reads may come from any thread at any time and see durable data only. <see cref="Commit"/> is called by one thread at a
/// time (the <see cref="CommitPipeline"/>).
/// </para>
/// </summary>
public interface IConversationLog : IDisposable
{
    /// <summary>Incarnation of this store, from 1. It grows only when acknowledged records were lost and an operator accepted that.</summary>
    uint Epoch { get; }

    /// <summary>Number of the last durable commit; 0 for an empty store.</summary>
    ulong CommitNumber { get; }

    /// <summary>Why the log takes no commits any more; null while it does. Once set it stays.</summary>
    StorageException? Failure { get; }

    /// <summary>
    /// True while the disk has no room for further commits. What is committed is there and can be read; the log finds out by itself when there is room again. A commit that comes now may still find
    /// some, and one that comes before may find none any more.
    /// </summary>
    bool IsFull => false;

    /// <summary>True while the tables are behind with small state: whoever has large values to write waits a moment, and others' commits do not have to.</summary>
    /// <exception cref="ObjectDisposedException">The log is closed.</exception>
    bool IsBehind => false;

    /// <summary>What was erased and what waits for it.</summary>
    ErasureCounts Erasures => default;

    /// <summary>The work of erasing since the log was opened. Any thread.</summary>
    ErasureWork ErasureWork => default;

    /// <summary>
    /// Writes the batches in the given order as one atomic unit and returns when it is on stable storage (fdatasync returned 0).
    /// The first failure is final: the log refuses every later commit, because a failed fsync may have dropped the pages it could
    /// not write, so a retry that "succeeds" proves nothing. Batches without any entry change nothing and take no commit number.
    /// </summary>
    /// <exception cref="StorageFullException">There is no room. Nothing was written, the log is as it was, and the same batches may be committed later.</exception>
    /// <exception cref="StorageException">The device failed; nothing of the batches may be acknowledged.</exception>
    void Commit(ReadOnlySpan<CommitBatch> batches);

    /// <summary>
    /// Has everything erased now that is noted, and with it the values that some entries of small state had before: afterwards no file has them. Blocks for seconds, and more for large stores; any
    /// thread but the committer's.
    /// </summary>
    /// <param name="prefixes">What the keys of small state begin with whose deletion, or new value, is durable.</param>
    /// <exception cref="StorageFullException">There is no room for it now; what is noted is done later.</exception>
    /// <exception cref="StorageException">The store has failed.</exception>
    /// <exception cref="ObjectDisposedException">The log is closed.</exception>
    void EraseDeleted(IReadOnlyList<byte[]> prefixes)
    {
    }

    /// <summary>The durable head of a conversation; sequence 0 and a zero chain when it never had a record.</summary>
    LogHead ReadHead(ConversationId conversation);

    /// <summary>Where a conversation's log begins: <see cref="LogStart.Beginning"/> unless something was cut off (<see cref="CommitBatch.Truncate"/>).</summary>
    /// <exception cref="CorruptRecordException">The entry cannot be read.</exception>
    LogStart ReadStart(ConversationId conversation)
    {
        Span<byte> key = stackalloc byte[StateKeys.LogStartSize];
        StateKeys.WriteLogStart(key, conversation);
        return Get(Table.State, key) is { } value ? LogStart.Read(value) : LogStart.Beginning;
    }

    /// <summary>The hash chain behind a durable record that is kept, or behind the last one that was cut off; null when there is none with this sequence.</summary>
    /// <exception cref="CorruptRecordException">It cannot be told any more.</exception>
    ChainHash? ReadChain(ConversationId conversation, ulong sequence);

    /// <summary>
    /// Copies whole records with sequences in (<paramref name="after"/>, <paramref name="through"/>] to <paramref name="target"/>, ascending, at most
    /// <paramref name="countMax"/> records and <paramref name="bytesMax"/> bytes, but at least one record if there is one. The page ends before a damaged record;
    /// a read that would have to begin with it throws. When a read throws, what it put into <paramref name="target"/> is void. Of a log whose beginning was cut off the page begins with the first kept
    /// record: who needs the one behind <paramref name="after"/> looks at <see cref="LogPage.First"/>.
    /// </summary>
    /// <exception cref="CorruptRecordException">A record or chunk does not match its checksum: never served.</exception>
    LogPage ReadForward(ConversationId conversation, ulong after, ulong through, int countMax, int bytesMax, IBufferWriter<byte> target);

    /// <summary>A reader for many pages in a row; the caller disposes it.</summary>
    ILogReader OpenReader() => new PagewiseReader(this);

    /// <summary>
    /// Copies the last records with sequences below <paramref name="before"/> (<see cref="LogPosition.Latest"/> = from the head), under the same
    /// bounds. The page is ascending too: only the choice of records is backward; it begins behind a damaged record.
    /// </summary>
    /// <exception cref="CorruptRecordException">A record or chunk does not match its checksum: never served.</exception>
    LogPage ReadBackward(ConversationId conversation, ulong before, int countMax, int bytesMax, IBufferWriter<byte> target);

    /// <summary>Copies a side table's value (not the log's, which is read by the pages above) to <paramref name="value"/> and returns its size; −1 when the key is absent.</summary>
    /// <exception cref="ArgumentException">The value is larger than <paramref name="value"/>.</exception>
    int Get(Table table, ReadOnlySpan<byte> key, Span<byte> value);

    /// <summary>A side table's value in an array of its own; null when the key is absent.</summary>
    byte[]? Get(Table table, ReadOnlySpan<byte> key);

    /// <summary>
    /// Visits the entries of a table whose keys start with <paramref name="prefix"/>, ascending, beginning behind <paramref name="after"/> (a whole key, or
    /// empty), until <paramref name="visitor"/> returns false. The visitor sees the state at the beginning of the scan.
    /// </summary>
    void Scan(Table table, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after, ScanVisitor visitor);
}

/// <summary>Sees one entry of a scan; the spans die with the call. False ends the scan.</summary>
public delegate bool ScanVisitor(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

/// <summary>The side tables and the log itself, as numbered in docs/log-format.md.</summary>
public enum Table : byte
{
    /// <summary>Small state: names, accounts, memberships, lists, tokens; keys in <see cref="StateKeys"/>. Also the commit number.</summary>
    State = 0,

    /// <summary>Chunks of records, ordered by conversation and first sequence.</summary>
    Log = 1,

    /// <summary>(conversation, publisher, device, client message id) → sequence and body hash.</summary>
    Dedupe = 2,
}

/// <summary>Where a conversation's log ends.</summary>
/// <param name="Sequence">The last record's sequence; 0 when there is none.</param>
/// <param name="Chain">The hash chain behind it (<see cref="ChainHash"/>).</param>
public readonly record struct LogHead(ulong Sequence, ChainHash Chain);

/// <summary>How erasing stands. What waits is served as tombstones already.</summary>
/// <param name="Erased">Records whose body no file has any more, since the log was opened.</param>
/// <param name="Waiting">Records that are noted and not erased.</param>
public readonly record struct ErasureCounts(long Erased, long Waiting);

/// <summary>What erasing has cost.</summary>
/// <param name="Passes">Passes that were made to their end.</param>
/// <param name="Duration">How long passes took, those that were cut off included.</param>
/// <param name="Bytes">Bytes of chunks that were written anew; what RocksDB merges beside that is not counted.</param>
public readonly record struct ErasureWork(long Passes, TimeSpan Duration, long Bytes);

/// <summary>What a read copied.</summary>
/// <param name="First">Sequence of the first record; 0 when there is none.</param>
/// <param name="Last">Sequence of the last record; 0 when there is none.</param>
/// <param name="Count">Records copied.</param>
/// <param name="Bytes">Bytes copied.</param>
/// <param name="Complete">True when no further record exists in the direction of the read (and within its range).</param>
public readonly record struct LogPage(ulong First, ulong Last, int Count, int Bytes, bool Complete);
