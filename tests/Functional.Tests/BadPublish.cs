using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>Rows about messages: what may not be published, and what may and must come back byte for byte.</summary>
internal static class BadPublish
{
    private static readonly (string Name, byte[] Bytes)[] IllFormed =
    [
        ("fe ff", [0xFE, 0xFF]),
        ("an overlong NUL", [0xC0, 0x80]),
        ("an overlong slash of three bytes", [0xE0, 0x80, 0xAF]),
        ("a lone surrogate", [0xED, 0xA0, 0x80]),
        ("a surrogate pair in six bytes", [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]),
        ("beyond the last code point", [0xF4, 0x90, 0x80, 0x80]),
        ("a sequence that ends early", [(byte)'a', 0xE2, 0x82]),
        ("a continuation byte alone", [(byte)'a', 0x80, (byte)'b']),
    ];

    private static readonly (string Name, byte[] Bytes)[] Odd =
    [
        ("nothing", []),
        ("NUL", [0, (byte)'a', 0, 0]),
        ("all control characters", [.. Enumerable.Range(0, 32).Select(i => (byte)i), 0x7F, 0xC2, 0x85, 0xC2, 0x9B]),
        ("terminal escapes", "\u001b[2J\u001b]0;title\u0007\u001bP"u8.ToArray()),
        ("line ends of every kind", "a\rb\nc\r\nd\u2028e\u2029f"u8.ToArray()),
        ("bidi overrides", "\u202e\u2066 evil \u2069\u202c"u8.ToArray()),
        ("noncharacters and a byte order mark", "\uFEFF\uFFFE\uFFFF\U0010FFFF"u8.ToArray()),
        ("composed and decomposed", "é e\u0301 \u212b"u8.ToArray()),
        ("spaces at both ends", "  a \t "u8.ToArray()),
        ("30,000 combining marks", Encoding.UTF8.GetBytes("a" + new string('\u0301', 30_000))),
        ("65,536 bytes", Encoding.UTF8.GetBytes(new string('x', 65_536))),
    ];

