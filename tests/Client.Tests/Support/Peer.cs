using System.Buffers;

namespace FastChat.Client.Tests;

/// <summary>A frame that the client sent, with a body of its own.</summary>
internal sealed record SentFrame(FrameType Type, uint Request, byte[] Body)
{
    public ControlMap Map => ControlMap.TryParse(new ReadOnlySequence<byte>(Body), out ControlMap? map, out string reason)
        ? map
        : throw new AssertionException($"{Type}: {reason}");
}

/// <summary>The broker's side of one connection, played by a test frame by frame.</summary>
internal sealed class Peer
{
    private readonly byte[] _buffer = new byte[512 * 1024];
    private int _start;
    private int _end;

    public Peer(Stream stream) => Stream = stream;

    public Stream Stream { get; }

    /// <summary>The next frame; null at the end of the stream.</summary>
    public async Task<SentFrame?> ReadOrEndAsync()
    {
        while (true)
        {
            ReadOnlySequence<byte> rest = new(_buffer, _start, _end - _start);
            FrameReadStatus status = FrameReader.TryRead(ref rest, ProtocolLimits.ClientFrameSizeMax, out Frame frame, out CloseCode violation);
            if (status == FrameReadStatus.Done)
            {
                _start += (int)frame.TotalSize;
                return new SentFrame(frame.Type, frame.Request, frame.Body.ToArray());
            }

            Assert.That(status, Is.EqualTo(FrameReadStatus.NeedMoreData), () => $"the client's bytes are no frame: {violation}");
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            int read = await Stream.ReadAsync(_buffer.AsMemory(_end));
            if (read == 0)
            {
                return null;
            }

            _end += read;
        }
    }

    public async Task<SentFrame> ReadAsync(FrameType type)
    {
        SentFrame? frame = await ReadOrEndAsync().Within();
        Assert.That(frame?.Type, Is.EqualTo(type));
        return frame!;
    }

    /// <summary>Answers Hello, and returns it.</summary>
    public async Task<Hello> WelcomeAsync(Welcome? welcome = null)
    {
        Hello hello = Hello.Parse((await ReadAsync(FrameType.Hello)).Map);
        await SendAsync(target => FrameWriter.Write(target, FrameType.Welcome, 0, (welcome ?? Welcomes.Plain).ToMap()));
        return hello;
    }

    public async Task SendAsync(Action<IBufferWriter<byte>> write)
    {
        ArrayBufferWriter<byte> buffer = new();
        write(buffer);
        await Stream.WriteAsync(buffer.WrittenMemory);
        await Stream.FlushAsync();
    }

    public Task PublishedAsync(uint request, ulong sequence, bool isDuplicate = false, uint epoch = 1) => SendAsync(target =>
        new Published(epoch, sequence, Durability.Fsynced, isDuplicate, 1_700_000_000_000_000).Write(FrameWriter.Begin(target, FrameType.Published, request, Published.Size)));

    public Task SubscribedAsync(uint request, SubscribeStatus status, uint epoch, ulong first, ulong head) => SendAsync(target =>
        new Subscribed(status, epoch, first, head).Write(FrameWriter.Begin(target, FrameType.Subscribed, request, Subscribed.Size)));

    public Task ErrorAsync(uint request, ErrorCode code, uint retryAfterMs = 0, bool isInOrder = false) =>
        SendAsync(target => FrameWriter.Write(target, FrameType.Error, request, new Failure((ushort)code, retryAfterMs, "scripted") { IsInOrder = isInOrder }));

    public Task CloseAsync(CloseCode code, uint retryAfterMs = 0) =>
        SendAsync(target => FrameWriter.WriteClose(target, code, "scripted", retryAfterMs));

    public Task ReplyAsync(uint request, ControlMap map) => SendAsync(target => FrameWriter.Write(target, FrameType.Reply, request, map));

    public Task DeliverAsync(ConversationId conversation, uint epoch, params byte[][] records) =>
        SendAsync(target => Records.WriteFrame(target, FrameType.Deliver, 0, conversation, epoch, records));

    public ValueTask BreakAsync() => Stream.DisposeAsync();
}

internal static class Welcomes
{
    public static readonly UserId User = new(0xA1);

    public static Welcome Plain { get; } = new()
    {
        Server = "scripted",
        Session = new SessionId(0x5E55),
        User = User,
        Name = "ada",
        Device = new DeviceId(7),
        HeartbeatMs = 60_000,
        FrameSizeMax = ProtocolLimits.ClientFrameSizeMax,
        BodySizeMax = ProtocolLimits.BodySizeMax,
        InFlightMax = ProtocolLimits.InFlightMax,
    };
}

internal static class Records
{
    public static byte[] Text(ulong sequence, string text, ClientMessageId id = default) => Make(sequence, id, MessageKind.Text, System.Text.Encoding.UTF8.GetBytes(text));

    public static byte[] Make(ulong sequence, ClientMessageId id, MessageKind kind, ReadOnlySpan<byte> body, UserId sender = default)
    {
        UserId from = sender.IsNone ? Welcomes.User : sender;
        byte[] record = new byte[MessageRecord.SizeOf(onBehalf: from != Welcomes.User, body.Length)];
        MessageRecord.Write(record, sequence, 1_700_000_000_000_000, from, Welcomes.User, new DeviceId(7), id, kind, RecordFlags.None, body);
        return record;
    }

    public static void WriteFrame(IBufferWriter<byte> target, FrameType type, uint request, ConversationId conversation, uint epoch, IReadOnlyList<byte[]> records)
    {
        Span<byte> body = FrameWriter.Begin(target, type, request, Deliver.FixedSize + records.Sum(record => record.Length));
        Deliver.WriteFixed(body, conversation, epoch, (uint)records.Count);
        body = body[Deliver.FixedSize..];
        foreach (byte[] record in records)
        {
            record.CopyTo(body);
            body = body[record.Length..];
        }
    }
}
