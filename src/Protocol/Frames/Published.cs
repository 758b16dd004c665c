using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>How safe a message is when it is acknowledged.</summary>
public enum Durability : byte
{
    /// <summary>Never on the wire.</summary>
    None = 0,

    /// <summary>On this node's stable storage: fdatasync returned.</summary>
    Fsynced = 1,

    /// <summary>In the replicated log of a majority (clustered brokers).</summary>
    Replicated = 2,
}

/// <summary>
/// Published, S→C (protocol.md §4.3): the message is durable, at this position.
/// <code>
///  0       4           5          6       8             16
/// +-------+-----------+----------+-------+-------------+-------------+
/// | epoch | durability| duplicate| zero  | sequence u64| sent_at i64 |
/// +-------+-----------+----------+-------+-------------+-------------+
/// </code>
/// </summary>
/// <param name="Epoch">Incarnation of the log.</param>
/// <param name="Sequence">The message's place, from 1.</param>
/// <param name="Durability">What "durable" means on this broker.</param>
/// <param name="IsDuplicate">True when an earlier attempt had been stored already; the position is that attempt's.</param>
/// <param name="SentAtMicros">When this attempt was received, µs since 1970-01-01 UTC.</param>
public readonly record struct Published(uint Epoch, ulong Sequence, Durability Durability, bool IsDuplicate, long SentAtMicros)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 24;

    /// <summary>Reads the body of a frame; false when it is too short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Published published)
    {
        published = default;
        if (source.Length < Size)
        {
            return false;
        }

        published = new Published(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            (Durability)source[4],
            (source[5] & 1) != 0,
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]));
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Epoch);
        target[4] = (byte)Durability;
        target[5] = IsDuplicate ? (byte)1 : (byte)0;
        target[6] = 0;
        target[7] = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], SentAtMicros);
    }
}
