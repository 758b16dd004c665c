using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// The eight bytes before every frame body (protocol.md §2.1).
/// <code>
///  0                       3        4                                8
/// +-----------------------+--------+--------------------------------+
/// | length of body   u24  | type   | request                    u32 |
/// +-----------------------+--------+--------------------------------+
/// </code>
/// Little-endian. A request number is chosen by the sender of a request, repeated by its answers, and 0 where nothing is asked.
/// </summary>
/// <param name="Length">Bytes of the body.</param>
/// <param name="Type">What the frame is.</param>
/// <param name="Request">The request that this frame is or answers; 0 = none.</param>
public readonly record struct FrameHeader(int Length, FrameType Type, uint Request)
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 8;

    /// <summary>Reads a header; any eight bytes are one, the reader judges them.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> source)
    {
        uint word = BinaryPrimitives.ReadUInt32LittleEndian(source);
        return new FrameHeader((int)(word & 0xFF_FFFF), (FrameType)(word >> 24), BinaryPrimitives.ReadUInt32LittleEndian(source[4..]));
    }

    /// <summary>Writes the header to the first eight bytes.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)Length | ((uint)Type << 24));
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Request);
    }
}
