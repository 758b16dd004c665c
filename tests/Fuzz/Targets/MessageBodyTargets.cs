using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>Bodies of records, one target for each kind that has a form of its own.</summary>
internal static class MessageBodyTargets
{
    private const int SpareSize = 8;

    private static readonly byte[] Attributes = new MessageAttributes
    {
        ReplyTo = 3,
        Thread = 1,
        Mentions = [new UserId(5), new UserId(6)],
        MentionsAll = true,
        ExpiresMicros = 1_800_000_000_000_000,
        Own = new SortedDictionary<byte, byte[]> { [200] = [1, 2, 3] },
    }.ToBytes();

    private static readonly byte[] Forwarded = new MessageAttributes { Forwarded = new ForwardedFrom(new ConversationId(9), 7, new UserId(5), 1_700_000_000_000_000) }.ToBytes();

    private static readonly byte[] Rich = new RichBody { Kind = MessageKind.Text, Attributes = Attributes, Content = "grüße 🙂"u8 }.ToBytes();

    public static IReadOnlyList<Func<IFuzzTarget>> All { get; } =
    [
        static () => new MessageBodyTarget("message-edit", MessageKind.Edit, [new EditBody { Target = 5, Kind = MessageKind.Text, Content = "new"u8 }.ToBytes(), new EditBody { Target = 5, Kind = MessageKind.Rich, Content = Rich }.ToBytes()], WriteEdit),
        static () => new MessageBodyTarget("message-delete", MessageKind.Delete, [new DeleteBody(5).ToBytes()], static body => DeleteBody.TryRead(body, out DeleteBody read) ? read.ToBytes() : null),
        static () => new MessageBodyTarget("message-expired", MessageKind.Expired, [new DeleteBody(5).ToBytes()], static body => DeleteBody.TryRead(body, out DeleteBody read) ? read.ToBytes() : null),
        static () => new MessageBodyTarget(
            "message-reaction", MessageKind.Reaction, [new ReactionBody(5, true, "👍🏽").ToBytes(), new ReactionBody(5, false, "x").ToBytes()],
            static body => ReactionBody.TryRead(body, out ReactionBody? read) ? read.ToBytes() : null),
        static () => new MessageBodyTarget("message-pin", MessageKind.Pin, [new PinBody(5, true).ToBytes(), new PinBody(5, false).ToBytes()], static body => PinBody.TryRead(body, out PinBody read) ? read.ToBytes() : null),
        static () => new MessageBodyTarget("message-rich", MessageKind.Rich, [Rich, new RichBody { Kind = MessageKind.Opaque, Attributes = Forwarded, Content = [0xFF, 0] }.ToBytes(), new byte[SpareSize]], WriteRich),
        static () => new AttributesTarget([Attributes, Forwarded]),
        static () => new MessageRulesTarget(Rich),
    ];

    private static byte[]? WriteEdit(ReadOnlySpan<byte> body) => EditBody.TryRead(body, out EditBody read) ? read.ToBytes() : null;

    private static byte[]? WriteRich(ReadOnlySpan<byte> body) => RichBody.TryRead(body, out RichBody read) ? read.ToBytes() : null;
}

/// <summary>
/// A body of one kind, as a publisher's broker judges it and as a reader takes it. Neither throws, what is read is written back byte for byte, and what the judge lets through every reader understands: no record that
/// nobody can read comes into a log that way.
/// </summary>
internal sealed class MessageBodyTarget(string name, MessageKind kind, byte[][] seeds, MessageBodyTarget.ReadAndWrite roundTrip) : IFuzzTarget
{
    /// <summary>Null when the body cannot be read.</summary>
    public delegate byte[]? ReadAndWrite(ReadOnlySpan<byte> body);

    public string Name => name;

    public int SizeMax => 640;

