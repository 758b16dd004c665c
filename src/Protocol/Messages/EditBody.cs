using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// Body of <see cref="MessageKind.Edit"/>: what an earlier message says from here on (protocol.md §5.2).
/// <code>
///  0             8      9       16
/// +-------------+------+-------+-----------+
/// | target u64  | kind | zero  | content … |
/// +-------------+------+-------+-----------+
/// </code>
/// </summary>
public readonly ref struct EditBody
{
    /// <summary>Bytes before the content.</summary>
    public const int FixedSize = 16;

    /// <summary>Sequence of the message.</summary>
    public ulong Target { get; init; }

    /// <summary>What the content is: text, opaque or rich.</summary>
    public MessageKind Kind { get; init; }

    /// <summary>The new content.</summary>
    public ReadOnlySpan<byte> Content { get; init; }

    /// <summary>Reads a body; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out EditBody body)
    {
        body = default;
        if (source.Length < FixedSize || source[9..FixedSize].ContainsAnyExcept((byte)0) || !MessageKinds.IsMessage((MessageKind)source[8]))
        {
            return false;
        }

        body = new EditBody { Target = BinaryPrimitives.ReadUInt64LittleEndian(source), Kind = (MessageKind)source[8], Content = source[FixedSize..] };
        return body.Target != 0;
    }

    /// <summary>The bytes of a body.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedSize + Content.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Target);
        bytes[8] = (byte)Kind;
        Content.CopyTo(bytes.AsSpan(FixedSize));
        return bytes;
    }
}
