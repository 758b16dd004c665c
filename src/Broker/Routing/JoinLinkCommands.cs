using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// A join link as it is stored under <c>j</c>, by the hash of its secret: who reads the store cannot join. format u8 (1), role u8, uses left u32, expires i64 µs, made i64 µs, maker (16).
/// </summary>
/// <param name="Role">What who follows it becomes.</param>
/// <param name="UsesLeft">How often it can be followed still; <see cref="Unlimited"/> = without an end.</param>
/// <param name="ExpiresMicros">When it ends, µs since 1970-01-01 UTC.</param>
/// <param name="CreatedMicros">When it was made.</param>
/// <param name="Creator">Who made it.</param>
internal sealed record JoinLink(MemberRole Role, uint UsesLeft, long ExpiresMicros, long CreatedMicros, UserId Creator)
{
    public const uint Unlimited = uint.MaxValue;
    public const int Size = 38;

    private const byte Format = 1;

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        bytes[0] = Format;
        bytes[1] = (byte)Role;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(2), UsesLeft);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(6), ExpiresMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(14), CreatedMicros);
        Creator.Write(bytes.AsSpan(22));
        return bytes;
    }

    /// <summary>Null when the bytes are no link.</summary>
    public static JoinLink? Parse(ReadOnlySpan<byte> source) => source.Length != Size || source[0] != Format
        ? null
        : new JoinLink(
            (MemberRole)source[1],
            BinaryPrimitives.ReadUInt32LittleEndian(source[2..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[6..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[14..]),
            UserId.Read(source[22..]));
}

/// <summary>Body of <see cref="CommandKind.ChangeLink"/>: conversation (16), SHA-256 of the secret (32), the link or nothing, which revokes it.</summary>
internal sealed record ChangeLinkCommand(ConversationId Conversation, byte[] SecretHash, JoinLink? Link)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), .. SecretHash, .. Link?.ToBytes() ?? []];

    public static ChangeLinkCommand Parse(ReadOnlySpan<byte> source) => new(ConversationId.Read(source), source.Slice(16, 32).ToArray(), JoinLink.Parse(source[48..]));
}

/// <summary>Body of <see cref="CommandKind.JoinByLink"/>: conversation (16), SHA-256 of the secret (32).</summary>
internal sealed record JoinByLinkCommand(ConversationId Conversation, byte[] SecretHash)
{
    public byte[] ToBytes() => [.. ControlMap.IdBytes(Conversation.Value), .. SecretHash];

    public static JoinByLinkCommand Parse(ReadOnlySpan<byte> source) => new(ConversationId.Read(source), source.Slice(16, 32).ToArray());
}
