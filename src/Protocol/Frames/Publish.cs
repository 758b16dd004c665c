using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>Options of a publish.</summary>
[Flags]
public enum PublishFlags : byte
{
    /// <summary>An ordinary message.</summary>
    None = 0,

    /// <summary>16 bytes naming the sender stand before the body; needs the right to publish on behalf of others.</summary>
    OnBehalf = 1,

    /// <summary>8 bytes naming a sequence stand before the body: append only while that is the head.</summary>
    IfHead = 2,
}

/// <summary>
/// Publish, C→S (protocol.md §4.2): post a message. Answered by <see cref="Published"/> once it is durable, or by Error.
/// <code>
///  0              16                  32     33      34       36
/// +--------------+-------------------+------+-------+--------+-----------------------+---------------+--------+
/// | conversation | client message id | kind | flags | zero   | [on behalf of (16)]   | [if head u64] | body   |
/// +--------------+-------------------+------+-------+--------+-----------------------+---------------+--------+
/// </code>
/// </summary>
public readonly ref struct Publish
{
    /// <summary>Bytes before the optional sender and the body.</summary>
    public const int FixedSize = 36;

    /// <summary>Where the message goes.</summary>
    public ConversationId Conversation { get; init; }

    /// <summary>The publisher's id of it, repeated on every retry.</summary>
    public ClientMessageId ClientMessageId { get; init; }

    /// <summary>What the body is.</summary>
    public MessageKind Kind { get; init; }

    /// <summary>Whose message it is when <see cref="PublishFlags.OnBehalf"/>; none otherwise.</summary>
    public UserId OnBehalfOf { get; init; }

    /// <summary>The head that the conversation must have; null = whatever it has.</summary>
    public ulong? IfHead { get; init; }

    /// <summary>The message.</summary>
    public ReadOnlySpan<byte> Body { get; init; }

    /// <summary>Bytes of the frame body.</summary>
    public int Size => FixedSize + (OnBehalfOf.IsNone ? 0 : Id128.Size) + (IfHead is null ? 0 : sizeof(ulong)) + Body.Length;

    /// <summary>Reads the body of a frame; false when it is too short or reserved bits are set.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Publish publish)
    {
        publish = default;
        if (source.Length < FixedSize || (source[33] & ~(byte)(PublishFlags.OnBehalf | PublishFlags.IfHead)) != 0 || source[34] != 0 || source[35] != 0)
        {
            return false;
        }

        bool onBehalf = (source[33] & (byte)PublishFlags.OnBehalf) != 0;
        bool hasHead = (source[33] & (byte)PublishFlags.IfHead) != 0;
        int headOffset = FixedSize + (onBehalf ? Id128.Size : 0);
        int bodyOffset = headOffset + (hasHead ? sizeof(ulong) : 0);
        if (source.Length < bodyOffset)
        {
            return false;
        }

        UserId onBehalfOf = onBehalf ? UserId.Read(source[FixedSize..]) : default;
        if (onBehalf && onBehalfOf.IsNone)
        {
            return false;
        }

        publish = new Publish
        {
            Conversation = ConversationId.Read(source),
            ClientMessageId = ClientMessageId.Read(source[16..]),
            Kind = (MessageKind)source[32],
            OnBehalfOf = onBehalfOf,
            IfHead = hasHead ? BinaryPrimitives.ReadUInt64LittleEndian(source[headOffset..]) : null,
            Body = source[bodyOffset..],
        };
        return true;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        Conversation.Write(target);
        ClientMessageId.Write(target[16..]);
        target[32] = (byte)Kind;
        target[33] = (byte)((OnBehalfOf.IsNone ? PublishFlags.None : PublishFlags.OnBehalf) | (IfHead is null ? PublishFlags.None : PublishFlags.IfHead));
        target[34] = 0;
        target[35] = 0;
        target = target[FixedSize..];
        if (!OnBehalfOf.IsNone)
        {
            OnBehalfOf.Write(target);
            target = target[Id128.Size..];
        }

        if (IfHead is { } head)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target, head);
            target = target[sizeof(ulong)..];
        }

        Body.CopyTo(target);
    }
}
