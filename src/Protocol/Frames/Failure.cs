using System.Buffers.Binary;
using System.Text;

namespace FastChat.Protocol;

/// <summary>
/// The body that Error and Close share (protocol.md §8, §9): a code, advice on time and a sentence for the developer.
/// <code>
///  0       2      4                  8
/// +-------+------+------------------+---------------------+
/// | code  | flags| retry after (ms) | reason, UTF-8       |
/// +-------+------+------------------+---------------------+
/// </code>
/// </summary>
/// <param name="Code">An <see cref="ErrorCode"/> or a <see cref="CloseCode"/>, by the frame's type.</param>
/// <param name="RetryAfterMs">When to try again, in milliseconds; 0 = no advice beyond the code's.</param>
/// <param name="Reason">For a developer's eyes; never parsed, never shown to people as it is.</param>
public readonly record struct Failure(ushort Code, uint RetryAfterMs, string Reason)
{
    /// <summary>Bytes before the reason.</summary>
    public const int FixedSize = 8;

    private const ushort InOrderFlag = 1;

    /// <summary>
    /// Flag bit 0, in an Error that answers a Publish: nothing was done for the time being, and every publish of the connection is refused until this one comes again (protocol.md §7.4). The other flags are zero and not looked at.
    /// </summary>
    public bool IsInOrder { get; init; }

    /// <summary>Bytes of the frame body.</summary>
    public int Size => FixedSize + Math.Min(Encoding.UTF8.GetByteCount(Reason), ProtocolLimits.ReasonSizeMax);

    /// <summary>Reads the body of a frame; false when it is too short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Failure failure)
    {
        failure = default;
        if (source.Length < FixedSize)
        {
            return false;
        }

        failure = new Failure(
            BinaryPrimitives.ReadUInt16LittleEndian(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            Encoding.UTF8.GetString(source[FixedSize..]))
        {
            IsInOrder = (source[2] & InOrderFlag) != 0,
        };
        return true;
    }

    /// <summary>Writes the body of a frame; a reason over the limit is cut between characters. Returns the bytes written.</summary>
    public int Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(target, Code);
        BinaryPrimitives.WriteUInt16LittleEndian(target[2..], IsInOrder ? InOrderFlag : (ushort)0);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], RetryAfterMs);
        Span<byte> room = target[FixedSize..][..(Size - FixedSize)];
        Encoding.UTF8.GetEncoder().Convert(Reason, room, flush: true, out _, out int written, out _);
        return FixedSize + written;
    }
}
