using System.Buffers;

using CsCheck;

namespace FastChat.Protocol.Tests;

/// <summary>What is written is read as it was, for values nobody thought of. A failure prints the seed that repeats it.</summary>
public sealed class RoundTripTests
{
    private static readonly Gen<UInt128> Id = Gen.Select(Gen.ULong, Gen.ULong, (upper, lower) => new UInt128(upper, lower));
    private static readonly Gen<ConversationId> Conversation = Id.Select(id => new ConversationId(id));
    private static readonly Gen<LogPosition> Position = Gen.Select(Gen.UInt, Gen.ULong, (epoch, sequence) => new LogPosition(epoch, sequence));
    private static readonly Gen<byte[]> Body = Gen.Byte.Array[0, 300];

    [Test]
    public void Header() => Gen.Select(Gen.Int[0, 0xFF_FFFF], Gen.Byte, Gen.UInt).Sample((length, type, request) =>
    {
        FrameHeader header = new(length, (FrameType)type, request);
        byte[] bytes = new byte[FrameHeader.Size];
        header.Write(bytes);
        return FrameHeader.Read(bytes) == header;
    });

    [Test]
    public void Publishes() => Gen.Select(Conversation, Id, Gen.Byte, Id, Body).Sample((conversation, message, kind, sender, body) =>
    {
        Publish publish = new() { Conversation = conversation, ClientMessageId = new(message), Kind = (MessageKind)kind, OnBehalfOf = new(sender), Body = body };
        byte[] bytes = new byte[publish.Size];
        publish.Write(bytes);
        return Publish.TryRead(bytes, out Publish read) && read.Conversation == conversation && read.ClientMessageId.Value == message &&
            (byte)read.Kind == kind && read.OnBehalfOf.Value == sender && read.Body.SequenceEqual(body);
    });

    [Test]
    public void Answers() => Gen.Select(Gen.UInt, Gen.ULong, Gen.Byte, Gen.Bool, Gen.Long, Gen.ULong).Sample((epoch, sequence, code, flag, time, head) =>
    {
        Published published = new(epoch, sequence, (Durability)code, flag, time);
        Subscribed subscribed = new((SubscribeStatus)code, epoch, sequence, head);
        FetchEnd end = new(flag, epoch, code, sequence, head, (ulong)time);
        byte[] bytes = new byte[FetchEnd.Size];
        published.Write(bytes);
        bool same = Published.TryRead(bytes, out Published first) && first == published;
        subscribed.Write(bytes);
        same &= Subscribed.TryRead(bytes, out Subscribed second) && second == subscribed;
        end.Write(bytes);
        return same && FetchEnd.TryRead(bytes, out FetchEnd third) && third == end;
    });

    [Test]
    public void Requests() => Gen.Select(Conversation, Position, Gen.Bool, Gen.UInt, Gen.UInt, Gen.ULong).Sample((conversation, position, backward, count, size, head) =>
    {
        Subscribe subscribe = new(conversation, position);
        Fetch fetch = new(conversation, position, backward ? FetchDirection.Backward : FetchDirection.Forward, count, size);
        Lag lag = new(conversation, position.Epoch, position.Sequence, head);
        byte[] bytes = new byte[Fetch.Size];
        subscribe.Write(bytes);
        bool same = Subscribe.TryRead(bytes.AsSpan(0, Subscribe.Size), out Subscribe first) && first == subscribe;
        fetch.Write(bytes);
        same &= Fetch.TryRead(bytes, out Fetch second) && second == fetch;
        lag.Write(bytes);
        return same && Lag.TryRead(bytes, out Lag third) && third == lag;
    });

    [Test]
    public void Records() => Gen.Select(Gen.ULong, Gen.Long, Id, Id, Gen.ULong, Id, Gen.Byte, Body).Sample((sequence, time, sender, publisher, device, message, kind, body) =>
    {
        byte[] bytes = new byte[MessageRecord.SizeOf(publisher != sender, body.Length)];
        int size = MessageRecord.Write(
            bytes, sequence, time, new UserId(sender), new UserId(publisher), new DeviceId(device), new ClientMessageId(message), (MessageKind)kind, RecordFlags.None, body);
        ReadOnlySpan<byte> source = bytes;
        return size == bytes.Length && MessageRecord.TryRead(ref source, out MessageRecord record) && source.IsEmpty && record.ChecksumMatches &&
            record.Sequence == sequence && record.SentAtMicros == time && record.Sender.Value == sender && record.Publisher.Value == publisher &&
            record.Device.Value == device && record.ClientMessageId.Value == message && (byte)record.Kind == kind && record.Body.SequenceEqual(body);
    });

    [Test]
    public void Frames_in_any_pieces() => Gen.Select(Gen.Select(Gen.Byte[1, 255], Gen.UInt, Body).Array[1, 8], Gen.Int[1, 40]).Sample((frames, segmentSize) =>
    {
        ArrayBufferWriter<byte> target = new();
        foreach ((byte type, uint request, byte[] body) in frames)
        {
            FrameWriter.Write(target, (FrameType)type, request, body);
        }

        ReadOnlySequence<byte> buffer = Segments.Every(target.WrittenMemory, segmentSize);
        foreach ((byte type, uint request, byte[] body) in frames)
        {
            if (FrameReader.TryRead(ref buffer, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out _) != FrameReadStatus.Done ||
                (byte)frame.Type != type || frame.Request != request || !frame.Body.ToArray().AsSpan().SequenceEqual(body))
            {
                return false;
            }
        }

        return buffer.IsEmpty;
    });

    [Test]
    public void Control_maps()
    {
        Gen<object> scalar = Gen.OneOf<object>(
            Gen.Bool.Select(flag => (object)flag), Gen.Long.Select(number => (object)number), Gen.ULong.Select(number => (object)(number > long.MaxValue ? number : (long)number)),
            Gen.String[Gen.Char.AlphaNumeric, 0, 300].Select(text => (object)text), Gen.Byte.Array[0, 300].Select(bytes => (object)bytes),
            Gen.Double.Select(number => (object)number));
        Gen<object> list = scalar.Array[0, 40].Select(values => (object)values.ToList<object?>());
        Gen.Dictionary(Gen.String[Gen.Char.AlphaNumeric, 1, 40], Gen.OneOf(scalar, list))[0, ProtocolLimits.ControlMapMax].Sample(fields =>
        {
            ControlMap map = new();
            foreach ((string key, object value) in fields)
            {
                map.Set(key, value);
            }

            ArrayBufferWriter<byte> bytes = new();
            map.Write(bytes);
            Assert.That(ControlMap.TryParse(new ReadOnlySequence<byte>(bytes.WrittenMemory), out ControlMap? read, out string reason), Is.True, reason);
            Assert.That(read!.Keys, Is.EquivalentTo(fields.Keys));
            foreach ((string key, object value) in fields)
            {
                Assert.That(read[key], Is.EqualTo(value), key);
            }
        });
    }
}
