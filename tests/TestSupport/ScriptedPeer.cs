using System.Net;
using System.Net.Sockets;

using FastChat.Protocol;

namespace FastChat.TestSupport;

/// <summary>
/// The other end of a connection, driven by a test frame by frame or byte by byte. It cuts frames by itself rather than with
/// <see cref="FrameReader"/>, sends whatever it is told, answers nothing on its own (no Pong either) and never waits longer than
/// <see cref="Timeout"/>. One task at a time may send, and one may receive.
/// </summary>
public sealed class ScriptedPeer : IAsyncDisposable
{
    private readonly Stream _stream;
    private readonly Socket? _socket;
    private byte[] _received = new byte[4096];
    private int _receivedSize;

    /// <summary>A peer on any duplex stream, which it then owns.</summary>
    public ScriptedPeer(Stream stream, TimeSpan? timeout = null)
    {
        _stream = stream;
        Timeout = timeout ?? TimeSpan.FromSeconds(10);
    }

    private ScriptedPeer(Socket socket, TimeSpan? timeout)
        : this(new NetworkStream(socket, ownsSocket: true), timeout) => _socket = socket;

    /// <summary>How long one step may take before it is a <see cref="TimeoutException"/>.</summary>
    public TimeSpan Timeout { get; set; }

    /// <summary>The peer's own address, when it is on a socket.</summary>
    public EndPoint? LocalEndPoint => _socket?.LocalEndPoint;

