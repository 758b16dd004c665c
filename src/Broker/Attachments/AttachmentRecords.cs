using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Attachments;

/// <summary>
/// An attachment whose content is complete and was checked (entry <c>B</c>). It lives while something counts: messages that refer to it, and claims of people who may still send one. Who uploaded it pays until it is gone.
/// <code>
///  0        1       8           16           24              32          36          40            48
/// +--------+-------+-----------+------------+---------------+-----------+-----------+-------------+
/// | format | zero  | size u64  | upload u64 | references u64| claims u32| owners u32| stored i64  |
/// +--------+-------+-----------+------------+---------------+-----------+-----------+-------------+
/// </code>
/// </summary>
/// <param name="Size">Bytes of the content.</param>
/// <param name="Upload">Under which upload its chunks lie.</param>
/// <param name="References">Messages that have it.</param>
/// <param name="Claims">Claims that have not ended.</param>
/// <param name="Owners">Users who uploaded it.</param>
/// <param name="StoredMicros">When it was complete, µs since 1970-01-01 UTC.</param>
internal sealed record AttachmentRecord(ulong Size, ulong Upload, ulong References, uint Claims, uint Owners, long StoredMicros)
{
    private const int SizeOnDisk = 48;

    /// <summary>True when nothing keeps it.</summary>
    public bool IsFree => References == 0 && Claims == 0;

    /// <summary>Chunks that it consists of.</summary>
    public uint Chunks => UploadRecord.ChunksOf(Size);

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[SizeOnDisk];
        bytes[0] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Size);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Upload);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), References);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(32), Claims);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(36), Owners);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), StoredMicros);
        return bytes;
    }

    /// <summary>Null when there is none, or none that this version can read.</summary>
    public static AttachmentRecord? Parse(ReadOnlySpan<byte> source) => source.Length != SizeOnDisk || source[0] != 1
        ? null
        : new AttachmentRecord(
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), BinaryPrimitives.ReadUInt64LittleEndian(source[16..]), BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[32..]), BinaryPrimitives.ReadUInt32LittleEndian(source[36..]), BinaryPrimitives.ReadInt64LittleEndian(source[40..]));
}

/// <summary>What an upload is.</summary>
internal enum UploadState : byte
{
    None = 0,

    /// <summary>Announced; whether the quota has room for it is being asked.</summary>
    Announced = 1,

    /// <summary>Its chunks are taken.</summary>
    Open = 2,

    /// <summary>Complete. The user pays for the attachment until that is gone, also when the claim has ended.</summary>
    Stored = 3,

    /// <summary>Nothing was uploaded: the user may read a message that has it, and claims it for one of their own.</summary>
    Claimed = 4,
}

/// <summary>
/// Somebody's upload of an attachment, or their claim to one (entry <c>B</c> … <c>u</c>).
/// <code>
///  0        1       2      8           16           24          28      32         40            48
/// +--------+-------+------+-----------+------------+-----------+-------+----------+-------------+
/// | format | state | zero | size u64  | upload u64 | chunks u32| zero  | ahead u64| expires i64 |
/// +--------+-------+------+-----------+------------+-----------+-------+----------+-------------+
/// </code>
/// </summary>
/// <param name="State">What it is.</param>
/// <param name="Size">Bytes of the content, as announced.</param>
/// <param name="Upload">Its number, which its chunks' keys have: chunks of different uploads never meet.</param>
/// <param name="Chunks">Chunks that are there without a gap from the first one.</param>
/// <param name="Ahead">Bit i: chunk <paramref name="Chunks"/> + i is there as well. Bit 0 is not set.</param>
/// <param name="ExpiresMicros">When it ends, µs since 1970-01-01 UTC; 0 = the claim has ended.</param>
internal sealed record UploadRecord(UploadState State, ulong Size, ulong Upload, uint Chunks, ulong Ahead, long ExpiresMicros)
{
    private const int SizeOnDisk = 48;

    /// <summary>True while chunks may still come, or may not come yet.</summary>
    public bool IsUnderWay => State is UploadState.Announced or UploadState.Open;

    /// <summary>True when it counts among the attachment's claims.</summary>
    public bool IsClaim => State is UploadState.Stored or UploadState.Claimed && ExpiresMicros != 0;

    /// <summary>True when every chunk is there.</summary>
    public bool IsComplete => Chunks == ChunksOf(Size);

    /// <summary>Bytes that are there from the beginning without a gap: where to go on.</summary>
    public ulong Offset => !IsUnderWay ? Size : Math.Min(Size, Chunks * (ulong)AttachmentLimits.ChunkSize);

