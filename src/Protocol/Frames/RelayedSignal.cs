using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// Signal as a broker sends it, S→C, request 0 (protocol.md §4.9): who does it, and how long that is to be believed. Nobody is told when the time is over; who reads it drops it then.
/// <code>
///  0              16        32     33     36                 40
/// +--------------+---------+------+------+------------------+
/// | conversation | user    | kind | zero | time to live ms  |
/// +--------------+---------+------+------+------------------+
/// </code>
/// </summary>
/// <param name="Conversation">Where.</param>
/// <param name="User">Who.</param>
/// <param name="Kind">What the user does there.</param>
/// <param name="TimeToLiveMs">Milliseconds after which it is no longer true; 0 with <see cref="SignalKind.Stopped"/>.</param>
public readonly record struct RelayedSignal(ConversationId Conversation, UserId User, SignalKind Kind, uint TimeToLiveMs)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 40;

    /// <summary>Reads the body of a frame; false when it is too short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out RelayedSignal signal)
    {
        signal = default;
        if (source.Length < Size)
        {
            return false;
        }

        signal = new RelayedSignal(
            ConversationId.Read(source), UserId.Read(source[16..]), (SignalKind)source[32], BinaryPrimitives.ReadUInt32LittleEndian(source[36..]));
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        Conversation.Write(target);
        User.Write(target[16..]);
        target[32] = (byte)Kind;
        target[33..36].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target[36..], TimeToLiveMs);
    }
}
