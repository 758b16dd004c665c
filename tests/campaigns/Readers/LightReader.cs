using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace FastChat.Campaigns;

/// <summary>
/// A connection that follows one conversation and does nothing else, light enough for ten thousand in a process. It gives credit for what it reads; while it is stalled it reads nothing, so the broker
/// has neither credit nor, in the end, room in the socket.
/// </summary>
internal sealed class LightReader : IDisposable
{
    /// <summary>Bytes of deliveries that it lets come unread.</summary>
    public const uint Window = 8 * 1024;

    private const int BufferBytes = 4 * 1024;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Action<LightReader, long> _delivered;
    private byte[] _buffer = new byte[BufferBytes];
    private int _filled;
    private uint _consumed;
    private long _records;
    private TaskCompletionSource? _stalled;

    /// <param name="delivered">Learns of each record, with the moment at which it was to be sent.</param>
    public LightReader(Action<LightReader, long> delivered) => _delivered = delivered;

    /// <summary>Records that it was brought.</summary>
    public long Records => Volatile.Read(ref _records);

    /// <summary>True while it reads nothing.</summary>
    public bool IsStalled => Volatile.Read(ref _stalled) is not null;

    /// <summary>Signs in and follows a conversation from its head; completes when the broker has said that it does.</summary>
    public async Task ConnectAsync(IPEndPoint broker, string token, ConversationId conversation, CancellationToken cancellation)
    {
        await _socket.ConnectAsync(broker, cancellation);
        ArrayBufferWriter<byte> frames = new();
        FrameWriter.Write(frames, FrameType.Hello, 0, new Hello { Client = "light reader", Token = token, Window = Window }.ToMap());
        new Subscribe(conversation, new LogPosition(0, LogPosition.Latest)).Write(FrameWriter.Begin(frames, FrameType.Subscribe, 1, Subscribe.Size));
        await _socket.SendAsync(frames.WrittenMemory, cancellation);
        while (!await ReceiveAsync(cancellation))
        {
        }
    }

    /// <summary>Reads until the connection ends or this is disposed.</summary>
    /// <exception cref="InvalidDataException">The broker closed it, or said something else than it may.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            if (Volatile.Read(ref _stalled) is { } stalled)
            {
                await stalled.Task.WaitAsync(cancellation);
            }

            await ReceiveAsync(cancellation);
        }
    }

    /// <summary>Reads no further, from the next moment on. Any thread.</summary>
    public void Stall() => Volatile.Write(ref _stalled, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>Reads again. Any thread.</summary>
    public void Resume() => Interlocked.Exchange(ref _stalled, null)?.SetResult();

    public void Dispose() => _socket.Dispose();

    /// <summary>Takes what has come; true when the subscription's answer was among it.</summary>
    private async Task<bool> ReceiveAsync(CancellationToken cancellation)
    {
        if (_filled == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }

        int received = await _socket.ReceiveAsync(_buffer.AsMemory(_filled), cancellation);
        if (received == 0)
        {
            throw new InvalidDataException("the broker ended the connection");
        }

        _filled += received;
        bool isSubscribed = false;
        int at = 0;
        while (_filled - at >= FrameHeader.Size && FrameHeader.Read(_buffer.AsSpan(at)) is var header && _filled - at >= FrameHeader.Size + header.Length)
        {
            isSubscribed |= header.Type == FrameType.Subscribed;
            await HandleAsync(header, _buffer.AsMemory(at + FrameHeader.Size, header.Length), cancellation);
            at += FrameHeader.Size + header.Length;
        }

        _buffer.AsSpan(at, _filled - at).CopyTo(_buffer);
        _filled -= at;
        return isSubscribed;
    }

    private async ValueTask HandleAsync(FrameHeader header, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        switch (header.Type)
        {
            case FrameType.Deliver:
                Count(body.Span);
                _consumed += (uint)(FrameHeader.Size + header.Length);
                if (_consumed >= Window / 2)
                {
                    byte[] credit = new byte[FrameHeader.Size + Credit.Size];
                    new FrameHeader(Credit.Size, FrameType.Credit, 0).Write(credit);
                    new Credit(_consumed).Write(credit.AsSpan(FrameHeader.Size));
                    _consumed = 0;
                    await _socket.SendAsync(credit, cancellation);
                }

                break;
            case FrameType.Ping:
                byte[] pong = new byte[FrameHeader.Size + header.Length];
                new FrameHeader(header.Length, FrameType.Pong, header.Request).Write(pong);
                body.CopyTo(pong.AsMemory(FrameHeader.Size));
                await _socket.SendAsync(pong, cancellation);
                break;
            case FrameType.Error or FrameType.Close:
                Failure.TryRead(body.Span, out Failure failure);
                throw new InvalidDataException($"{header.Type} {failure.Code}: {failure.Reason}");
        }
    }

    private void Count(ReadOnlySpan<byte> body)
    {
        if (!Deliver.TryRead(body, out Deliver deliver))
        {
            throw new InvalidDataException("a Deliver cannot be read");
        }

        ReadOnlySpan<byte> records = deliver.Records;
        while (MessageRecord.TryRead(ref records, out MessageRecord record))
        {
            Volatile.Write(ref _records, _records + 1);
            if (record.Body.Length >= sizeof(long))
            {
                _delivered(this, BinaryPrimitives.ReadInt64LittleEndian(record.Body));
            }
        }
    }
}
