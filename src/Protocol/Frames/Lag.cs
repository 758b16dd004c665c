using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// Lag, S→C (protocol.md §7.2): the session is over its budget. Records from <see cref="Next"/> on come from the log, as fast as the client
/// reads; nothing is lost and nothing needs to be done, unless it says that the log was cut off in between (<see cref="IsCut"/>).
/// <code>
///  0              16      20      24          32          40
/// +--------------+-------+-------+-----------+-----------+
/// | conversation | epoch | flags | next u64  | head u64  |
/// +--------------+-------+-------+-----------+-----------+
/// </code>
/// </summary>
/// <param name="Conversation">The conversation that lags.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Next">Sequence of the next record that is delivered.</param>
/// <param name="Head">The conversation's head now.</param>
public readonly record struct Lag(ConversationId Conversation, uint Epoch, ulong Next, ulong Head)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 40;

    private const uint CutFlag = 1;

    /// <summary>Flag bit 0: the records before <see cref="Next"/> that were not delivered yet are kept no longer, and will not be. The other flags are zero and not looked at.</summary>
    public bool IsCut { get; init; }

    /// <summary>Reads the body of a frame; false when it is too short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Lag lag)
    {
        lag = default;
        if (source.Length < Size)
        {
            return false;
        }

        lag = new Lag(
            ConversationId.Read(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[32..]))
        {
            IsCut = (BinaryPrimitives.ReadUInt32LittleEndian(source[20..]) & CutFlag) != 0,
        };
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        Conversation.Write(target);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], Epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], IsCut ? CutFlag : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Next);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], Head);
    }
}
