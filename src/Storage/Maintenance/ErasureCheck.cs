using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>Each record that is noted to be erased exists. A note without one would erase whatever gets its sequence some day; that it was taken once means that records are missing, or that whoever noted it was wrong.</summary>
internal sealed class ErasureCheck : StoreCheck
{
    private const int Unknown = -1;

    public override string Stage => "erasures";

    public override void Finish(CheckedStore store)
    {
        ConversationId last = default;
        long head = Unknown;
        store.Scan(Table.State, StateKeys.ErasuresPrefix, (key, _) =>
        {
            store.Tick(Stage);
            if (!StateKeys.TryReadErasure(key, out ConversationId conversation, out ulong sequence))
            {
                store.Correct(Table.State, key, null, $"Small state holds an erasure with a key of {key.Length} bytes: {Convert.ToHexStringLower(key)}.");
                return true;
            }

            if (head == Unknown || conversation != last)
            {
                last = conversation;
                head = HeadOf(store, conversation);
            }

            if (sequence > 0 && sequence <= (ulong)head)
            {
                return true;
            }

            string problem = $"Record {sequence} of conversation {conversation} is noted to be erased and is not there.";
            if (store.IsLogSound && store.IsComplete)
            {
                store.Correct(Table.State, key, null, problem);
            }
            else
            {
                // It may be one of those that are missing, and would come back with its body if they did.
                store.Report(problem);
            }

            return true;
        });
    }

    /// <summary>The last sequence; of a conversation whose end is damaged, as much as can be told.</summary>
    private static long HeadOf(CheckedStore store, ConversationId conversation)
    {
        using RocksDbIterator cursor = store.Iterate(Table.Log);
        RocksDbIterator view = cursor;
        try
        {
            return (long)ChunkPager.Head(ref view, conversation, store.Directory.Tables).Sequence;
        }
        catch (CorruptRecordException)
        {
            // The damage is reported where the log is read; whether the record is there cannot be told.
            return long.MaxValue;
        }
    }
}
