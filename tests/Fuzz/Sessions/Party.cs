using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;

using FastChat.Broker.Connections;
using FastChat.Broker.Web;

namespace FastChat.Fuzz.Sessions;

/// <summary>
/// A client's end of a connection in memory: sends bytes in whatever pieces it is told and takes everything that comes, always. The connection's other end is served by the broker's own code from accept to teardown.
/// </summary>
internal abstract class Party
{
    private readonly ArrayBufferWriter<byte> _received = new();

    /// <summary>Ends when the broker has ended the connection and everything it sent is here.</summary>
    public required Task Ended { get; init; }

    /// <summary>What came, once it has ended.</summary>
    public ReadOnlySpan<byte> Received => _received.WrittenSpan;

    /// <summary>Bytes that were sent before the connection ended.</summary>
    public ArrayBufferWriter<byte> Sent { get; } = new();

    /// <summary>Sends a piece. Once the broker has gone it goes nowhere.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        Sent.Write(bytes.Span);
        await WriteAsync(bytes);
    }

    /// <summary>Ends this side.</summary>
    public abstract Task EndAsync();

    protected abstract Task WriteAsync(ReadOnlyMemory<byte> bytes);

    protected void Take(ReadOnlySpan<byte> bytes) => _received.Write(bytes);

    protected void Take(in ReadOnlySequence<byte> bytes)
    {
        foreach (ReadOnlyMemory<byte> piece in bytes)
        {
            _received.Write(piece.Span);
        }
    }

    protected static PipeOptions Options { get; } = new(useSynchronizationContext: false);

    /// <summary>Two pipes' ends as one.</summary>
    protected sealed class Ends(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input { get; } = input;

        public PipeWriter Output { get; } = output;
    }
}

/// <summary>As over TCP: bytes.</summary>
internal sealed class PipeParty : Party
{
    private readonly Pipe _up = new(Options);
    private readonly Pipe _down = new(Options);

    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public PipeParty(ConnectionRegistry connections) =>
        Ended = Task.WhenAll(
            Task.Run(() => connections.RunAsync("fuzz", new Ends(_up.Reader, _down.Writer), static () => { })),
            Task.Run(ReceiveAsync));

    public override async Task EndAsync() => await _up.Writer.CompleteAsync();

    protected override async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        // Is the pipe's other end completed, then this returns at once.
        await _up.Writer.WriteAsync(bytes);
    }

    private async Task ReceiveAsync()
    {
        ReadResult result;
        do
        {
            result = await _down.Reader.ReadAsync();
            Take(result.Buffer);
            _down.Reader.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
    }
}

/// <summary>As over a WebSocket: the same bytes in binary messages, cut wherever the pieces end.</summary>
internal sealed class WebSocketParty : Party, IDisposable
{
    private readonly Pipe _up = new(Options);
    private readonly Pipe _down = new(Options);
    private readonly WebSocket _client;
    private readonly WebSocket _server;
    private int _pieces;

    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public WebSocketParty(ConnectionRegistry connections)
    {
        _server = WebSocket.CreateFromStream(
            new DuplexStream(new Ends(_up.Reader, _down.Writer)), new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = Timeout.InfiniteTimeSpan });
        _client = WebSocket.CreateFromStream(
            new DuplexStream(new Ends(_down.Reader, _up.Writer)), new WebSocketCreationOptions { IsServer = false, KeepAliveInterval = Timeout.InfiniteTimeSpan });
        Ended = Task.WhenAll(Task.Run(() => ServeAsync(connections)), Task.Run(ReceiveAsync));
    }

    public override async Task EndAsync()
    {
        try
        {
            await _client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        }
        catch (Exception gone) when (gone is WebSocketException or IOException or InvalidOperationException)
        {
            // The broker has ended it already.
        }

        await _up.Writer.CompleteAsync();
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    protected override async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_client.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            try
            {
                // Every third piece goes on in the next message's first frame: borders of messages carry no meaning.
                await _client.SendAsync(bytes, WebSocketMessageType.Binary, endOfMessage: ++_pieces % 3 != 0, CancellationToken.None);
            }
            catch (Exception gone) when (gone is WebSocketException or IOException or InvalidOperationException)
            {
                // The broker has ended it already.
            }
        }
    }

    private async Task ServeAsync(ConnectionRegistry connections)
    {
        await WebSocketConnection.ServeAsync(_server, connections, new ConnectionOrigin("fuzz"));
        await _down.Writer.CompleteAsync();
        await _up.Reader.CompleteAsync();
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            ValueWebSocketReceiveResult result;
            while ((result = await _client.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)).MessageType != WebSocketMessageType.Close)
            {
                Take(buffer.AsSpan(0, result.Count));
            }
        }
        catch (Exception gone) when (gone is WebSocketException or IOException)
        {
            // The end of the stream without a closing handshake.
        }
    }
}
