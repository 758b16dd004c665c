using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Puts tombstones into the log table: the chunks that hold noted records are written anew into one sorted file, which the table takes in as a whole. Nothing passes the commit path. It may be cut
/// off anywhere and repeated: a record that is a tombstone already stays as it is. The eraser's thread.
/// </summary>
internal sealed class ChunkRewriter(RocksDbStore store)
{
    /// <summary>After each step the device belongs to the commits for as long as a sync or two take.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(2);

    private readonly ErasedChunk _chunk = new();
    private long _files;
    private long _bytesWritten;

    /// <summary>Bytes of chunks written anew so far. Any thread.</summary>
    public long BytesWritten => Volatile.Read(ref _bytesWritten);

    /// <summary>The keys of all chunks that hold noted records, ascending, whether they had to be written again or not: earlier versions of them may lie in older files.</summary>
    public List<byte[]> Keys { get; } = [];

    /// <summary>Noted records that cannot be erased because their chunk, or they themselves, are damaged.</summary>
    public HashSet<(ConversationId Conversation, ulong Sequence)> Damaged { get; } = [];

    /// <summary>Rewrites what has to be; returns when it is on stable storage.</summary>
    /// <param name="noted">In the order of the log.</param>
    /// <exception cref="StorageFullException">There is no room; the same call succeeds later.</exception>
    /// <exception cref="StorageException">The device failed.</exception>
    public void Run(List<(ConversationId Conversation, ulong[] Sequences)> noted, CancellationToken stop)
    {
        Keys.Clear();
        Damaged.Clear();
        SortedFile? file = null;
        try
        {
            using RocksDbIterator cursor = store.CreateScan(Table.Log);
            foreach ((ConversationId conversation, ulong[] sequences) in noted)
            {
                for (int at = 0; at < sequences.Length;)
                {
                    stop.ThrowIfCancellationRequested();
                    at += RewriteChunkOf(cursor, conversation, sequences.AsSpan(at), ref file);
                }
            }

            file?.TakeIn();
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>Rewrites the chunk that has the first of the sequences, and says how many of them it settled.</summary>
    private int RewriteChunkOf(RocksDbIterator cursor, ConversationId conversation, ReadOnlySpan<ulong> sequences, ref SortedFile? file)
    {
        Span<byte> key = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(key, conversation, sequences[0]);
        cursor.SeekForPrevious(key);
        if (!cursor.Valid || cursor.Key.Length != ChunkKey.Size || ChunkKey.Conversation(cursor.Key) != conversation)
        {
            // No such record: erasing it is nothing.
            return 1;
        }

        int inside = 1;
        try
        {
            ChunkHeader header = ChunkHeader.Read(cursor.Key, cursor.Value);
            while (inside < sequences.Length && sequences[inside] <= header.Last)
            {
                inside++;
            }

            if (header.Last < sequences[0])
            {
                return 1;
            }

            Keys.Add(cursor.Key.ToArray());
            if (_chunk.TryMake(cursor.Key, cursor.Value, new ErasedSequences(sequences[..inside]), out ReadOnlySpan<byte> made))
            {
                file ??= new SortedFile(store, Table.Log, $"erased-{++_files}.sst", static () => s_pause);
                file.Add(cursor.Key, made);
                Volatile.Write(ref _bytesWritten, _bytesWritten + made.Length);
            }
        }
        catch (CorruptRecordException)
        {
            // It is never served, and `verify` reports it; the rest must not wait for it.
            foreach (ulong sequence in sequences[..inside])
            {
                Damaged.Add((conversation, sequence));
            }
        }

        return inside;
    }
}