    /// <summary>Bodies of the kinds that change messages, and of rich ones, each wrong in one way.</summary>
    private static (string Name, MessageKind Kind, byte[] Body, ErrorCode Code)[] Changes =>
    [
        ("an edit of 15 bytes", MessageKind.Edit, new byte[15], ErrorCode.BadRequest),
        ("an edit of nothing", MessageKind.Edit, new EditBody { Target = 0, Kind = MessageKind.Text, Content = "x"u8 }.ToBytes(), ErrorCode.BadRequest),
        ("an edit into an edit", MessageKind.Edit, new EditBody { Target = 1, Kind = MessageKind.Edit, Content = "x"u8 }.ToBytes(), ErrorCode.BadRequest),
        ("an edit into ill-formed text", MessageKind.Edit, new EditBody { Target = 1, Kind = MessageKind.Text, Content = [0xFF] }.ToBytes(), ErrorCode.InvalidText),
        ("an edit of what is not there", MessageKind.Edit, new EditBody { Target = ulong.MaxValue, Kind = MessageKind.Text, Content = "x"u8 }.ToBytes(), ErrorCode.NoSuchMessage),
        ("a deletion of 7 bytes", MessageKind.Delete, new byte[7], ErrorCode.BadRequest),
        ("a deletion of nothing", MessageKind.Delete, new byte[8], ErrorCode.BadRequest),
        ("a deletion of what is not there", MessageKind.Delete, new DeleteBody(ulong.MaxValue).ToBytes(), ErrorCode.NoSuchMessage),
        ("a reaction without one", MessageKind.Reaction, [.. BitConverter.GetBytes(1ul), 1, .. new byte[7]], ErrorCode.BadRequest),
        ("a reaction of 65 bytes", MessageKind.Reaction, new ReactionBody(1, true, new string('x', 65)).ToBytes(), ErrorCode.BadRequest),
        ("a reaction with a line break", MessageKind.Reaction, new ReactionBody(1, true, "a\nb").ToBytes(), ErrorCode.BadRequest),
        ("a reaction that is neither added nor taken back", MessageKind.Reaction, [.. BitConverter.GetBytes(1ul), 3, .. new byte[7], (byte)'x'], ErrorCode.BadRequest),
        ("a reaction to what is not there", MessageKind.Reaction, new ReactionBody(ulong.MaxValue, true, "x").ToBytes(), ErrorCode.NoSuchMessage),
        ("taking back a reaction that is none", MessageKind.Reaction, new ReactionBody(1, false, "x").ToBytes(), ErrorCode.Conflict),
        ("a pin of 15 bytes", MessageKind.Pin, new byte[15], ErrorCode.BadRequest),
        ("a pin without the right", MessageKind.Pin, new PinBody(1, true).ToBytes(), ErrorCode.Forbidden),
        ("attributes longer than the body", MessageKind.Rich, [8, 0, 0, 0, 1, 0, 0, 0, 1], ErrorCode.BadRequest),
        ("attributes cut off", MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = [1, 0, 8], Content = "x"u8 }.ToBytes(), ErrorCode.BadRequest),
        ("an unknown attribute", MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = [99, 0, 0, 0], Content = "x"u8 }.ToBytes(), ErrorCode.BadRequest),
        ("4,097 bytes of attributes", MessageKind.Rich, new RichBody { Kind = MessageKind.Text, Attributes = new byte[4097], Content = "x"u8 }.ToBytes(), ErrorCode.BadRequest),
        ("a rich message in a rich one", MessageKind.Rich, [0, 0, 0, 0, 7, 0, 0, 0], ErrorCode.BadRequest),
        ("a reply to what is not there", MessageKind.Rich, Rich(new MessageAttributes { ReplyTo = ulong.MaxValue }), ErrorCode.NoSuchMessage),
        ("a mention of everyone without the right", MessageKind.Rich, Rich(new MessageAttributes { MentionsAll = true }), ErrorCode.Forbidden),
        ("a message that has expired", MessageKind.Rich, Rich(new MessageAttributes { ExpiresMicros = 1 }), ErrorCode.BadRequest),
        ("a forged origin", MessageKind.Rich, Rich(new MessageAttributes { Forwarded = new ForwardedFrom(new ConversationId(1), 1, new UserId(1), 1) }), ErrorCode.Forbidden),
    ];

    private static byte[] Rich(MessageAttributes attributes) => new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = "x"u8 }.ToBytes();

    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        Refused("a body of 65,537 bytes", stage => Bodies.Publish(stage.Room, new byte[65_537]), ErrorCode.BodyTooLarge),
        Refused("the largest frame, whose body is too large", stage => Bodies.Publish(stage.Room, new byte[66_560 - 36]), ErrorCode.BodyTooLarge),
        BadInput.FromClient("a frame of one byte more", stage => RawFrame.ToBytes((byte)FrameType.Publish, 1, Bodies.Publish(stage.Room, new byte[66_561 - 36])), CloseCode.FrameTooLarge),
        Refused("a publish without a body", _ => [], ErrorCode.BadRequest),
        Refused("a publish of 20 bytes", _ => new byte[20], ErrorCode.BadRequest),
        Refused("a publish of 35 bytes", stage => Bodies.Publish(stage.Room, [])[..35], ErrorCode.BadRequest),
        Refused("an unknown flag", stage => With(Bodies.Publish(stage.Room, []), 33, 4), ErrorCode.BadRequest),
        Refused("all flags", stage => With(Bodies.Publish(stage.Room, new byte[20]), 33, 0xFF), ErrorCode.BadRequest),
        Refused("a reserved byte that is not zero", stage => With(Bodies.Publish(stage.Room, []), 34, 1), ErrorCode.BadRequest),
        Refused("the other reserved byte", stage => With(Bodies.Publish(stage.Room, []), 35, 0x80), ErrorCode.BadRequest),
        Refused("on condition of half a head", stage => With(Bodies.Publish(stage.Room, new byte[4]), 33, 2), ErrorCode.BadRequest),
        Refused("on condition of another head", stage => With(Bodies.Publish(stage.Room, [.. BitConverter.GetBytes(ulong.MaxValue), .. "x"u8]), 33, 2), ErrorCode.Conflict),
        .. Changes.Select(change => Refused(change.Name, stage => Bodies.Publish(stage.Room, change.Body, change.Kind), change.Code)),
        .. new byte[] { 0, 8, 127, 128, 129, 255 }.Select(kind =>
            Refused($"kind {kind}", stage => Bodies.Publish(stage.Room, new byte[24], (MessageKind)kind), ErrorCode.KindInvalid)),
        .. IllFormed.Select(text => Refused($"a text with {text.Name}", stage => Bodies.Publish(stage.Room, text.Bytes), ErrorCode.InvalidText)),
        .. IllFormed.Select(text => Kept($"opaque: {text.Name}", text.Bytes, MessageKind.Opaque)),
        .. Odd.Select(text => Kept($"text: {text.Name}", text.Bytes, MessageKind.Text)),

        Refused("on behalf of another without the right", stage => Bodies.Publish(stage.Room, [], onBehalfOf: stage.Witness.Welcome.User), ErrorCode.Forbidden),
        Refused("on behalf of oneself without the right", stage => Bodies.Publish(stage.Room, [], onBehalfOf: stage.Attacker.Welcome.User), ErrorCode.Forbidden),
        Refused("on behalf of nobody", stage => With(Bodies.Publish(stage.Room, new byte[16]), 33, 1), ErrorCode.BadRequest),
        Refused("on behalf of half an id", stage => With(Bodies.Publish(stage.Room, new byte[8]), 33, 1), ErrorCode.BadRequest),
        new("the same id with another body", stage => ConflictAsync(stage, "another body"u8.ToArray(), MessageKind.Text)),
        new("the same id with another kind", stage => ConflictAsync(stage, "the body"u8.ToArray(), MessageKind.Opaque)),
        new("the same id of another user is another message", async stage =>
        {
            ClientMessageId id = Bodies.NewId();
            await using SignedInPeer client = await stage.SignInAsync();
            Published first = await client.PublishAsync(stage.Room, "mine"u8.ToArray(), id: id);
            Published second = await stage.Witness.PublishAsync(stage.Room, "mine"u8.ToArray(), id: id);
            stage.Published += 2;
            Assert.That(second.Sequence, Is.EqualTo(first.Sequence + 1));
            Assert.That(second.IsDuplicate, Is.False);
        }),
    ];

    private static BadInput Refused(string name, Func<BadInputStage, byte[]> body, ErrorCode code) => BadInput.Refused(name, FrameType.Publish, body, code);

    private static BadInput Kept(string name, byte[] body, MessageKind kind) => new($"{name}, is kept byte for byte", async stage =>
    {
        await using SignedInPeer client = await stage.SignInAsync();
        Published published = await client.PublishAsync(stage.Room, body, kind);
        stage.Published++;
        ReceivedFrame chunk = await stage.Witness.AskAsync(
            FrameType.Fetch, Bodies.Fetch(stage.Room, published.Sequence, FetchDirection.Forward, countMax: 1));
        Assert.That(chunk.Type, Is.EqualTo(FrameType.FetchEnd), "nothing is behind it");
        chunk = await stage.Witness.AskAsync(FrameType.Fetch, Bodies.Fetch(stage.Room, published.Sequence - 1, FetchDirection.Forward));
        StoredMessage stored = Bodies.ReadRecords(chunk)[0];
        Assert.That(stored.Sequence, Is.EqualTo(published.Sequence));
        Assert.That(stored.Kind, Is.EqualTo(kind));
        Assert.That(stored.Sender, Is.EqualTo(client.Welcome.User));
        Assert.That(stored.Body.AsSpan().SequenceEqual(body), Is.True, "the bytes differ");
    });

    private static async Task ConflictAsync(BadInputStage stage, byte[] body, MessageKind kind)
    {
        await using SignedInPeer client = await stage.SignInAsync();
        ClientMessageId id = Bodies.NewId();
        Published first = await client.PublishAsync(stage.Room, "the body"u8.ToArray(), id: id);
        stage.Published++;
        await BadInput.ExpectErrorAsync(client, await client.TryPublishAsync(stage.Room, body, kind, id), ErrorCode.IdConflict);
        Published again = await client.PublishAsync(stage.Room, "the body"u8.ToArray(), id: id);
        Assert.That(again.Sequence, Is.EqualTo(first.Sequence));
        Assert.That(again.IsDuplicate, Is.True);
    }

    private static byte[] With(byte[] bytes, int at, byte value)
    {
        bytes[at] = value;
        return bytes;
    }
}
