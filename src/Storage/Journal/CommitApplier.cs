using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Makes a commit that is in the journal visible: chunks and dedupe entries through the file's index, small state in its table at once (RocksDB's log keeps it, unsynced: until it is moved, the
/// journal has it too). Thread: the committer, or recovery.
/// </summary>
/// <param name="waitForRoom">
/// The tables had no room for small state: waits a moment and says whether to try again. The commit is in the journal, so there is no other way than forward; null: the failure is the caller's.
/// </param>
internal sealed class CommitApplier(RocksDbStore store, Func<bool>? waitForRoom = null)
{
    private byte[] _state = new byte[4096];
    private int _stateSize;
    private uint _stateCount;
    private ulong[] _hashes = new ulong[1024];
    private int _hashCount;

    /// <summary>Applies the commit that ends where the segment's commits end.</summary>
    /// <param name="offset">Where its record begins.</param>
    /// <param name="tableHead">Recovery: the last sequence that the log table has of a conversation already; chunks up to there are not noted again.</param>
    public void Apply(JournalSegment segment, int offset, int size, JournalFlags flags, Func<ConversationId, ulong>? tableHead = null)
    {
        _stateSize = CommitBatch.HeaderSize;
        _stateCount = 0;
        _hashCount = 0;
        CommitBatchReader entries = new(segment.Image.AsSpan(0, offset + size), offset + JournalRecord.HeaderSize);
        while (entries.Next())
        {
            if (entries.Table == Table.State || (flags & JournalFlags.Rewrites) != 0)
            {
                if (entries.Table == Table.Log)
                {
                    store.NoteLogWrite();
                }

                KeepForTables(segment.Image.AsSpan(entries.Offset, entries.End - entries.Offset));
                if (entries.Table == Table.Dedupe)
                {
                    KeepForFilter(KeyHash.Of(entries.Key));
                }
            }
            else if (entries.Table == Table.Dedupe)
            {
                ulong hash = KeyHash.Of(entries.Key);
                segment.Index.AddPublish(entries.KeySizeOffset, entries.Key, hash);
                KeepForFilter(hash);
            }
            else if (tableHead is null || ChunkKey.First(entries.Key) > tableHead(ChunkKey.Conversation(entries.Key)))
            {
                segment.Index.AddChunk(entries.KeyOffset, entries.ValueOffset, entries.Value.Length);
            }
        }

        store.Filter.Add(_hashes.AsSpan(0, _hashCount));
        if (_stateCount > 0)
        {
            _state.AsSpan(0, CommitBatch.HeaderSize).Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(_state.AsSpan(8), _stateCount);
            WriteState();
        }
    }

    /// <summary>Called before small state is written; what it throws counts as RocksDB's answer. For tests.</summary>
    internal Action? BeforeState { get; set; }

    private void WriteState()
    {
        while (true)
        {
            try
            {
                BeforeState?.Invoke();
                store.WriteUnsynced(_state.AsSpan(0, _stateSize));
                return;
            }
            catch (StorageFullException) when (waitForRoom is not null && waitForRoom())
            {
                // RocksDB takes no write until it has found room by itself: again, with the same entries.
            }
        }
    }

    private void KeepForTables(ReadOnlySpan<byte> entry)
    {
        if (_stateSize + entry.Length > _state.Length)
        {
            Array.Resize(ref _state, Math.Max(_stateSize + entry.Length, 2 * _state.Length));
        }

        entry.CopyTo(_state.AsSpan(_stateSize));
        _stateSize += entry.Length;
        _stateCount++;
    }

    private void KeepForFilter(ulong hash)
    {
        if (_hashCount == _hashes.Length)
        {
            Array.Resize(ref _hashes, 2 * _hashCount);
        }

        _hashes[_hashCount++] = hash;
    }
}
