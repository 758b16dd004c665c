using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>Body of <see cref="MessageKind.Pin"/> (protocol.md §5.2): target u64, op u8 (1 pin, 2 unpin), zero (7).</summary>
/// <param name="Target">Sequence of the message.</param>
/// <param name="IsPinned">True when it is pinned from here on.</param>
public readonly record struct PinBody(ulong Target, bool IsPinned)
{
    /// <summary>Bytes of the body.</summary>
    public const int Size = 16;

    /// <summary>Reads a body; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out PinBody body)
    {
        body = default;
        if (source.Length != Size || source[8] is not (1 or 2) || source[9..].ContainsAnyExcept((byte)0))
        {
            return false;
        }

        body = new PinBody(BinaryPrimitives.ReadUInt64LittleEndian(source), source[8] == 1);
        return body.Target != 0;
    }

    /// <summary>The bytes of a body.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Target);
        bytes[8] = IsPinned ? (byte)1 : (byte)2;
        return bytes;
    }
}
