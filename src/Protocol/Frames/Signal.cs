namespace FastChat.Protocol;

/// <summary>What a Signal says (protocol.md §4.9). Others than these are of a later version: a broker closes for them, a client passes over them.</summary>
public enum SignalKind : byte
{
    /// <summary>Never on the wire.</summary>
    None = 0,

    /// <summary>Somebody is typing.</summary>
    Typing = 1,

    /// <summary>Somebody is recording a voice message or a film.</summary>
    Recording = 2,

    /// <summary>Neither any more.</summary>
    Stopped = 3,
}

/// <summary>
/// Signal as a client sends it, C→S, request 0. Lossy by contract: a broker drops it whenever it has something better to do.
/// <code>
///  0              16     17     20
/// +--------------+------+------+
/// | conversation | kind | zero |
/// +--------------+------+------+
/// </code>
/// </summary>
/// <param name="Conversation">Where.</param>
/// <param name="Kind">What the user does there.</param>
public readonly record struct Signal(ConversationId Conversation, SignalKind Kind)
{
    /// <summary>Bytes of the frame body.</summary>
    public const int Size = 20;

    /// <summary>Reads the body of a frame; false when its size, its kind or a zero byte is wrong.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out Signal signal)
    {
        bool isRead = source.Length == Size && source[16] is >= (byte)SignalKind.Typing and <= (byte)SignalKind.Stopped && !source[17..].ContainsAnyExcept((byte)0);
        signal = isRead ? new Signal(ConversationId.Read(source), (SignalKind)source[16]) : default;
        return isRead;
    }

    /// <summary>Writes the body of a frame.</summary>
    public void Write(Span<byte> target)
    {
        Conversation.Write(target);
        target[16] = (byte)Kind;
        target[17..Size].Clear();
    }
}
