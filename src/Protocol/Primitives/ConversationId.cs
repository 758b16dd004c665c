namespace FastChat.Protocol;

/// <summary>Names a conversation: an ordered durable log of messages and of changes to them.</summary>
public readonly record struct ConversationId(UInt128 Value)
{
    /// <summary>True for the all-zero id, which names nothing.</summary>
    public bool IsNone => Value == 0;

    /// <summary>Reads the id from the first 16 bytes.</summary>
    public static ConversationId Read(ReadOnlySpan<byte> source) => new(Id128.Read(source));

    /// <summary>Writes the id to the first 16 bytes.</summary>
    public void Write(Span<byte> target) => Id128.Write(target, Value);

    /// <summary>Parses 32 hexadecimal digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ConversationId id)
    {
        bool parsed = Id128.TryParse(text, out UInt128 value);
        id = new ConversationId(value);
        return parsed;
    }

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => Id128.Format(Value);
}