    /// <summary>Connects over TCP.</summary>
    public static async Task<ScriptedPeer> ConnectAsync(IPEndPoint endPoint, TimeSpan? timeout = null, int? receiveBufferSize = null)
    {
        Socket socket = new(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (receiveBufferSize is { } size)
            {
                socket.ReceiveBufferSize = size;
            }

            using CancellationTokenSource deadline = new(timeout ?? TimeSpan.FromSeconds(10));
            await socket.ConnectAsync(endPoint, deadline.Token);
            return new ScriptedPeer(socket, timeout);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends bytes as they are.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        using CancellationTokenSource deadline = new(Timeout);
        try
        {
            await _stream.WriteAsync(bytes, deadline.Token);
            await _stream.FlushAsync(deadline.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            throw new TimeoutException($"the other side did not take {bytes.Length} bytes in {Timeout}");
        }
    }

    /// <summary>Sends bytes in writes of <paramref name="sliceSize"/> bytes, so that frames arrive in pieces.</summary>
    public async Task SendSlicedAsync(ReadOnlyMemory<byte> bytes, int sliceSize, TimeSpan pause = default)
    {
        for (int at = 0; at < bytes.Length; at += sliceSize)
        {
            await SendAsync(bytes.Slice(at, Math.Min(sliceSize, bytes.Length - at)));
            await Task.Delay(pause);
        }
    }

    /// <summary>Sends a frame with a body of any bytes.</summary>
    public Task SendAsync(FrameType type, uint request, ReadOnlyMemory<byte> body = default) =>
        SendAsync(RawFrame.ToBytes((byte)type, request, body.Span));

    /// <summary>Sends a control frame.</summary>
    public Task SendAsync(FrameType type, uint request, ControlMap map) => SendAsync(RawFrame.ToBytes(type, request, map));

    /// <summary>The next frame; null when the other side has ended the stream or reset the connection.</summary>
    /// <exception cref="TimeoutException">Nothing whole came in time.</exception>
    /// <exception cref="ScriptException">The stream ended inside a frame.</exception>
    public async Task<ReceivedFrame?> ReceiveOrEndAsync()
    {
        if (!await FillAsync(8, "a frame"))
        {
            return _receivedSize == 0 ? null : throw new ScriptException($"the stream ended after {_receivedSize} bytes of a header");
        }

        int length = _received[0] | (_received[1] << 8) | (_received[2] << 16);
        if (!await FillAsync(8 + length, $"the rest of a {(FrameType)_received[3]} frame"))
        {
            throw new ScriptException($"the stream ended inside a {(FrameType)_received[3]} frame: {_receivedSize} of {8 + length} bytes came");
        }

        uint request = BitConverter.ToUInt32(_received, 4);
        ReceivedFrame frame = new((FrameType)_received[3], request, _received[8..(8 + length)]);
        Drop(8 + length);
        return frame;
    }

    /// <summary>The next frame.</summary>
    /// <exception cref="ScriptException">There is none: the other side ended the stream.</exception>
    public async Task<ReceivedFrame> ReceiveAsync() =>
        await ReceiveOrEndAsync() ?? throw new ScriptException("a frame was expected, and the stream ended");

    /// <summary>The next frame, which must be of this type (and answer this request).</summary>
    /// <exception cref="ScriptException">It is another one, or the stream ended.</exception>
    public async Task<ReceivedFrame> ReceiveAsync(FrameType type, uint? request = null)
    {
        string expected = request is null ? $"{type}" : $"{type} request={request}";
        ReceivedFrame frame = await ReceiveOrEndAsync() ?? throw new ScriptException($"{expected} was expected, and the stream ended");
        return frame.Type == type && (request is null || frame.Request == request)
            ? frame
            : throw new ScriptException($"{expected} was expected, and {frame} came");
    }

    /// <summary>Passes over frames until one fits; the ones passed over are added to <paramref name="passed"/>.</summary>
    /// <exception cref="ScriptException">The stream ended first.</exception>
    public async Task<ReceivedFrame> ReceiveUntilAsync(Func<ReceivedFrame, bool> fits, ICollection<ReceivedFrame>? passed = null)
    {
        while (true)
        {
            ReceivedFrame frame = await ReceiveAsync();
            if (fits(frame))
            {
                return frame;
            }

            passed?.Add(frame);
        }
    }

    /// <summary>Passes over frames until Close, and waits for the end of the stream behind it.</summary>
    /// <exception cref="ScriptException">The stream ended without Close, or went on after it.</exception>
    public async Task<Failure> ReceiveCloseAsync()
    {
        ReceivedFrame close = await ReceiveUntilAsync(frame => frame.Type == FrameType.Close);
        return await ReceiveOrEndAsync() is { } more ? throw new ScriptException($"{more} came behind {close}") : close.ToFailure();
    }

    /// <summary>The next bytes, whatever they are.</summary>
    /// <exception cref="ScriptException">The stream ended first.</exception>
    public async Task<byte[]> ReceiveBytesAsync(int count)
    {
        if (!await FillAsync(count, $"{count} bytes"))
        {
            throw new ScriptException($"the stream ended after {_receivedSize} of {count} bytes");
        }

        byte[] bytes = _received[..count];
        Drop(count);
        return bytes;
    }

    /// <summary>The next bytes, which must be these.</summary>
    /// <exception cref="ScriptException">They differ, or the stream ended first; the message shows both from the first difference on.</exception>
    public async Task ExpectAsync(ReadOnlyMemory<byte> expected)
    {
        byte[] bytes = await ReceiveBytesAsync(expected.Length);
        int at = bytes.AsSpan().CommonPrefixLength(expected.Span);
        if (at < bytes.Length)
        {
            throw new ScriptException(
                $"byte {at} of {bytes.Length} differs: expected …{Convert.ToHexStringLower(expected.Span[at..])}, came …{Convert.ToHexStringLower(bytes.AsSpan(at))}");
        }
    }

    /// <summary>True when nothing comes for a while (and the stream does not end either). Bytes that came are kept for the next step.</summary>
    public async Task<bool> IsSilentAsync(TimeSpan time)
    {
        if (_receivedSize > 0)
        {
            return false;
        }

        using CancellationTokenSource deadline = new(time);
        try
        {
            await ReadMoreAsync(deadline.Token);
            return false;
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            return true;
        }
    }

    /// <summary>Sends Hello and expects Welcome.</summary>
    /// <exception cref="ScriptException">Something else came, for example Close.</exception>
    public async Task<Welcome> SignInAsync(Hello hello)
    {
        await SendAsync(FrameType.Hello, 0, hello.ToMap());
        return Welcome.Parse((await ReceiveAsync(FrameType.Welcome, 0)).ToMap());
    }

    /// <summary>Makes an account and signs in.</summary>
    public Task<Welcome> RegisterAsync(string name, string password) =>
        SignInAsync(new Hello { Client = "scripted", Name = name, Password = password, Register = true });

    /// <summary>Signs in with a name and a password.</summary>
    public Task<Welcome> SignInAsync(string name, string password) => SignInAsync(new Hello { Client = "scripted", Name = name, Password = password });

    /// <summary>Signs in with a token, taking up a session if one is given.</summary>
    public Task<Welcome> SignInAsync(string token, SessionId session = default) =>
        SignInAsync(new Hello { Client = "scripted", Token = token, Session = session });

    /// <summary>Ends the sending direction; the other side sees the end of the stream.</summary>
    public void EndSending() => _socket?.Shutdown(SocketShutdown.Send);

    /// <summary>Drops the connection at once; the other side sees a reset.</summary>
    public void Abort()
    {
        if (_socket is not null)
        {
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        _stream.Dispose();
    }

    /// <summary>Closes the connection.</summary>
    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task<bool> FillAsync(int size, string what)
    {
        using CancellationTokenSource deadline = new(Timeout);
        try
        {
            while (_receivedSize < size)
            {
                if (!await ReadMoreAsync(deadline.Token))
                {
                    return false;
                }
            }

            return true;
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            throw new TimeoutException($"{what} was expected for {Timeout}; {_receivedSize} bytes came");
        }
    }

    private async Task<bool> ReadMoreAsync(CancellationToken cancellation)
    {
        if (_receivedSize == _received.Length)
        {
            Array.Resize(ref _received, 2 * _received.Length);
        }

        try
        {
            int count = await _stream.ReadAsync(_received.AsMemory(_receivedSize), cancellation);
            _receivedSize += count;
            return count > 0;
        }
        catch (IOException failure) when (failure.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            return false;
        }
    }

    private void Drop(int count)
    {
        _received.AsSpan(count, _receivedSize - count).CopyTo(_received);
        _receivedSize -= count;
    }
}
