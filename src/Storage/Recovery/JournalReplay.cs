using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>Brings what a process that ended left in its journal into the tables. Repeating it, also after it was cut off, changes nothing.</summary>
internal static class JournalReplay
{
    /// <summary>Moves the commits behind <see cref="RocksDbStore.MovedCommit"/>.</summary>
    public static void Run(RocksDbStore store, JournalReader journal)
    {
        CommitApplier applier = new(store);
        TableMover mover = new(store, pause: static () => TimeSpan.Zero);
        foreach (JournalSegment segment in journal.Live)
        {
            Dictionary<ConversationId, ulong> heads = [];
            ulong HeadOf(ConversationId conversation)
            {
                if (!heads.TryGetValue(conversation, out ulong head))
                {
                    using RocksDbIterator cursor = store.CreateIterator(Table.Log);
                    RocksDbIterator view = cursor;
                    // What the table has, not where the log begins: a chunk that was cut off in its middle may be in the journal alone.
                    heads[conversation] = head = ChunkPager.Head(ref view, conversation).Sequence;
                }

                return head;
            }

            int end = segment.Size;
            for (int offset = JournalHeader.Size; offset < end;)
            {
                _ = JournalRecord.TryRead(segment.Image.AsSpan(offset, end - offset), segment.Salt, out JournalRecord record);
                if (record.Commit > store.MovedCommit)
                {
                    applier.Apply(segment, offset, record.Size, record.Flags, HeadOf);
                }

                offset = JournalRecord.Aligned(offset + record.Size);
            }

            mover.Move(segment);
        }
    }
}
