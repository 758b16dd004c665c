using System.Buffers;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// What was written before the bytes were damaged: a conversation of twelve records, in chunks of 5, 1 and 6. Whatever a reader makes of damaged bytes, records that it gives out are these, byte for byte, or it says
/// that there is damage.
/// </summary>
internal static class WrittenLog
{
    public const int Count = 12;
    public const uint Epoch = 3;

    public static readonly ConversationId Conversation = new(new UInt128(0xC0C1_C2C3_C4C5_C6C7, 0xC8C9_CACB_CCCD_CECF));

    private static readonly int[] ChunkCounts = [5, 1, 6];

    /// <summary>The records, from sequence 1.</summary>
    public static IReadOnlyList<byte[]> Records { get; } = [.. Enumerable.Range(1, Count).Select(MakeRecord)];

    /// <summary>The chunks as a table has them.</summary>
    public static IReadOnlyList<(byte[] Key, byte[] Value)> Chunks { get; } = MakeChunks();

    /// <summary>A record with this sequence and no other bytes.</summary>
    public static bool Has(ulong sequence, ReadOnlySpan<byte> record) => sequence is >= 1 and <= Count && record.SequenceEqual(Records[(int)sequence - 1]);

    private static byte[] MakeRecord(int sequence)
    {
        byte[] body = [.. Enumerable.Range(0, (sequence * 11) % 60).Select(i => (byte)(sequence + i))];
        UserId sender = new(new UInt128(0xA0A1, (ulong)sequence % 3));
        UserId publisher = sequence % 4 == 0 ? new UserId(7) : sender;
        bool isErased = sequence == 9;
        byte[] record = new byte[MessageRecord.SizeOf(publisher != sender, isErased ? 32 : body.Length)];
        MessageRecord.Write(
            record, (ulong)sequence, 1_700_000_000_000_000 + sequence, sender, publisher, new DeviceId(77), new ClientMessageId((ulong)sequence), MessageKind.Opaque,
            isErased ? RecordFlags.Erased : RecordFlags.None, isErased ? new byte[32] : body);
        return record;
    }

    private static List<(byte[] Key, byte[] Value)> MakeChunks()
    {
        List<(byte[], byte[])> chunks = [];
        ChainHash chain = default;
        int next = 0;
        foreach (int count in ChunkCounts)
        {
            ArrayBufferWriter<byte> value = new();
            value.Write(new byte[ChunkHeader.Size]);
            ulong first = (ulong)next + 1;
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> bytes = Records[next++];
                value.Write(bytes);
                _ = MessageRecord.TryRead(ref bytes, out MessageRecord record);
                chain = chain.Next(record);
            }

            byte[] key = new byte[ChunkKey.Size];
            ChunkKey.Write(key, Conversation, first);
            byte[] whole = value.WrittenSpan.ToArray();
            ChunkHeader.Write(whole, key, (uint)count, Epoch, chain);
            chunks.Add((key, whole));
        }

        return chunks;
    }
}
