using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace FastChat.Protocol;

/// <summary>
/// Body of <see cref="MessageKind.Reaction"/> (protocol.md §5.2). A reaction is a text that the broker does not interpret: compared byte by byte, so clients agree on one form of an emoji.
/// <code>
///  0             8     9       16
/// +-------------+-----+-------+----------------------+
/// | target u64  | op  | zero  | reaction, UTF-8 1–64 |
/// +-------------+-----+-------+----------------------+
/// </code>
/// </summary>
/// <param name="Target">Sequence of the message.</param>
/// <param name="IsAdded">op 1: the sender adds it; op 2: takes it back.</param>
/// <param name="Reaction">The reaction.</param>
public sealed record ReactionBody(ulong Target, bool IsAdded, string Reaction)
{
    private const int FixedSize = 16;
    private const byte Add = 1;
    private const byte Remove = 2;

    /// <summary>Reads a body; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ReactionBody? body)
    {
        body = null;
        if (source.Length is <= FixedSize or > FixedSize + ProtocolLimits.ReactionSizeMax || source[8] is not (Add or Remove) || source[9..FixedSize].ContainsAnyExcept((byte)0))
        {
            return false;
        }

        ulong target = BinaryPrimitives.ReadUInt64LittleEndian(source);
        ReadOnlySpan<byte> reaction = source[FixedSize..];
        if (target == 0 || !Utf8.IsValid(reaction) || reaction.IndexOfAnyInRange((byte)0, (byte)0x1F) >= 0)
        {
            return false;
        }

        body = new ReactionBody(target, source[8] == Add, Encoding.UTF8.GetString(reaction));
        return true;
    }

    /// <summary>The bytes of a body.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedSize + Encoding.UTF8.GetByteCount(Reaction)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Target);
        bytes[8] = IsAdded ? Add : Remove;
        Encoding.UTF8.GetBytes(Reaction, bytes.AsSpan(FixedSize));
        return bytes;
    }
}
