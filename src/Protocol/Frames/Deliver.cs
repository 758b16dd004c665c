using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// Deliver and Chunk, S→C (protocol.md §4.4): records of one conversation with consecutive sequences, as they are stored.
/// <code>
///  0              16      20      24
/// +--------------+-------+-------+-----------------------------+
/// | conversation | epoch | count | records (§5.1), back to back |
/// +--------------+-------+-------+-----------------------------+
/// </code>
/// </summary>
public readonly ref struct Deliver
{
    /// <summary>Bytes before the records.</summary>
    public const int FixedSize = 24;

    /// <summary>The conversation.</summary>
    public ConversationId Conversation { get; init; }

    /// <summary>The epoch of every record in it.</summary>
    public uint Epoch { get; init; }

    /// <summary>How many records follow, at least 1.</summary>
    public uint Count { get; init; }

    /// <summary>The records; read them with <see cref="MessageRecord.TryRead"/>.</summary>
    public ReadOnlySpan<byte> Records { get; init; }

    /// <summary>Reads the body of a frame; false when it is too short. The records are not looked at.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Deliver deliver)
    {
        deliver = default;
        if (source.Length < FixedSize)
        {
            return false;
        }

        deliver = new Deliver
        {
            Conversation = ConversationId.Read(source),
            Epoch = BinaryPrimitives.ReadUInt32LittleEndian(source[16..]),
            Count = BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
            Records = source[FixedSize..],
        };
        return true;
    }

    /// <summary>Writes what stands before the records.</summary>
    public static void WriteFixed(Span<byte> target, ConversationId conversation, uint epoch, uint count)
    {
        conversation.Write(target);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], count);
    }
}
