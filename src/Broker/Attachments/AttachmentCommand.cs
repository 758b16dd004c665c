using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Attachments;

/// <summary>What is to be done about an attachment. All but <see cref="Reserve"/> go to the shard of the hash.</summary>
internal enum AttachmentOperation : byte
{
    /// <summary>Announce an upload, or go on with one. First = size, Second = how long a claim lasts, µs.</summary>
    Begin = 1,

    /// <summary>The quota has room: take chunks.</summary>
    Open = 2,

    /// <summary>A chunk. First = its index; the bytes.</summary>
    Put = 3,

    /// <summary>The content was checked. Second = how long the claim lasts, µs.</summary>
    Finish = 4,

    /// <summary>Claim it without an upload. Second = how long, µs.</summary>
    Claim = 5,

    /// <summary>Give the upload or claim up.</summary>
    Cancel = 6,

    /// <summary>The upload or claim of Who has come to its end. First = the time for which it was noted.</summary>
    EndClaim = 7,

    /// <summary>Remove it if nothing keeps it. First = the time for which it was noted; the bytes: some of those who pay for it (16 each).</summary>
    Collect = 8,

    /// <summary>To the user's shard: have it count against the quota. First = charge, Second = quota, Third = uploads that may be open.</summary>
    Reserve = 9,
}

/// <summary>
/// Body of <c>CommandKind.Attachment</c>.
/// <code>
///  0     1      8             40          56           64         72          80         88
/// +-----+------+-------------+-----------+------------+----------+-----------+----------+---------+
/// | op  | zero | SHA-256 (32)| who (16)  | upload u64 | first u64| second u64| third u64| bytes … |
/// +-----+------+-------------+-----------+------------+----------+-----------+----------+---------+
/// </code>
/// </summary>
internal readonly ref struct AttachmentCommand
{
    private const int FixedSize = 88;

    public AttachmentOperation Operation { get; init; }

    public AttachmentId Id { get; init; }

    /// <summary>Whose upload it is.</summary>
    public UserId Who { get; init; }

    /// <summary>The upload's number; for Begin, the one that a new upload gets.</summary>
    public ulong Upload { get; init; }

    public ulong First { get; init; }

    public ulong Second { get; init; }

    public ulong Third { get; init; }

    public ReadOnlySpan<byte> Bytes { get; init; }

    public static AttachmentCommand Parse(ReadOnlySpan<byte> source) => new()
    {
        Operation = (AttachmentOperation)source[0],
        Id = AttachmentId.Read(source[8..]),
        Who = UserId.Read(source[40..]),
        Upload = BinaryPrimitives.ReadUInt64LittleEndian(source[56..]),
        First = BinaryPrimitives.ReadUInt64LittleEndian(source[64..]),
        Second = BinaryPrimitives.ReadUInt64LittleEndian(source[72..]),
        Third = BinaryPrimitives.ReadUInt64LittleEndian(source[80..]),
        Bytes = source[FixedSize..],
    };

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedSize + Bytes.Length];
        bytes[0] = (byte)Operation;
        Id.Write(bytes.AsSpan(8));
        Who.Write(bytes.AsSpan(40));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(56), Upload);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64), First);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(72), Second);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(80), Third);
        Bytes.CopyTo(bytes.AsSpan(FixedSize));
        return bytes;
    }
}
