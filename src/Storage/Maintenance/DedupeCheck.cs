using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Each published record has its dedupe entry, and each entry its record, or one that was cut off: those entries are kept for a time, for retries. The table follows from the log. An entry without a record stays
/// while the log has damage: it may be the last trace of a message that can no longer be read, and a retry of that is still a retry.
/// </summary>
internal sealed class DedupeCheck : StoreCheck
{
    private long _explained;

    public override string Stage => "dedupe";

    public override void OnStored(CheckedStore store, ConversationId conversation, in MessageRecord record)
    {
        if ((byte)record.Kind >= MessageKinds.FirstSystemKind)
        {
            return;
        }

        Span<byte> key = stackalloc byte[DedupeKey.Size];
        DedupeKey.Write(key, conversation, record);
        DedupeValue expected = DedupeValue.Of(record);
        byte[]? stored = store.Get(Table.Dedupe, key);
        bool isShaped = stored is { Length: DedupeValue.Size };
        if (isShaped && DedupeValue.Read(stored) == expected)
        {
            _explained++;
            return;
        }

        if (isShaped && DedupeValue.Read(stored).Sequence < record.Sequence && HasRecord(store, conversation, DedupeValue.Read(stored).Sequence, key))
        {
            store.Report($"Record {record.Sequence} of conversation {conversation} was published before, as record {DedupeValue.Read(stored).Sequence}.");
            return;
        }

        byte[] value = new byte[DedupeValue.Size];
        expected.Write(value);
        store.Correct(
            Table.Dedupe, key, value,
            stored is null ? $"The dedupe entry of record {record.Sequence} of conversation {conversation} is missing."
                : $"The dedupe entry of record {record.Sequence} of conversation {conversation} is not about this record: {Convert.ToHexStringLower(stored)}.");

        // Whether it is there now, or is there and wrong: it belongs to this record.
        _explained += store.IsRebuilding || stored is not null ? 1 : 0;
    }

    public override void Finish(CheckedStore store)
    {
        // Every record explained at most one entry and no two the same one. So equal numbers mean no entry without a record, and only a difference is worth a lookup per entry.
        // Entries of records that were cut off make one.
        long entries = 0;
        store.Scan(Table.Dedupe, default, (_, _) =>
        {
            entries++;
            store.Tick(Stage);
            return true;
        });
        if (entries == _explained)
        {
            return;
        }

        store.Scan(Table.Dedupe, default, (key, value) =>
        {
            store.Tick(Stage);
            CheckEntry(store, key, value);
            return true;
        });
    }

    private static void CheckEntry(CheckedStore store, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        bool isShaped = key.Length == DedupeKey.Size && value.Length == DedupeValue.Size;
        if (isShaped && DedupeValue.Read(value).Sequence is > 0 and var sequence && sequence < store.FirstOf(ConversationId.Read(key)))
        {
            return;
        }

        if (isShaped && HasRecord(store, ConversationId.Read(key), DedupeValue.Read(value).Sequence, key))
        {
            return;
        }

        string problem = isShaped
            ? $"The dedupe entry {Convert.ToHexStringLower(key)} points to record {DedupeValue.Read(value).Sequence}, which is not there."
            : $"The dedupe table holds an entry of {key.Length} and {value.Length} bytes: {Convert.ToHexStringLower(key)}.";
        if (store.IsLogSound)
        {
            store.Correct(Table.Dedupe, key, null, problem);
        }
        else
        {
            store.Report(problem);
        }
    }

    /// <summary>True when the record exists and is the one that <paramref name="key"/> describes.</summary>
    private static bool HasRecord(CheckedStore store, ConversationId conversation, ulong sequence, ReadOnlySpan<byte> key)
    {
        using RocksDbIterator cursor = store.Iterate(Table.Log);
        Span<byte> chunk = stackalloc byte[ChunkKey.Size];
        ChunkKey.Write(chunk, conversation, sequence);
        cursor.SeekForPrevious(chunk);
        if (!cursor.Valid || cursor.Key.Length != ChunkKey.Size || ChunkKey.Conversation(cursor.Key) != conversation || cursor.Value.Length < ChunkHeader.Size)
        {
            return false;
        }

        Span<byte> own = stackalloc byte[DedupeKey.Size];
        ReadOnlySpan<byte> records = cursor.Value[ChunkHeader.Size..];
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            if (record.Sequence == sequence)
            {
                DedupeKey.Write(own, conversation, record);
                return (byte)record.Kind < MessageKinds.FirstSystemKind && own.SequenceEqual(key);
            }
        }

        return false;
    }
}
