using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>A frame of a WebSocket as it came (RFC 6455 §5.2).</summary>
internal sealed record WebSocketFrame(bool IsFinal, int Opcode, byte[] Payload)
{
    /// <summary>The status of a close frame; 1005 when it has none.</summary>
    public int Status => Payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(Payload) : 1005;
}

/// <summary>The client's end of a WebSocket, in bytes: sends what no library would send, and looks at each frame that comes back by itself. It answers nothing on its own.</summary>
internal sealed class RawWebSocket(Stream stream) : IAsyncDisposable
{
    /// <summary>Opcodes (RFC 6455 §5.2).</summary>
    public const int Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10;

    /// <summary>What a browser sends first, without the empty line at the end.</summary>
    public const string Head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    private static readonly byte[] s_mask = [0x37, 0xFA, 0x21, 0x3D];
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>The bytes, when frames are not enough.</summary>
    public Stream Stream => stream;

    /// <summary>Connects to the HTTP listener and asks for nothing yet.</summary>
    public static async Task<Stream> ConnectAsync(Uri http, TestCertificate? certificate = null)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(http.Host, http.Port);
        NetworkStream plain = new(socket, ownsSocket: true);
        if (certificate is null)
        {
            return plain;
        }

        SslStream tls = new(plain, leaveInnerStreamOpen: false, certificate.IsTheOne);
        await tls.AuthenticateAsClientAsync("localhost");
        return tls;
    }

    /// <summary>Connects and is upgraded; <paramref name="headers"/> are further lines of the request, each with its end.</summary>
    public static async Task<RawWebSocket> OpenAsync(Uri http, string headers = "", TestCertificate? certificate = null)
    {
        Stream stream = await ConnectAsync(http, certificate);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{Head}{headers}\r\n"));
        string answer = await ReadHeadAsync(stream);
        Assert.That(answer, Does.StartWith("HTTP/1.1 101"));
        Assert.That(answer, Does.Contain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").IgnoreCase);
        Assert.That(answer, Does.Not.Contain("Sec-WebSocket-Extensions").IgnoreCase);
        return new RawWebSocket(stream);
    }

    /// <summary>The head of an HTTP answer, byte by byte, so that nothing behind it is taken.</summary>
    public static async Task<string> ReadHeadAsync(Stream stream)
    {
        using CancellationTokenSource deadline = new(s_patience);
        StringBuilder head = new();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one, deadline.Token) == 1)
        {
            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    /// <summary>The bytes of a masked frame.</summary>
    /// <param name="opcode">What it is.</param>
    /// <param name="payload">Its bytes.</param>
    /// <param name="isFinal">No fragment follows.</param>
    /// <param name="reserved">The three reserved bits, RSV1 the highest.</param>
    public static byte[] Frame(int opcode, ReadOnlySpan<byte> payload, bool isFinal = true, int reserved = 0)
    {
        byte first = (byte)((isFinal ? 0x80 : 0) | (reserved << 4) | opcode);
        byte[] length = payload.Length switch
        {
            < 126 => [(byte)(0x80 | payload.Length)],
            <= ushort.MaxValue => [0x80 | 126, (byte)(payload.Length >> 8), (byte)payload.Length],
            _ => [0x80 | 127, 0, 0, 0, 0, (byte)(payload.Length >> 24), (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length],
        };
        byte[] frame = [first, .. length, .. s_mask, .. payload];
        for (int i = 0, at = frame.Length - payload.Length; i < payload.Length; i++)
        {
            frame[at + i] ^= s_mask[i & 3];
        }

        return frame;
    }

    /// <summary>Sends a frame.</summary>
    public ValueTask SendAsync(int opcode, ReadOnlyMemory<byte> payload = default, bool isFinal = true, int reserved = 0) =>
        stream.WriteAsync(Frame(opcode, payload.Span, isFinal, reserved));

    /// <summary>Sends bytes in pieces, each a write of its own. Whoever refuses the first of them need not wait for the last.</summary>
    public async Task SendChoppedAsync(ReadOnlyMemory<byte> bytes, int size)
    {
        try
        {
            for (int at = 0; at < bytes.Length; at += size)
            {
                await stream.WriteAsync(bytes.Slice(at, Math.Min(size, bytes.Length - at)));
            }
        }
        catch (IOException)
        {
            // What the other side said is still to be read.
        }
    }

    /// <summary>The next frame; null when the stream has ended. A server's frames carry no mask and no reserved bits.</summary>
    public async Task<WebSocketFrame?> ReceiveAsync()
    {
        using CancellationTokenSource deadline = new(s_patience);
        byte[] header = new byte[10];
        try
        {
            if (await stream.ReadAtLeastAsync(header.AsMemory(0, 2), 2, throwOnEndOfStream: false, deadline.Token) < 2)
            {
                return null;
            }

            Assert.That(header[0] & 0x70, Is.Zero, "reserved bits");
            Assert.That(header[1] & 0x80, Is.Zero, "a server masked");
            int lengthSize = (header[1] & 0x7F) switch { 126 => 2, 127 => 8, _ => 0 };
            await stream.ReadExactlyAsync(header.AsMemory(2, lengthSize), deadline.Token);
            ulong length = lengthSize switch
            {
                2 => BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2)),
                8 => BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(2)),
                _ => (ulong)header[1],
            };
            byte[] payload = new byte[checked((int)length)];
            await stream.ReadExactlyAsync(payload, deadline.Token);
            return new WebSocketFrame((header[0] & 0x80) != 0, header[0] & 0x0F, payload);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The next message, whole, or the next control frame; null when the stream has ended. Fragments follow each other without anything between them: nothing is sent here in another way.</summary>
    public async Task<WebSocketFrame?> ReceiveMessageAsync()
    {
        WebSocketFrame? first = await ReceiveAsync();
        if (first is null || first.IsFinal)
        {
            return first;
        }

        Assert.That(first.Opcode, Is.EqualTo(Binary));
        List<byte> payload = [.. first.Payload];
        while (await ReceiveAsync() is { } next)
        {
            Assert.That(next.Opcode, Is.EqualTo(Continuation));
            payload.AddRange(next.Payload);
            if (next.IsFinal)
            {
                return new WebSocketFrame(true, first.Opcode, [.. payload]);
            }
        }

        return null;
    }

    /// <summary>Passes over frames up to the close frame, which ends the stream; 0 when there is none.</summary>
    public async Task<int> ReceiveCloseAsync()
    {
        while (await ReceiveAsync() is { } frame)
        {
            if (frame.Opcode == Close)
            {
                return frame.Status;
            }
        }

        return 0;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
