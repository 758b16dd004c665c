using System.Buffers;
using System.Text;
using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Cli.Tests;

[TestFixture]
public sealed class DecodeTests
{
    private static readonly ConversationId Conversation = new((UInt128)0x0123456789ABCDEF << 64 | 0xFEDCBA9876543210);
    private static readonly UserId Ada = new(7);

    [Test]
    public void APublishIsShownUnderTheNamesOfTheProtocol()
    {
        DecodedFrame frame = DecodeOne(FrameType.Publish, 9, PublishBody("hi"u8, MessageKind.Text));

        Assert.That(frame.Name, Is.EqualTo("Publish"));
        Assert.That(frame.Sender, Is.EqualTo("C→S"));
        Assert.That(frame.Request, Is.EqualTo(9));
        Assert.That(frame.Problems, Is.Empty);
        Assert.That(frame.Fields.Select(field => field.Name), Is.EqualTo(new[] { "conversation", "client_message_id", "kind", "flags", "on_behalf_of", "body" }));
        Assert.That(Field(frame, "conversation").Value, Is.EqualTo("0123456789abcdeffedcba9876543210"));
        Assert.That(Field(frame, "kind").Note, Is.EqualTo("text"));
        Assert.That(Field(frame, "body").Value, Is.EqualTo("\"hi\""));
        Assert.That(Field(frame, "body").Offset, Is.EqualTo(52));
    }

    [Test]
    public void IllFormedTextAndForeignKindsAreNamed()
    {
        Assert.That(DecodeOne(FrameType.Publish, 9, PublishBody([0xFF, 0xFE], MessageKind.Text)).Problems, Has.One.Contains("INVALID_TEXT"));
        Assert.That(DecodeOne(FrameType.Publish, 9, PublishBody([0xFF, 0xFE], MessageKind.Opaque)).Problems, Is.Empty);
        Assert.That(DecodeOne(FrameType.Publish, 9, PublishBody([], MessageKind.MemberAdded)).Problems, Has.One.Contains("KIND_INVALID"));
        Assert.That(DecodeOne(FrameType.Publish, 0, PublishBody([], MessageKind.Text)).Problems, Has.One.Contains("request number"));
    }

    [Test]
    public void EveryTruncationOfEveryFixedFrameSaysWhatIsMissing()
    {
        (FrameType Type, byte[] Body)[] frames =
        [
            (FrameType.Published, new byte[Published.Size]), (FrameType.Subscribe, new byte[Subscribe.Size]), (FrameType.Subscribed, new byte[Subscribed.Size]),
            (FrameType.Lag, new byte[Lag.Size]), (FrameType.Fetch, new byte[Fetch.Size]), (FrameType.FetchEnd, new byte[FetchEnd.Size]),
            (FrameType.Unsubscribe, new byte[Unsubscribe.Size]), (FrameType.Credit, [1, 0, 0, 0]),
        ];
        foreach ((FrameType type, byte[] body) in frames)
        {
            uint request = type is FrameType.Lag or FrameType.Credit ? 0u : 1;
            Assert.That(DecodeOne(type, request, body).Problems, Is.Empty, $"{type}");
            for (int length = 0; length < body.Length; length++)
            {
                Assert.That(DecodeOne(type, request, body[..length]).Problems, Has.Some.Contains("ends inside"), $"{type} of {length} bytes");
            }

            Assert.That(DecodeOne(type, request, [.. body, 0]).Problems, Has.Some.Contains("too many"), $"{type} and a byte");
        }
    }

    [Test]
    public void RecordsAreTakenApartAndChecked()
    {
        byte[] first = Record(5, "hello"u8);
        byte[] second = Record(6, "world"u8);
        DecodedFrame good = DecodeOne(FrameType.Deliver, 0, DeliverBody(2, first, second));

        Assert.That(good.Problems, Is.Empty);
        DecodedField record = good.Fields[^1];
        Assert.That(record.Children!.Select(field => field.Name), Is.EqualTo(new[]
        {
            "size", "crc32c", "sequence", "sent_at", "sender", "client_message_id", "device", "kind", "flags", "publisher", "body",
        }));
        Assert.That(record.Children!.Single(field => field.Name == "sequence").Value, Is.EqualTo(6UL));
        Assert.That(record.Children!.Single(field => field.Name == "sent_at").Note, Is.EqualTo("2001-09-09T01:46:40.000001Z"));

        byte[] flipped = (byte[])second.Clone();
        flipped[^1] ^= 1;
        Assert.That(DecodeOne(FrameType.Deliver, 0, DeliverBody(2, first, flipped)).Problems, Has.One.Contains("checksum"));
        Assert.That(DecodeOne(FrameType.Deliver, 0, DeliverBody(3, first, second)).Problems, Has.One.Contains("count says 3"));
        Assert.That(DecodeOne(FrameType.Deliver, 0, DeliverBody(2, second, first)).Problems, Has.One.Contains("consecutive"));
        Assert.That(DecodeOne(FrameType.Deliver, 0, DeliverBody(1, first[..^1])).Problems, Has.One.Contains("no record can begin"));
    }

