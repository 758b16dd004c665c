using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// Subscribe, C→S (protocol.md §6): deliver a conversation from the record behind a position, then live, without a seam.
/// <code>
///  0              16      20      24
/// +--------------+-------+-------+-------------+
/// | conversation | epoch | zero  | after u64   |
/// +--------------+-------+-------+-------------+
/// </code>
/// </summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="After">The last record that the client has. Epoch 0 = whichever is current; sequence 0 = from the start,
/// <see cref="LogPosition.Latest"/> = only what comes from now on.</param>
public readonly record struct Subscribe(ConversationId Conversation, LogPosition After)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 32;

    /// <summary>Reads the body of a frame; false when its size is wrong or reserved bytes are set.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Subscribe subscribe)
    {
        subscribe = default;
        if (source.Length != Size || BinaryPrimitives.ReadUInt32LittleEndian(source[20..]) != 0)
        {
            return false;
        }

        LogPosition after = new(BinaryPrimitives.ReadUInt32LittleEndian(source[16..]), BinaryPrimitives.ReadUInt64LittleEndian(source[24..]));
        subscribe = new Subscribe(ConversationId.Read(source), after);
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        Conversation.Write(target);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], After.Epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], After.Sequence);
    }
}

/// <summary>Unsubscribe, C→S, and Unsubscribed, S→C: the body is the conversation's 16 bytes.</summary>
/// <param name="Conversation">The conversation.</param>
public readonly record struct Unsubscribe(ConversationId Conversation)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = Id128.Size;

    /// <summary>Reads the body of a frame; false when its size is wrong.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Unsubscribe unsubscribe)
    {
        unsubscribe = source.Length == Size ? new Unsubscribe(ConversationId.Read(source)) : default;
        return source.Length == Size;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target) => Conversation.Write(target);
}
