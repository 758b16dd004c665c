using System.Buffers;

using FastChat.Fuzz.Sessions;
using FastChat.Protocol;

namespace FastChat.Fuzz.Tests;

/// <summary>The judge of what three parties get says no: to each kind of wrong answer that a broker could give, and to none of the right ones.</summary>
public sealed class AnswerCheckTests
{
    private SessionWorld _world = null!;

    [OneTimeSetUp]
    public void Open() => _world = new SessionWorld();

    [OneTimeTearDown]
    public void Close() => _world.Dispose();

    [Test]
    public void Right_answers_are_right() => Judge(Welcome, Subscribed(2), Delivery(2, 3), Published(2), Delivery(4), CloseFrame(CloseCode.Normal));

    [TestCase("gap", "with a gap")]
    [TestCase("twice", "with a gap")]
    [TestCase("stranger", "without a subscription")]
    [TestCase("two answers", "two answers to one request")]
    [TestCase("unasked", "an answer to what was not asked")]
    [TestCase("behind close", "a frame behind Close")]
    [TestCase("second welcome", "Welcome comes first, or behind a Challenge, and once")]
    [TestCase("no welcome", "Welcome comes first, or behind a Challenge, and once")]
    [TestCase("unanswered", "a publish has no answer, and the connection no Close")]
    [TestCase("cut off", "the stream ends inside a frame")]
    [TestCase("client's frame", "a frame that brokers do not send")]
    [TestCase("internal", "a request fails because of the broker")]
    [TestCase("unknown close", "a Close with a code that does not exist")]
    [TestCase("damaged", "a record that is none")]
    [TestCase("other bytes", "one place in the log has two contents")]
    public void Wrong_answers_are_not(string what, string complaint)
    {
        byte[][] frames = what switch
        {
            "gap" => [Welcome, Subscribed(2), Delivery(3)],
            "twice" => [Welcome, Subscribed(2), Delivery(2), Delivery(2)],
            "stranger" => [Welcome, Delivery(2)],
            "two answers" => [Welcome, Published(2), Published(2)],
            "unasked" => [Welcome, Published(9)],
            "behind close" => [Welcome, CloseFrame(CloseCode.Normal), Subscribed(2)],
            "second welcome" => [Welcome, Welcome],
            "no welcome" => [Subscribed(2)],
            "unanswered" => [Welcome],
            "cut off" => [Welcome, Subscribed(2)[..^1]],
            "client's frame" => [Welcome, Make(FrameType.Publish, 0, new byte[40])],
            "internal" => [Welcome, Fail(FrameType.Error, 2, (ushort)ErrorCode.Internal)],
            "unknown close" => [Welcome, Fail(FrameType.Close, 0, 4999)],
            "damaged" => [Welcome, Subscribed(2), [.. Delivery(2)[..^1], 0xEE]],
            _ => [Welcome, Subscribed(2), Delivery(2), Subscribed(2, request: 3), Delivery(2, body: "another")],
        };
        Assert.That(() => Judge(frames), Throws.TypeOf<FuzzFailureException>().With.Message.Contains(complaint));
    }

    private static byte[] Welcome
    {
        get
        {
            ArrayBufferWriter<byte> frame = new();
            FrameWriter.Write(frame, FrameType.Welcome, 0, new Welcome { Name = "ada" }.ToMap());
            return frame.WrittenSpan.ToArray();
        }
    }

    private void Judge(params byte[][] frames)
    {
        byte[] subscribe = new byte[Subscribe.Size];
        new Subscribe(SessionWorld.Public, new LogPosition(1, 1)).Write(subscribe);
        byte[] publish = new byte[Publish.FixedSize];
        new Publish { Conversation = SessionWorld.Public, Kind = MessageKind.Text }.Write(publish);
        CannedParty party = new([.. frames.SelectMany(frame => frame)]) { Ended = Task.CompletedTask };
        party.Sent.Write((byte[])[.. Make(FrameType.Subscribe, 1, subscribe), .. Make(FrameType.Publish, 2, publish), .. Make(FrameType.Subscribe, 3, subscribe)]);
        Outcome outcome = default;
        new AnswerCheck(_world).Check(party, ref outcome);
    }

    private static byte[] Subscribed(ulong first, uint request = 1)
    {
        byte[] body = new byte[Protocol.Subscribed.Size];
        new Subscribed(SubscribeStatus.Resumed, 1, first, first).Write(body);
        return Make(FrameType.Subscribed, request, body);
    }

    private static byte[] Published(uint request)
    {
        byte[] body = new byte[Protocol.Published.Size];
        new Published(1, 2, Durability.Fsynced, false, 3).Write(body);
        return Make(FrameType.Published, request, body);
    }

    private static byte[] Delivery(ulong first, ulong last = 0, string body = "hello")
    {
        ArrayBufferWriter<byte> records = new();
        uint count = 0;
        for (ulong sequence = first; sequence <= Math.Max(first, last); sequence++, count++)
        {
            byte[] text = System.Text.Encoding.UTF8.GetBytes(body);
            Span<byte> target = records.GetSpan(MessageRecord.SizeOf(false, text.Length));
            records.Advance(MessageRecord.Write(target, sequence, 1, new UserId(1), new UserId(1), new DeviceId(1), new ClientMessageId(sequence), MessageKind.Text, RecordFlags.None, text));
        }

        byte[] fixedPart = new byte[Deliver.FixedSize];
        Deliver.WriteFixed(fixedPart, SessionWorld.Public, 1, count);
        return Make(FrameType.Deliver, 0, [.. fixedPart, .. records.WrittenSpan]);
    }

    private static byte[] CloseFrame(CloseCode code) => Fail(FrameType.Close, 0, (ushort)code);

    private static byte[] Fail(FrameType type, uint request, ushort code)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, type, request, new Failure(code, 0, "reason"));
        return frame.WrittenSpan.ToArray();
    }

    private static byte[] Make(FrameType type, uint request, byte[] body)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, type, request, body);
        return frame.WrittenSpan.ToArray();
    }

    private sealed class CannedParty : Party
    {
        public CannedParty(byte[] received) => Take(received);

        public override Task EndAsync() => Task.CompletedTask;

        protected override Task WriteAsync(ReadOnlyMemory<byte> bytes) => Task.CompletedTask;
    }
}
