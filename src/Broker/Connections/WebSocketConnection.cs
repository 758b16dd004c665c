using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Broker.Connections;

/// <summary>
/// A WebSocket as the same duplex pipe that TCP gives: payloads of binary messages are the byte stream, and each flush of the write loop, which is whole frames, leaves as one
/// message. Two copying loops and nothing else; every rule about frames, states and deadlines is the ordinary connection's.
/// </summary>
internal sealed class WebSocketConnection : IDuplexPipe
{
    /// <summary>Bytes received and not read yet; past it the socket is not read. Must exceed the largest frame, or its reader could never go on.</summary>
    private const int ReceivePauseBytes = 2 * ProtocolLimits.ClientFrameSizeMax;

    /// <summary>Bytes written and not sent yet; past it the write loop waits, like on TCP.</summary>
    private const int SendPauseBytes = 64 * 1024;

    private const int ReceiveSizeHint = 4096;

    private static readonly TimeSpan ClosingMax = TimeSpan.FromSeconds(2);

    private readonly WebSocket _socket;
    private static readonly PipeOptions IncomingOptions = Options(ReceivePauseBytes);
    private static readonly PipeOptions OutgoingOptions = Options(SendPauseBytes);

    private readonly Pipe _incoming = new(IncomingOptions);
    private readonly Pipe _outgoing = new(OutgoingOptions);

    private WebSocketConnection(WebSocket socket) => _socket = socket;

    /// <summary>Runs a connection over a WebSocket to its end.</summary>
    /// <param name="socket">The socket; the caller's afterwards.</param>
    /// <param name="connections">Who runs it.</param>
    /// <param name="origin">Where it comes from.</param>
    public static async Task ServeAsync(WebSocket socket, ConnectionRegistry connections, ConnectionOrigin origin)
    {
        WebSocketConnection connection = new(socket);
        Task pumping = connection.PumpAsync();
        await connections.RunAsync(origin with { IsWebSocket = true }, connection, connection.Abort);
        await EndAsync(connection, pumping);
    }

    /// <inheritdoc/>
    public PipeReader Input => _incoming.Reader;

    /// <inheritdoc/>
    public PipeWriter Output => _outgoing.Writer;

    /// <summary>Ends the socket at once: what is waited for on it fails, without a token for each wait, which would cost an idle session a tenth of its memory. Any thread.</summary>
    private void Abort() => _socket.Abort();

    /// <summary>Copies both ways until both sides have ended. Does not throw.</summary>
    private async Task PumpAsync()
    {
        Task receiving = ReceiveAsync();
        await SendAsync();
        await receiving;
    }

    /// <summary>What waits at a pipe goes on within the call that ends the wait: neither side of either blocks, and a hop through the thread pool costs more than most of what it would carry.</summary>
    private static PipeOptions Options(int pauseBytes) => new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: pauseBytes, resumeWriterThreshold: pauseBytes / 2, useSynchronizationContext: false);

    /// <summary>Lets the closing handshake finish, but not for long: the peer may never answer it.</summary>
    private static async Task EndAsync(WebSocketConnection connection, Task pumping)
    {
        try
        {
            await pumping.WaitAsync(ClosingMax);
        }
        catch (TimeoutException)
        {
            connection.Abort();
            await pumping;
        }
    }

    private async Task ReceiveAsync()
    {
        Exception? failure = null;
        try
        {
            while (true)
            {
                // A receive without a buffer waits without holding one: an idle session costs no memory here.
                ValueWebSocketReceiveResult received = await _socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
                if (received.MessageType == WebSocketMessageType.Binary && !(received.EndOfMessage && received.Count == 0))
                {
                    received = await _socket.ReceiveAsync(_incoming.Writer.GetMemory(ReceiveSizeHint), CancellationToken.None);
                }

                if (received.MessageType == WebSocketMessageType.Close)
                {
                    break;
                }

                if (received.MessageType == WebSocketMessageType.Text)
                {
                    failure = new TransportBreachException("websocket");
                    await _socket.CloseOutputAsync(WebSocketCloseStatus.InvalidMessageType, "binary messages only", CancellationToken.None);
                    break;
                }

                _incoming.Writer.Advance(received.Count);
                FlushResult flushed = await _incoming.Writer.FlushAsync();
                if (flushed.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (Exception end) when (end is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Who goes without the closing handshake has broken nothing.
            failure = end is WebSocketException { WebSocketErrorCode: WebSocketError.Faulted } ? new TransportBreachException("websocket", end) : new IOException("the WebSocket ended", end);
        }

        await _incoming.Writer.CompleteAsync(failure);
    }

    private async Task SendAsync()
    {
        try
        {
            CloseCode close = CloseCode.Normal;
            while (true)
            {
                ReadResult result = await _outgoing.Reader.ReadAsync();
                ReadOnlySequence<byte> buffer = result.Buffer;
                if (!buffer.IsEmpty)
                {
                    close = LastClose(buffer) is var code && code != CloseCode.None ? code : close;
                    await SendMessageAsync(buffer);
                }

                _outgoing.Reader.AdvanceTo(buffer.End);
                if (result.IsCompleted)
                {
                    break;
                }
            }

            if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                // Who closed gets its own status back (RFC 6455 §5.5.1).
                await _socket.CloseOutputAsync(_socket.CloseStatus ?? (WebSocketCloseStatus)close, null, CancellationToken.None);
            }
        }
        catch (Exception end) when (end is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The socket ended; the receiving side reports it to the connection.
        }

        await _outgoing.Reader.CompleteAsync();
    }

    private async Task SendMessageAsync(ReadOnlySequence<byte> buffer)
    {
        foreach (ReadOnlyMemory<byte> segment in buffer)
        {
            bool isLast = buffer.End.Equals(buffer.GetPosition(segment.Length, buffer.Start));
            await _socket.SendAsync(segment, WebSocketMessageType.Binary, isLast, CancellationToken.None);
            buffer = buffer.Slice(segment.Length);
        }
    }

    /// <summary>The code of a Close frame at the end of what is sent: over WebSocket it is the close status as well.</summary>
    private static CloseCode LastClose(ReadOnlySequence<byte> buffer)
    {
        CloseCode code = CloseCode.None;
        while (FrameReader.TryRead(ref buffer, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out _) == FrameReadStatus.Done)
        {
            if (frame.Type == FrameType.Close && Failure.TryRead(frame.Body.ToArray(), out Failure failure))
            {
                code = (CloseCode)failure.Code;
            }
        }

        return code;
    }
}