    [Test]
    public void ControlMapsAreShownKeyByKey()
    {
        ArrayBufferWriter<byte> body = new();
        new ControlMap().Set("name", "lobby").Set("create", true).SetId("conversation", Conversation.Value)
            .Set("list", new List<object?> { 1L, null, new ControlMap().Set("deep", "x") }).Write(body);
        DecodedFrame frame = DecodeOne(FrameType.ResolveConversation, 3, body.WrittenSpan.ToArray());

        Assert.That(frame.Problems, Is.Empty);
        Assert.That(Field(frame, "name").Value, Is.EqualTo("\"lobby\""));
        Assert.That(Field(frame, "create").Value, Is.True);
        Assert.That(Field(frame, "conversation").Value, Is.EqualTo(Conversation.ToString()));
        Assert.That(Field(frame, "list").Children, Has.Count.EqualTo(3));
        Assert.That(DecodeOne(FrameType.ResolveConversation, 3, [0x81]).Problems, Has.One.Contains("map cannot be read"));
    }

    [Test]
    public void HeadersAreJudged()
    {
        Assert.That(FrameDecoder.DecodeAll([1, 2, 3])[0].Problems, Has.One.Contains("8 bytes"));
        Assert.That(FrameDecoder.DecodeAll(Convert.FromHexString("0500000300000000AA"))[0].Problems, Has.One.Contains("5 bytes, 1 follow"));
        Assert.That(FrameDecoder.DecodeAll(new byte[8])[0].Problems, Has.One.Contains("type 0"));
        Assert.That(FrameDecoder.DecodeAll(Convert.FromHexString("0000009000000000"))[0].Problems, Has.One.Contains("ignores"));
        Assert.That(FrameDecoder.DecodeAll(Convert.FromHexString("0000001B01000000"))[0].Problems, Has.One.Contains("UNSUPPORTED"));
        Assert.That(FrameDecoder.DecodeAll(Convert.FromHexString("ffffff1001000000"))[0].Problems, Has.One.Contains("FRAME_TOO_LARGE"));
    }

    [Test]
    public void SeveralFramesAndWhitespaceAreReadInOneGo()
    {
        using MemoryStream output = new();
        using StringWriter errors = new();

        int exit = Decode.Run("0x 0000 0003 01000000\n # a comment 12\n 01 0000 0400000000 ff", asJson: true, output, errors);

        string[] lines = Encoding.UTF8.GetString(output.ToArray()).TrimEnd().Split('\n');
        Assert.That(exit, Is.Zero, errors.ToString());
        Assert.That(lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("frame").GetString()), Is.EqualTo(new[] { "Ping", "Pong" }));
        Assert.That(JsonDocument.Parse(lines[1]).RootElement.GetProperty("position").GetInt32(), Is.EqualTo(8));
    }

    [Test]
    public void ABadFrameFailsAndBadHexIsWrongUsage()
    {
        using MemoryStream output = new();
        using StringWriter errors = new();

        Assert.That(Decode.Run("0000000001000000", asJson: false, output, errors), Is.EqualTo(ExitCodes.Failed));
        Assert.That(errors.ToString(), Does.StartWith("fastchat decode:"));
        Assert.That(Encoding.UTF8.GetString(output.ToArray()), Does.Contain("!!"));
        Assert.That(() => Decode.Run("0g", false, output, errors), Throws.TypeOf<CliException>().With.Property("ExitCode").EqualTo(ExitCodes.Usage));
        Assert.That(() => Decode.Run("012", false, output, errors), Throws.TypeOf<CliException>().With.Message.Contains("odd"));
    }

    private static DecodedFrame DecodeOne(FrameType type, uint request, byte[] body)
    {
        byte[] bytes = new byte[FrameHeader.Size + body.Length];
        new FrameHeader(body.Length, type, request).Write(bytes);
        body.CopyTo(bytes, FrameHeader.Size);
        List<DecodedFrame> frames = FrameDecoder.DecodeAll(bytes);
        Assert.That(frames, Has.Count.EqualTo(1));
        return frames[0];
    }

    private static DecodedField Field(DecodedFrame frame, string name) => frame.Fields.Single(field => field.Name == name);

    private static byte[] PublishBody(ReadOnlySpan<byte> text, MessageKind kind)
    {
        Publish publish = new() { Conversation = Conversation, ClientMessageId = new(1), Kind = kind, OnBehalfOf = Ada, Body = text };
        byte[] body = new byte[publish.Size];
        publish.Write(body);
        return body;
    }

    private static byte[] Record(ulong sequence, ReadOnlySpan<byte> text)
    {
        byte[] record = new byte[MessageRecord.SizeOf(onBehalf: true, text.Length)];
        MessageRecord.Write(record, sequence, 1_000_000_000_000_001, Ada, new UserId(8), new DeviceId(3), new ClientMessageId(sequence), MessageKind.Text, RecordFlags.None, text);
        return record;
    }

    private static byte[] DeliverBody(uint count, params byte[][] records)
    {
        byte[] body = new byte[Deliver.FixedSize];
        Deliver.WriteFixed(body, Conversation, 1, count);
        return [.. body, .. records.SelectMany(record => record)];
    }
}
