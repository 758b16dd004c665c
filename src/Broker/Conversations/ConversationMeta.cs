using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>
/// What a conversation is, as its shard stores it under <c>c</c>: kind u8, zero u8, name size u8, title size u16, created i64 µs, creator (16), name, title.
/// </summary>
internal sealed record ConversationMeta(ConversationKind Kind, UserId Creator, long CreatedMicros, string? Name, string? Title)
{
    private const int FixedSize = 29;

    public byte[] ToBytes()
    {
        byte[] name = Encoding.UTF8.GetBytes(Name ?? string.Empty);
        byte[] title = Encoding.UTF8.GetBytes(Title ?? string.Empty);
        byte[] bytes = new byte[FixedSize + name.Length + title.Length];
        bytes[0] = (byte)Kind;
        bytes[2] = (byte)name.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(3), (ushort)title.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(5), CreatedMicros);
        Creator.Write(bytes.AsSpan(13));
        name.CopyTo(bytes, FixedSize);
        title.CopyTo(bytes, FixedSize + name.Length);
        return bytes;
    }

    /// <summary>False when the bytes say nothing about a conversation.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out ConversationMeta? meta)
    {
        bool isWhole = source.Length >= FixedSize && source.Length == FixedSize + source[2] + BinaryPrimitives.ReadUInt16LittleEndian(source[3..]);
        meta = isWhole ? Parse(source) : null;
        return meta is { Kind: ConversationKind.Public or ConversationKind.Group };
    }

    public static ConversationMeta Parse(ReadOnlySpan<byte> source)
    {
        int nameSize = source[2];
        int titleSize = BinaryPrimitives.ReadUInt16LittleEndian(source[3..]);
        return new(
            (ConversationKind)source[0],
            UserId.Read(source[13..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[5..]),
            nameSize == 0 ? null : Encoding.UTF8.GetString(source.Slice(FixedSize, nameSize)),
            titleSize == 0 ? null : Encoding.UTF8.GetString(source.Slice(FixedSize + nameSize, titleSize)));
    }
}
