using System.Buffers.Binary;

namespace FastChat.Broker.Conversations;

/// <summary>
/// How far a member has come in a conversation or in one of its threads, as it is stored under <c>d</c> in the conversation's shard and, the same bytes, under <c>u</c> in the user's: delivered u64, read u64,
/// read for others u64. No value ever decreases or is behind the head (P14).
/// </summary>
/// <param name="Delivered">Up to here a device of theirs has it.</param>
/// <param name="Read">Up to here they have read: what unread goes by.</param>
/// <param name="PublicRead">Up to here they let others know that they have read.</param>
internal readonly record struct ReadCursor(ulong Delivered, ulong Read, ulong PublicRead)
{
    public const int Size = 24;

    /// <summary>Moved forward; a value behind the old one changes nothing. What is read was delivered.</summary>
    public ReadCursor MovedTo(ulong delivered, ulong read, bool isPrivate) => new(
        Math.Max(Delivered, Math.Max(delivered, read)), Math.Max(Read, read), isPrivate ? PublicRead : Math.Max(PublicRead, read));

    /// <summary>Grows with everything that others may see of it.</summary>
    public ulong Seen => Delivered + PublicRead;

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Delivered);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Read);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), PublicRead);
        return bytes;
    }

    /// <summary>All zero when the bytes are no cursor, or there are none.</summary>
    public static ReadCursor Parse(ReadOnlySpan<byte> source) => source.Length != Size ? default : new(
        BinaryPrimitives.ReadUInt64LittleEndian(source), BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), BinaryPrimitives.ReadUInt64LittleEndian(source[16..]));
}
