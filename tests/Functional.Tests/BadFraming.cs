using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>Rows about headers, lengths, types and states.</summary>
internal static class BadFraming
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        BadInput.FromStranger("a length over the limit before login, 8 bytes and no more", Header(FrameType.Hello, 0, 8193), CloseCode.FrameTooLarge),
        BadInput.FromStranger("the largest length before login", Header(FrameType.Publish, 1, 0xFFFFFF), CloseCode.FrameTooLarge),
        BadInput.FromClient("a length over the limit after login, 8 bytes and no more", Header(FrameType.Publish, 1, 66_561), CloseCode.FrameTooLarge),
        BadInput.FromClient("the largest length after login", Header(FrameType.Publish, 1, 0xFFFFFF), CloseCode.FrameTooLarge),
        BadInput.FromClient("a large frame of a type that is ignored", Header((FrameType)0x90, 0, 66_561), CloseCode.FrameTooLarge),

        BadInput.FromStranger("garbage", Convert.FromHexString("deadbeef00c0ffee1234567890abcdef"), CloseCode.FrameTooLarge),
        BadInput.FromStranger("plain HTTP", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), CloseCode.FrameTooLarge),
        BadInput.FromStranger("the beginning of TLS", Convert.FromHexString("16030100c8010000c40303"), CloseCode.BadFrame),
        BadInput.FromStranger("eight zero bytes before login", new byte[8], CloseCode.BadFrame),
        BadInput.FromClient("garbage after login", Convert.FromHexString("deadbeef00c0ffee1234567890abcdef"), CloseCode.FrameTooLarge),
        BadInput.FromClient("type 0 after login", Header((FrameType)0, 0, 0), CloseCode.BadFrame),
        BadInput.FromClient("type 0 with a request number", Header((FrameType)0, 9, 0), CloseCode.BadFrame),

        BadInput.FromStranger("Publish before Hello", RawFrame.ToBytes((byte)FrameType.Publish, 1, new byte[40]), CloseCode.OutOfState),
        BadInput.FromStranger("Publish before Hello, header only", Header(FrameType.Publish, 1, 40), CloseCode.OutOfState),
        BadInput.FromStranger("Ping before Hello", RawFrame.ToBytes((byte)FrameType.Ping, 1, []), CloseCode.OutOfState),
        BadInput.FromStranger("Welcome from a stranger", RawFrame.ToBytes((byte)FrameType.Welcome, 0, [0x80]), CloseCode.OutOfState),
        BadInput.FromStranger("an optional frame before Hello", RawFrame.ToBytes(0x90, 0, []), CloseCode.OutOfState),
        BadInput.FromStranger("a reserved frame before Hello", RawFrame.ToBytes(0x1B, 1, []), CloseCode.OutOfState),
        BadInput.FromClient("Hello twice", RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Name = "mallory", Password = TestBroker.Password }.ToMap()), CloseCode.OutOfState),
        .. FromServerOnly(),

        BadInput.FromClient("Publish with request 0", stage => RawFrame.ToBytes((byte)FrameType.Publish, 0, Bodies.Publish(stage.Room, [])), CloseCode.BadFrame),
        BadInput.FromClient("Subscribe with request 0", stage => RawFrame.ToBytes((byte)FrameType.Subscribe, 0, Bodies.Subscribe(stage.Room, 0)), CloseCode.BadFrame),
        BadInput.FromClient("Resolve with request 0", RawFrame.ToBytes(FrameType.ResolveConversation, 0, new ControlMap().Set("name", "room")), CloseCode.BadFrame),
        BadInput.FromClient("a reserved type without request", RawFrame.ToBytes(0x1B, 0, []), CloseCode.BadFrame),
        BadInput.FromClient("an unknown type without request", RawFrame.ToBytes(0x7F, 0, []), CloseCode.BadFrame),
        BadInput.Refused("a reserved type with a request", (FrameType)0x1B, _ => Array.Empty<byte>(), ErrorCode.Unsupported),
        BadInput.Refused("an unknown type with a request", (FrameType)0x7F, _ => new byte[4000], ErrorCode.Unsupported),
        new("5,000 optional frames are ignored", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            byte[] frame = RawFrame.ToBytes(0x90, 7, new byte[10]);
            await client.Peer.SendAsync(Enumerable.Repeat(frame, 5000).SelectMany(bytes => bytes).ToArray());
            await client.PingAsync();
        }),

        BadInput.FromClient("Credit without a body", RawFrame.ToBytes((byte)FrameType.Credit, 0, []), CloseCode.BadFrame),
        BadInput.FromClient("Credit of three bytes", RawFrame.ToBytes((byte)FrameType.Credit, 0, new byte[3]), CloseCode.BadFrame),
        BadInput.FromClient("Credit of five bytes", RawFrame.ToBytes((byte)FrameType.Credit, 0, [1, 0, 0, 0, 0]), CloseCode.BadFrame),
        BadInput.FromClient("Credit that adds nothing", RawFrame.ToBytes((byte)FrameType.Credit, 0, new byte[4]), CloseCode.BadFrame),
        new("Credit again and again does not overflow", OverflowCreditAsync),
        BadInput.FromClient("Ping of 65 bytes", RawFrame.ToBytes((byte)FrameType.Ping, 1, new byte[65]), CloseCode.BadFrame),

        .. Truncations(),
    ];

    private static byte[] Header(FrameType type, uint request, int length) => RawFrame.ToBytes((byte)type, request, [], length);

    private static IEnumerable<BadInput> FromServerOnly()
    {
        FrameType[] types =
        [
            FrameType.Welcome, FrameType.Error, FrameType.Published, FrameType.Subscribed, FrameType.Unsubscribed, FrameType.Deliver,
            FrameType.Lag, FrameType.Chunk, FrameType.FetchEnd, FrameType.Reply,
        ];
        return types.Select(type => BadInput.FromClient($"{type}, which only brokers send", RawFrame.ToBytes((byte)type, 1, new byte[40]), CloseCode.OutOfState));
    }

    private static async Task OverflowCreditAsync(BadInputStage stage)
    {
        await using SignedInPeer client = await stage.SignInAsync(window: uint.MaxValue);
        byte[] credit = RawFrame.ToBytes((byte)FrameType.Credit, 0, Bodies.Credit(uint.MaxValue));
        await client.Peer.SendAsync(Enumerable.Repeat(credit, 4000).SelectMany(bytes => bytes).ToArray());
        List<StoredMessage> all = await client.ReadAllAsync(stage.Room);
        Assert.That(all, Has.Count.EqualTo((int)stage.Published));
    }

    private static IEnumerable<BadInput> Truncations()
    {
        string[] ends = ["the end of the stream", "a reset"];
        foreach (int offset in new[] { 0, 1, 3, 7, 8, 9, 24, 43, 44, 47 })
        {
            foreach (string end in ends)
            {
                yield return new BadInput($"{offset} bytes of a Publish, then {end}", stage => TruncateAsync(stage, offset, isReset: end == "a reset"));
            }
        }

        foreach (int offset in new[] { 0, 1, 8, 20 })
        {
            foreach (string end in ends)
            {
                yield return new BadInput($"{offset} bytes of a Hello, then {end}", async stage =>
                {
                    byte[] hello = RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Token = stage.Attacker.Welcome.Token }.ToMap());
                    await using ScriptedPeer peer = await stage.Broker.ConnectAsync();
                    await peer.SendAsync(hello.AsMemory(0, offset));
                    await EndAsync(peer, end == "a reset");
                });
            }
        }
    }

    private static async Task TruncateAsync(BadInputStage stage, int offset, bool isReset)
    {
        // 8 bytes of header, 36 of layout, 4 of text: every prefix is something else that is missing.
        byte[] frame = RawFrame.ToBytes((byte)FrameType.Publish, 1, Bodies.Publish(stage.Room, "half"u8.ToArray()));
        await using SignedInPeer client = await stage.SignInAsync();
        await client.Peer.SendAsync(frame.AsMemory(0, offset));
        await EndAsync(client.Peer, isReset);
    }

    private static async Task EndAsync(ScriptedPeer peer, bool isReset)
    {
        if (isReset)
        {
            peer.Abort();
            return;
        }

        peer.EndSending();
        ReceivedFrame? last = await peer.ReceiveOrEndAsync();
        Assert.That(last is null || last.Type == FrameType.Close, Is.True, $"{last}");
    }
}
