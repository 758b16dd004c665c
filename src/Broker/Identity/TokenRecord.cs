using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>For how long a token holds.</summary>
internal enum TokenKind : byte
{
    /// <summary>Until its device is ended: an operator's, a service account's, or any of a store that was written before there were others.</summary>
    Plain = 0,

    /// <summary>As long as the device does, which is ended when it was not used for long. For clients that keep no refresh tokens.</summary>
    Long = 1,

    /// <summary>Until it expires; a refresh token gives the next.</summary>
    Access = 2,
}

/// <summary>
/// A token as it is stored under the SHA-256 of its text: user (16), device u64, created i64 µs, expires i64 µs (0 = never); unless it is plain also generation u32, kind u8, zero (3).
/// </summary>
internal readonly record struct TokenRecord(UserId User, DeviceId Device, long CreatedMicros, long ExpiresMicros)
{
    private const int PlainSize = 40;
    private const int Size = 48;

    /// <summary>What it is.</summary>
    public TokenKind Kind { get; init; }

    /// <summary>Of an access token: the step of its family that it came with.</summary>
    public uint Generation { get; init; }

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Kind == TokenKind.Plain ? PlainSize : Size];
        User.Write(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Device.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), CreatedMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), ExpiresMicros);
        if (Kind != TokenKind.Plain)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(40), Generation);
            bytes[44] = (byte)Kind;
        }

        return bytes;
    }

    /// <summary>False when the bytes say nothing about a token.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, out TokenRecord token)
    {
        bool isToken = source.Length == PlainSize || (source.Length == Size && (TokenKind)source[44] is TokenKind.Long or TokenKind.Access);
        token = isToken ? Parse(source) : default;
        return isToken;
    }

    public static TokenRecord Parse(ReadOnlySpan<byte> source) => new(
        UserId.Read(source),
        new DeviceId(BinaryPrimitives.ReadUInt64LittleEndian(source[16..])),
        BinaryPrimitives.ReadInt64LittleEndian(source[24..]),
        BinaryPrimitives.ReadInt64LittleEndian(source[32..]))
    {
        Generation = source.Length == Size ? BinaryPrimitives.ReadUInt32LittleEndian(source[40..]) : 0,
        Kind = source.Length == Size ? (TokenKind)source[44] : TokenKind.Plain,
    };
}
