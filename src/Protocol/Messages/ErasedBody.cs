using System.Buffers.Binary;
using System.Numerics;

namespace FastChat.Protocol;

/// <summary>
/// Body of <see cref="MessageKind.Erased"/>: which records it is about (protocol.md §5.2). One record stands for many, so that erasing a person does not double the log.
/// <code>
///  0            8
/// +------------+-------------------------------------------------------+
/// | first u64  | bits: bit i of byte j = record first + 8·j + i        |
/// +------------+-------------------------------------------------------+
/// </code>
/// The first bit is set and the last byte is not zero, so the same records have one body.
/// </summary>
public static class ErasedBody
{
    /// <summary>From the first record of a body to its last one are fewer than so many.</summary>
    public const int SpanMax = 4096;

    private const int BitsMax = SpanMax / 8;

    /// <summary>Reads a body: the sequences, ascending; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out IReadOnlyList<ulong> sequences)
    {
        List<ulong> read = [];
        sequences = read;
        if (source.Length is <= sizeof(ulong) or > sizeof(ulong) + BitsMax || (source[sizeof(ulong)] & 1) == 0 || source[^1] == 0)
        {
            return false;
        }

        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(source);
        if (first == 0 || first > ulong.MaxValue - SpanMax)
        {
            return false;
        }

        ReadOnlySpan<byte> bits = source[sizeof(ulong)..];
        for (int at = 0; at < bits.Length; at++)
        {
            for (uint left = bits[at]; left != 0; left &= left - 1)
            {
                read.Add(first + (8 * (ulong)at) + (ulong)BitOperations.TrailingZeroCount(left));
            }
        }

        return true;
    }

    /// <summary>The bytes of a body.</summary>
    /// <param name="sequences">Ascending, at least one, all within <see cref="SpanMax"/> of the first.</param>
    public static byte[] ToBytes(IReadOnlyList<ulong> sequences)
    {
        ulong first = sequences[0];
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequences[^1] - first, (ulong)SpanMax, nameof(sequences));
        byte[] body = new byte[sizeof(ulong) + (int)((sequences[^1] - first) / 8) + 1];
        BinaryPrimitives.WriteUInt64LittleEndian(body, first);
        foreach (ulong sequence in sequences)
        {
            int bit = (int)(sequence - first);
            body[sizeof(ulong) + (bit / 8)] |= (byte)(1 << (bit % 8));
        }

        return body;
    }
}
