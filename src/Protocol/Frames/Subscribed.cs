using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>How a subscription begins (protocol.md §6.2).</summary>
public enum SubscribeStatus : byte
{
    /// <summary>The next record is the one behind the position.</summary>
    Resumed = 0,

    /// <summary>Records behind the position are no longer kept: the next record is <see cref="Subscribed.First"/>.</summary>
    Truncated = 1,

    /// <summary>The position is of another epoch. Nothing is delivered: the client decides what it keeps and subscribes again.</summary>
    EpochChanged = 2,
}

/// <summary>
/// Subscribed, S→C (protocol.md §6.2).
/// <code>
///  0        1       4       8            16           24
/// +--------+-------+-------+------------+------------+
/// | status | zero  | epoch | first u64  | head u64   |
/// +--------+-------+-------+------------+------------+
/// </code>
/// </summary>
/// <param name="Status">How it begins.</param>
/// <param name="Epoch">The current epoch.</param>
/// <param name="First">Sequence of the next record that is delivered; 0 when none is (epoch changed).</param>
/// <param name="Head">The conversation's head now.</param>
public readonly record struct Subscribed(SubscribeStatus Status, uint Epoch, ulong First, ulong Head)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 24;

    /// <summary>Reads the body of a frame; false when it is too short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Subscribed subscribed)
    {
        subscribed = default;
        if (source.Length < Size)
        {
            return false;
        }

        subscribed = new Subscribed(
            (SubscribeStatus)source[0],
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]));
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)Status);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], First);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Head);
    }
}
