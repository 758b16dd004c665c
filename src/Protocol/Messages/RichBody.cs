using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// Body of <see cref="MessageKind.Rich"/>: attributes and a content (protocol.md §5.2). They are one body, so that a retry, the hash chain and erasure cover both.
/// <code>
///  0                4      5      8
/// +----------------+------+------+--------------+-----------+
/// | attributes u32 | kind | zero | attributes … | content … |
/// +----------------+------+------+--------------+-----------+
/// </code>
/// <c>kind</c> is that of the content: text or opaque.
/// </summary>
public readonly ref struct RichBody
{
    /// <summary>Bytes before the attributes.</summary>
    public const int FixedSize = 8;

    /// <summary>What the content is.</summary>
    public MessageKind Kind { get; init; }

    /// <summary>The attributes' bytes (<see cref="MessageAttributes"/>).</summary>
    public ReadOnlySpan<byte> Attributes { get; init; }

    /// <summary>The content.</summary>
    public ReadOnlySpan<byte> Content { get; init; }

    /// <summary>Reads a body; false when it is none. The attributes are not looked at.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out RichBody body)
    {
        body = default;
        if (source.Length < FixedSize || source[5..FixedSize].ContainsAnyExcept((byte)0) || (MessageKind)source[4] is not (MessageKind.Text or MessageKind.Opaque))
        {
            return false;
        }

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (size > ProtocolLimits.AttributesSizeMax || size > (uint)(source.Length - FixedSize))
        {
            return false;
        }

        body = new RichBody { Kind = (MessageKind)source[4], Attributes = source.Slice(FixedSize, (int)size), Content = source[(FixedSize + (int)size)..] };
        return true;
    }

    /// <summary>The bytes of a body.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedSize + Attributes.Length + Content.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)Attributes.Length);
        bytes[4] = (byte)Kind;
        Attributes.CopyTo(bytes.AsSpan(FixedSize));
        Content.CopyTo(bytes.AsSpan(FixedSize + Attributes.Length));
        return bytes;
    }
}
