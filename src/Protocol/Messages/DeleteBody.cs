using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>Body of <see cref="MessageKind.Delete"/>: the sequence of the message, u64 (protocol.md §5.2).</summary>
/// <param name="Target">Sequence of the message.</param>
public readonly record struct DeleteBody(ulong Target)
{
    /// <summary>Bytes of the body.</summary>
    public const int Size = 8;

    /// <summary>Reads a body; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out DeleteBody body)
    {
        body = source.Length == Size ? new DeleteBody(BinaryPrimitives.ReadUInt64LittleEndian(source)) : default;
        return body.Target != 0;
    }

    /// <summary>The bytes of a body.</summary>
    public byte[] ToBytes() => BitConverter.GetBytes(Target);
}
