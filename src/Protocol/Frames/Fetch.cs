using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>Which way a page of history lies from its position.</summary>
public enum FetchDirection : byte
{
    /// <summary>Records behind the position (greater sequences).</summary>
    Forward = 0,

    /// <summary>Records before the position (smaller sequences).</summary>
    Backward = 1,
}

/// <summary>
/// Fetch, C→S (protocol.md §4.5): a page of history. Answered by Chunk frames and one <see cref="FetchEnd"/>, or by Error.
/// <code>
///  0              16      20          21     24             32          36          40
/// +--------------+-------+-----------+------+--------------+-----------+-----------+
/// | conversation | epoch | direction | zero | position u64 | max count | max bytes |
/// +--------------+-------+-----------+------+--------------+-----------+-----------+
/// </code>
/// </summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Position">The page begins next to it and does not hold it. Epoch 0 = whichever is current; backward from
/// <see cref="LogPosition.Latest"/> = from the head.</param>
/// <param name="Direction">Which way.</param>
/// <param name="CountMax">Records at the most; 0 = as many as the broker allows.</param>
/// <param name="BytesMax">Bytes of records at the most, but at least one record; 0 = as many as the broker allows.</param>
public readonly record struct Fetch(ConversationId Conversation, LogPosition Position, FetchDirection Direction, uint CountMax, uint BytesMax)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 40;

    /// <summary>Reads the body of a frame; false when its size is wrong, the direction unknown or a reserved byte set.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Fetch fetch)
    {
        fetch = default;
        if (source.Length != Size || source[20] > (byte)FetchDirection.Backward || source[21] != 0 || source[22] != 0 || source[23] != 0)
        {
            return false;
        }

        fetch = new Fetch(
            ConversationId.Read(source),
            new LogPosition(BinaryPrimitives.ReadUInt32LittleEndian(source[16..]), BinaryPrimitives.ReadUInt64LittleEndian(source[24..])),
            (FetchDirection)source[20],
            BinaryPrimitives.ReadUInt32LittleEndian(source[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[36..]));
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        Conversation.Write(target);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], Position.Epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], (uint)Direction);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Position.Sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(target[32..], CountMax);
        BinaryPrimitives.WriteUInt32LittleEndian(target[36..], BytesMax);
    }
}

/// <summary>
/// FetchEnd, S→C (protocol.md §4.5): the page is whole.
/// <code>
///  0          1      4       8       12     16          24         32         40
/// +----------+------+-------+-------+------+-----------+----------+----------+
/// | complete | zero | epoch | count | zero | first u64 | last u64 | head u64 |
/// +----------+------+-------+-------+------+-----------+----------+----------+
/// </code>
/// </summary>
/// <param name="IsComplete">True when no further record lies in the page's direction.</param>
/// <param name="Epoch">The current epoch.</param>
/// <param name="Count">Records in the page.</param>
/// <param name="First">Sequence of its first record; 0 when it is empty.</param>
/// <param name="Last">Sequence of its last record; 0 when it is empty.</param>
/// <param name="Head">The conversation's head now.</param>
public readonly record struct FetchEnd(bool IsComplete, uint Epoch, uint Count, ulong First, ulong Last, ulong Head)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 40;

    /// <summary>Reads the body of a frame; false when it is too short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out FetchEnd end)
    {
        end = default;
        if (source.Length < Size)
        {
            return false;
        }

        end = new FetchEnd(
            (source[0] & 1) != 0,
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[32..]));
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, IsComplete ? 1u : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Count);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], First);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Last);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], Head);
    }
}