    public IReadOnlyList<byte[]> Words { get; } =
    [
        [1, 0, 8, 0], [2, 0, 8, 0], [3, 0, 16, 0], [4, 0, 0, 0], [5, 0, 48, 0], [6, 0, 8, 0], [128, 0, 0, 0], [7, 0, 0, 0, 0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0xC3, 0xA9], [0xF0, 0x9F, 0x98, 0x80], [0xED, 0xA0, 0x80],
        new byte[16],
    ];

    public IEnumerable<byte[]> Seeds() => seeds;

    public long AllocationCap(int inputSize) => 16 * 1024 + (64 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        outcome.AddSize(input.Length);
        byte[]? written = roundTrip(input);
        outcome.Add(written is not null);
        Property.Holds(written is null || input.SequenceEqual(written), "what was read is written back as other bytes");

        ErrorCode judged = MessageBodies.Check(kind, input, out string reason);
        outcome.Add(reason);
        ulong target = MessageContent.TargetOf(kind, input);
        MessageAttributes? attributes = MessageContent.AttributesOf(kind, input);
        ReadOnlySpan<byte> content = MessageContent.Of(kind, input, out MessageKind contentKind);
        string? text = MessageContent.TextOf(kind, input);
        outcome.Add((ulong)contentKind);
        outcome.Add(attributes is not null);
        Property.Holds(content.Length <= input.Length, "the content is longer than the body");
        Property.Holds((text is not null) == (contentKind == MessageKind.Text), "a text is one when its kind says so");
        if (judged == ErrorCode.None)
        {
            bool isMessage = MessageKinds.IsMessage(kind);
            Property.Holds(written is not null, "what may be published cannot be read");
            Property.Holds((target != 0) != isMessage, "what may be published concerns nothing");
            Property.Holds(kind != MessageKind.Rich || attributes is not null, "what may be published has attributes that nobody can read");
            Property.Holds(attributes?.Forwarded is null, "a client says where a message is from");
            Property.Holds(text is null || !text.Contains('\uFFFD', StringComparison.Ordinal) || content.IndexOf((byte)0xEF) >= 0, "what may be published is ill-formed text");
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }
}

/// <summary>
/// The attributes of a rich message. Reading never throws; what a broker reads a client reads as the same; and what was read is the same after it was written and read again.
/// </summary>
internal sealed class AttributesTarget(byte[][] seeds) : IFuzzTarget
{
    public string Name => "message-attributes";

    public IReadOnlyList<byte[]> Words { get; } = [[1, 0, 8, 0], [2, 0, 8, 0], [3, 0, 16, 0], [4, 0, 0, 0], [5, 0, 48, 0], [6, 0, 8, 0], [7, 0, 0, 0], [127, 0, 1, 0], [128, 0, 0, 0], [255, 0, 2, 0], new byte[16]];

    public IEnumerable<byte[]> Seeds() => seeds;

    public long AllocationCap(int inputSize) => 16 * 1024 + (256 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        Outcome outcome = default;
        bool byBroker = MessageAttributes.TryRead(input, skipsUnknown: false, out MessageAttributes? strict, out string reason);
        bool byClient = MessageAttributes.TryRead(input, skipsUnknown: true, out MessageAttributes? lenient, out string lenientReason);
        outcome.Add(reason);
        outcome.Add(lenientReason);
        Property.Holds(byClient || !byBroker, "a client refuses what a broker takes");
        if (lenient is not null)
        {
            byte[] once = lenient.ToBytes();
            Property.Holds(!byBroker || once.AsSpan().SequenceEqual(strict!.ToBytes()), "a client reads something else");
            Property.Holds(MessageAttributes.TryRead(once, skipsUnknown: false, out MessageAttributes? again, out _), "what was written cannot be read");
            Property.Holds(once.AsSpan().SequenceEqual(again!.ToBytes()), "reading and writing once more changes the bytes");
            Property.Holds(once.Length <= input.Length, "what is written is larger than what was read");
            outcome.Add(lenient.Mentions.Count > 0);
            outcome.Add(lenient.Forwarded is not null);
            outcome.AddSize(lenient.Own.Count);
        }

        return outcome.Value;
    }

    public void Dispose()
    {
    }
}
