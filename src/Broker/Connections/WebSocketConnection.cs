using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;

using FastChat.Protocol;

namespace FastChat.Broker.Connections;

/// <summary>
/// A WebSocket as the same duplex pipe that TCP gives: payloads of binary messages are the byte stream, and each flush of the write loop, which is whole frames, leaves as one
/// message. Two copying loops and nothing else; every rule about frames, states and deadlines is the ordinary connection's.
/// </summary>
internal sealed class WebSocketConnection : IDuplexPipe, IDisposable
{
    /// <summary>Bytes received and not read yet; past it the socket is not read. Must exceed the largest frame, or its reader could never go on.</summary>
    private const int ReceivePauseBytes = 2 * ProtocolLimits.ClientFrameSizeMax;

    /// <summary>Bytes written and not sent yet; past it the write loop waits, like on TCP.</summary>
    private const int SendPauseBytes = 64 * 1024;

    private const int ReceiveSizeHint = 4096;

    private readonly WebSocket _socket;
    private readonly Pipe _incoming = new(new PipeOptions(
        pauseWriterThreshold: ReceivePauseBytes, resumeWriterThreshold: ReceivePauseBytes / 2, useSynchronizationContext: false));

    private readonly Pipe _outgoing = new(new PipeOptions(
        pauseWriterThreshold: SendPauseBytes, resumeWriterThreshold: SendPauseBytes / 2, useSynchronizationContext: false));

    private readonly CancellationTokenSource _abort = new();

    public WebSocketConnection(WebSocket socket) => _socket = socket;

    /// <inheritdoc/>
    public PipeReader Input => _incoming.Reader;

    /// <inheritdoc/>
    public PipeWriter Output => _outgoing.Writer;

    /// <summary>Ends the socket at once. Any thread.</summary>
    public void Abort()
    {
        _socket.Abort();
        _abort.Cancel();
    }

    /// <summary>Copies both ways until both sides have ended. Does not throw.</summary>
    public async Task PumpAsync()
    {
        Task receiving = ReceiveAsync();
        await SendAsync().ConfigureAwait(false);
        await receiving.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _abort.Dispose();

    private async Task ReceiveAsync()
    {
        Exception? failure = null;
        try
        {
            while (true)
            {
                // A receive without a buffer waits without holding one: an idle session costs no memory here.
                ValueWebSocketReceiveResult received = await _socket.ReceiveAsync(Memory<byte>.Empty, _abort.Token).ConfigureAwait(false);
                if (received.MessageType == WebSocketMessageType.Binary && !(received.EndOfMessage && received.Count == 0))
                {
                    received = await _socket.ReceiveAsync(_incoming.Writer.GetMemory(ReceiveSizeHint), _abort.Token).ConfigureAwait(false);
                }

                if (received.MessageType == WebSocketMessageType.Close)
                {
                    break;
                }

                if (received.MessageType == WebSocketMessageType.Text)
                {
                    await _socket.CloseOutputAsync(WebSocketCloseStatus.InvalidMessageType, "binary messages only", _abort.Token).ConfigureAwait(false);
                    break;
                }

                _incoming.Writer.Advance(received.Count);
                FlushResult flushed = await _incoming.Writer.FlushAsync().ConfigureAwait(false);
                if (flushed.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (Exception end) when (end is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            failure = new IOException("the WebSocket ended", end);
        }

        await _incoming.Writer.CompleteAsync(failure).ConfigureAwait(false);
    }

    private async Task SendAsync()
    {
        try
        {
            CloseCode close = CloseCode.Normal;
            while (true)
            {
                ReadResult result = await _outgoing.Reader.ReadAsync().ConfigureAwait(false);
                ReadOnlySequence<byte> buffer = result.Buffer;
                if (!buffer.IsEmpty)
                {
                    close = LastClose(buffer) is var code && code != CloseCode.None ? code : close;
                    await SendMessageAsync(buffer).ConfigureAwait(false);
                }

                _outgoing.Reader.AdvanceTo(buffer.End);
                if (result.IsCompleted)
                {
                    break;
                }
            }

            if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await _socket.CloseOutputAsync((WebSocketCloseStatus)close, null, _abort.Token).ConfigureAwait(false);
            }
        }
        catch (Exception end) when (end is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The socket ended; the receiving side reports it to the connection.
        }

        await _outgoing.Reader.CompleteAsync().ConfigureAwait(false);
    }

    private async Task SendMessageAsync(ReadOnlySequence<byte> buffer)
    {
        foreach (ReadOnlyMemory<byte> segment in buffer)
        {
            bool isLast = buffer.End.Equals(buffer.GetPosition(segment.Length, buffer.Start));
            await _socket.SendAsync(segment, WebSocketMessageType.Binary, isLast, _abort.Token).ConfigureAwait(false);
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