    /// <summary>How many chunks a content has.</summary>
    public static uint ChunksOf(ulong size) => (uint)((size + AttachmentLimits.ChunkSize - 1) / AttachmentLimits.ChunkSize);

    /// <summary>Bytes of one of its chunks.</summary>
    public static int LengthOf(ulong size, uint index) => (int)Math.Min(AttachmentLimits.ChunkSize, size - (index * (ulong)AttachmentLimits.ChunkSize));

    /// <summary>True when a chunk is there.</summary>
    public bool Has(uint index) => index < Chunks || (index - Chunks < AttachmentLimits.WindowMax && (Ahead & (1UL << (int)(index - Chunks))) != 0);

    /// <summary>With one more chunk, which lies inside the window.</summary>
    public UploadRecord With(uint index)
    {
        ulong ahead = Ahead | (1UL << (int)(index - Chunks));
        uint chunks = Chunks;
        for (; (ahead & 1) != 0; ahead >>= 1)
        {
            chunks++;
        }

        return this with { Chunks = chunks, Ahead = ahead };
    }

    /// <summary>The chunks that are there.</summary>
    public IEnumerable<uint> Present() =>
        Enumerable.Range(0, (int)Chunks).Select(index => (uint)index).Concat(Enumerable.Range(0, AttachmentLimits.WindowMax).Select(bit => Chunks + (uint)bit).Where(Has));

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[SizeOnDisk];
        bytes[0] = 1;
        bytes[1] = (byte)State;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Size);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Upload);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), Chunks);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), Ahead);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), ExpiresMicros);
        return bytes;
    }

    /// <summary>Null when there is none, or none that this version can read.</summary>
    public static UploadRecord? Parse(ReadOnlySpan<byte> source) => source.Length != SizeOnDisk || source[0] != 1
        ? null
        : new UploadRecord(
            (UploadState)source[1], BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[24..]), BinaryPrimitives.ReadUInt64LittleEndian(source[32..]), BinaryPrimitives.ReadInt64LittleEndian(source[40..]));
}

/// <summary>What somebody uses of their quota (entry <c>A</c> of a user): format u8 = 1, zero (7), bytes u64, count u32, open u32.</summary>
/// <param name="Bytes">What they are charged.</param>
/// <param name="Count">For how many attachments.</param>
/// <param name="Open">How many of those are under way.</param>
internal sealed record UsageRecord(ulong Bytes, uint Count, uint Open)
{
    private const int SizeOnDisk = 24;

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[SizeOnDisk];
        bytes[0] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), Count);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), Open);
        return bytes;
    }

    /// <summary>Null when there is none, or none that this version can read.</summary>
    public static UsageRecord? Parse(ReadOnlySpan<byte> source) => source.Length != SizeOnDisk || source[0] != 1
        ? null
        : new UsageRecord(BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), BinaryPrimitives.ReadUInt32LittleEndian(source[16..]), BinaryPrimitives.ReadUInt32LittleEndian(source[20..]));
}

/// <summary>One attachment that somebody pays for (entry <c>A</c> of a user and a hash): format u8 = 1, state u8, zero (6), upload u64, charge u64.</summary>
/// <param name="IsOpen">State 1: its upload is under way. State 2: it is stored. In what is owed, state 0: it is paid for no longer.</param>
/// <param name="IsReleased">State 0.</param>
/// <param name="Upload">By which upload: what is owed about an earlier one changes nothing.</param>
/// <param name="Charge">Bytes that it counts for.</param>
internal sealed record OwnedRecord(bool IsOpen, bool IsReleased, ulong Upload, ulong Charge)
{
    private const int SizeOnDisk = 24;

    /// <summary>What a content counts for.</summary>
    public static ulong ChargeOf(ulong size) => Math.Max(size, AttachmentLimits.ChargeMin);

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[SizeOnDisk];
        bytes[0] = 1;
        bytes[1] = IsReleased ? (byte)0 : IsOpen ? (byte)1 : (byte)2;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Upload);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Charge);
        return bytes;
    }

    /// <summary>Null when there is none, or none that this version can read.</summary>
    public static OwnedRecord? Parse(ReadOnlySpan<byte> source) => source.Length != SizeOnDisk || source[0] != 1 || source[1] > 2
        ? null
        : new OwnedRecord(source[1] == 1, source[1] == 0, BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), BinaryPrimitives.ReadUInt64LittleEndian(source[16..]));
}
