using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Storage;

/// <summary>
/// Brings the commits of a journal file into the tables: one sorted file for the log, with the chunks of a conversation joined to large ones, and one for the dedupe entries, both taken in by
/// RocksDB as they are. Nothing passes a memtable, and RocksDB's write-ahead log never sees a message.
/// <para>
/// It may be cut off anywhere: what was taken in twice is the same entry twice, and the number of the last commit that is in the tables is written last. Thread: the mover's.
/// </para>
/// </summary>
internal sealed class TableMover
{
    private readonly RocksDbStore _store;
    private readonly Func<TimeSpan> _pause;
    private readonly List<int> _order = [];
    private readonly List<int> _chain = [];
    private readonly byte[] _joined = new byte[ChunkHeader.Size + ProtocolLimits.ChunkSizeMax];
    private SortedPublish[] _publishes = [];
    private long _files;

    /// <param name="pause">Asked after each <see cref="SortedFile.StepBytes"/>: how long to wait.</param>
    public TableMover(RocksDbStore store, Func<TimeSpan> pause)
    {
        _store = store;
        _pause = pause;
        StableFile.CreateDirectory(store.IncomingDirectory);
        foreach (string left in Directory.EnumerateFiles(store.IncomingDirectory))
        {
            File.Delete(left);
        }
    }

    /// <summary>Moves everything in the segment; what is there already stays as it is.</summary>
    /// <exception cref="StorageFullException">There is no room; the same move succeeds later.</exception>
    /// <exception cref="StorageException">The device failed.</exception>
    public void Move(JournalSegment segment)
    {
        Failpoint.Reach("move-begun");
        RecentIndex index = segment.Index;
        if (index.ConversationCount > 0)
        {
            MoveChunks(index);
        }

        Failpoint.Reach("move-chunks-taken-in");

        if (index.PublishCount > 0)
        {
            MovePublishes(index);
        }

        Failpoint.Reach("move-publishes-taken-in");
        _store.SetMovedCommit(segment.LastCommit);
        Failpoint.Reach("move-numbered");
    }

    private void MoveChunks(RecentIndex index)
    {
        _order.Clear();
        index.CopyNewest(_order);
        _order.Sort((left, right) => index.Key(index.Chunk(left))[..Id128.Size].SequenceCompareTo(index.Key(index.Chunk(right))[..Id128.Size]));
        using SortedFile file = new(_store, Table.Log, $"log-{++_files}.sst", _pause);
        foreach (int newest in _order)
        {
            _chain.Clear();
            for (int chunk = newest; chunk != RecentIndex.None; chunk = index.Chunk(chunk).Previous)
            {
                _chain.Add(chunk);
            }

            _chain.Reverse();
            for (int taken = 0; taken < _chain.Count;)
            {
                taken += WriteJoined(file, index, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_chain)[taken..]);
            }
        }

        file.TakeIn();
    }

    /// <summary>Writes the first of the chunks, with as many joined to it as one chunk may hold, and says how many those were.</summary>
    private int WriteJoined(SortedFile file, RecentIndex index, ReadOnlySpan<int> chunks)
    {
        RecentChunk first = index.Chunk(chunks[0]);
        ReadOnlySpan<byte> key = index.Key(first);
        ChunkHeader header = ChunkHeader.Read(key, index.Value(first));
        int size = first.Size;
        int taken = 1;
        RecentChunk last = first;
        for (; taken < chunks.Length; taken++)
        {
            RecentChunk next = index.Chunk(chunks[taken]);
            if (next.First != last.Last + 1 || size + next.Size - ChunkHeader.Size > _joined.Length)
            {
                break;
            }

            ChunkHeader nextHeader = ChunkHeader.Read(index.Key(next), index.Value(next));
            if (nextHeader.Epoch != header.Epoch)
            {
                break;
            }

            if (taken == 1)
            {
                index.Value(first).CopyTo(_joined);
            }

            index.Value(next)[ChunkHeader.Size..].CopyTo(_joined.AsSpan(size));
            size += next.Size - ChunkHeader.Size;
            header = header with { Count = header.Count + nextHeader.Count, ChainAfter = nextHeader.ChainAfter };
            last = next;
        }

        if (taken == 1)
        {
            file.Add(key, index.Value(first));
            return 1;
        }

        ChunkHeader.Write(_joined, key, header.Count, header.Epoch, header.ChainAfter);
        file.Add(key, _joined.AsSpan(0, size));
        return taken;
    }

    private void MovePublishes(RecentIndex index)
    {
        ReadOnlySpan<int> entries = index.Publishes;
        if (_publishes.Length < entries.Length)
        {
            _publishes = new SortedPublish[entries.Length];
        }

        Span<SortedPublish> sorted = _publishes.AsSpan(0, entries.Length);
        for (int i = 0; i < sorted.Length; i++)
        {
            ReadOnlySpan<byte> key = index.EntryAt(entries[i], out ReadOnlySpan<byte> value);
            sorted[i] = new SortedPublish(key, value, entries[i]);
        }

        sorted.Sort(default(SortedPublishOrder));
        using SortedFile file = new(_store, Table.Dedupe, $"dedupe-{++_files}.sst", _pause);
        Span<byte> keyBytes = stackalloc byte[DedupeKey.Size];
        Span<byte> valueBytes = stackalloc byte[DedupeValue.Size];
        for (int i = 0; i < sorted.Length; i++)
        {
            // Of several entries of a key the last one counts.
            if (i + 1 == sorted.Length || !sorted[i].HasKeyOf(sorted[i + 1]))
            {
                if (sorted[i].TryWrite(keyBytes, valueBytes))
                {
                    file.Add(keyBytes, valueBytes);
                }
                else
                {
                    file.Add(index.EntryAt(sorted[i].Entry, out ReadOnlySpan<byte> value), value);
                }
            }
        }

        file.TakeIn();
    }
}
