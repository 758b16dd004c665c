using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Takes out of the tables what was cut off: the chunks of a conversation below the sequence that its log begins with, and the dedupe entries that nobody has to be answered by any more. The chunk with that
/// sequence in its middle is written anew, under the key of its first kept record; its count and its first record change, its epoch and the chain behind it stay. Each conversation is one write
/// of RocksDB's, so a reader finds the old chunk or the new one, and what a crash leaves is either of them. It may be repeated: what is gone stays gone. The eraser's thread.
/// </summary>
internal sealed class LogCutter(RocksDbStore store)
{
    /// <summary>Dedupe entries that are taken away by one write.</summary>
    private const int TogetherMax = 1024;

    /// <summary>After each write the device belongs to the commits for as long as a sync or two take.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(2);

    private byte[] _chunk = new byte[ChunkHeader.Size + ProtocolLimits.ChunkSizeMax];

    /// <summary>What was taken out of the log table: from a first key to a last one, both included, in order.</summary>
    public List<(byte[] First, byte[] Last)> Chunks { get; } = [];

    /// <summary>The same of the dedupe table.</summary>
    public List<(byte[] First, byte[] Last)> Publishes { get; } = [];

    /// <summary>Conversations of which a chunk cannot be cut in its middle because it is damaged.</summary>
    public HashSet<ConversationId> Damaged { get; } = [];

    /// <summary>Takes out everything that is noted.</summary>
    /// <exception cref="StorageFullException">There is no room; the same call succeeds later.</exception>
    /// <exception cref="StorageException">The device failed.</exception>
    public void Run(NotedWork noted, CancellationToken stop)
    {
        Chunks.Clear();
        Publishes.Clear();
        Damaged.Clear();
        foreach ((ConversationId conversation, ulong first) in noted.Cuts)
        {
            stop.ThrowIfCancellationRequested();
            CutLog(conversation, first);
        }

        foreach ((ConversationId conversation, ulong below) in noted.Forgotten)
        {
            stop.ThrowIfCancellationRequested();
            ForgetPublishes(conversation, below, stop);
        }
    }

    private void CutLog(ConversationId conversation, ulong first)
    {
        byte[] from = new byte[ChunkKey.Size];
        byte[] to = new byte[ChunkKey.Size];
        ChunkKey.Write(from, conversation, 0);
        ChunkKey.Write(to, conversation, first);

        // Also when nothing is there any more: a pass that was cut off may have taken it out of the table and left it in the files.
        Chunks.Add((from, to));
        using RocksDbIterator cursor = store.CreateScan(Table.Log);
        cursor.SeekForPrevious(to);
        if (Stands(cursor, conversation) && ChunkKey.First(cursor.Key) == first)
        {
            cursor.Previous();
        }

        if (!Stands(cursor, conversation))
        {
            return;
        }

        ReadOnlySpan<byte> made = default;
        try
        {
            ChunkHeader last = ChunkHeader.Read(cursor.Key, cursor.Value);
            made = last.Last < first ? default : Cut(to, cursor.Key, cursor.Value, last, first);
        }
        catch (CorruptRecordException)
        {
            cursor.Next();
            if (!Stands(cursor, conversation) || ChunkKey.First(cursor.Key) > first)
            {
                // What of it is kept cannot be told: it stays, `verify` reports it, and the others do not wait for it.
                Damaged.Add(conversation);
                return;
            }
        }

        store.CutLog(from, to, made);
        Thread.Sleep(s_pause);
    }

    /// <summary>The chunk without the records before <paramref name="first"/>.</summary>
    private ReadOnlySpan<byte> Cut(scoped ReadOnlySpan<byte> newKey, scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> value, scoped in ChunkHeader header, ulong first)
    {
        ReadOnlySpan<byte> rest = value[ChunkHeader.Size..];
        for (ulong sequence = header.First; sequence < first; sequence++)
        {
            // Only its length has to be right: what is thrown away may be damaged.
            if (!MessageRecord.TryRead(ref rest, out _))
            {
                throw new CorruptRecordException($"Record {sequence} in {ChunkHeader.Name(key)} is cut off.");
            }
        }

        int size = ChunkHeader.Size + rest.Length;
        if (size > _chunk.Length)
        {
            _chunk = new byte[size];
        }

        rest.CopyTo(_chunk.AsSpan(ChunkHeader.Size));
        ChunkHeader.Write(_chunk, newKey, (uint)(header.Last + 1 - first), header.Epoch, header.ChainAfter);
        return _chunk.AsSpan(0, size);
    }

    private void ForgetPublishes(ConversationId conversation, ulong below, CancellationToken stop)
    {
        byte[] from = new byte[DedupeKey.Size];
        byte[] to = new byte[DedupeKey.Size];
        conversation.Write(from);
        to.AsSpan().Fill(0xFF);
        conversation.Write(to);
        Publishes.Add((from, to));
        CommitBatch batch = new(epoch: 1);
        using RocksDbIterator cursor = store.CreateScan(Table.Dedupe);
        for (cursor.Seek(from.AsSpan(0, Id128.Size)); cursor.Valid && cursor.Key.StartsWith(from.AsSpan(0, Id128.Size)); cursor.Next())
        {
            if (cursor.Value.Length == DedupeValue.Size && BinaryPrimitives.ReadUInt64LittleEndian(cursor.Value) < below)
            {
                batch.Delete(Table.Dedupe, cursor.Key);
            }

            if (batch.Count == TogetherMax)
            {
                stop.ThrowIfCancellationRequested();
                Write(batch);
            }
        }

        Write(batch);
    }

    private void Write(CommitBatch batch)
    {
        if (batch.Count > 0)
        {
            store.NoteLogWrite();
            store.WriteUnsynced(batch.Representation.Span);
            batch.Reset();
            Thread.Sleep(s_pause);
        }
    }

    private static bool Stands(in RocksDbIterator cursor, ConversationId conversation) =>
        cursor.Valid && cursor.Key.Length == ChunkKey.Size && ChunkKey.Conversation(cursor.Key) == conversation;
}
