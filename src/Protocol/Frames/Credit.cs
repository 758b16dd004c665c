using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>Credit, C→S (protocol.md §7.1): four bytes, so many more bytes of Deliver and Chunk frames are welcome.</summary>
/// <param name="Bytes">Bytes added to the balance, at least 1.</param>
public readonly record struct Credit(uint Bytes)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 4;

    /// <summary>Reads the body of a frame; false when its size is wrong or it adds nothing.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Credit credit)
    {
        credit = source.Length == Size ? new Credit(BinaryPrimitives.ReadUInt32LittleEndian(source)) : default;
        return credit.Bytes != 0;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target) => BinaryPrimitives.WriteUInt32LittleEndian(target, Bytes);
}
