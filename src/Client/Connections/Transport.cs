using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;

using FastChat.Shared;

namespace FastChat.Client;

/// <summary>Opens the byte stream that an endpoint names. Every kind ends as a <see cref="Stream"/>, so there is one connection code for all.</summary>
internal static class Transport
{
    public static ValueTask<Stream> OpenAsync(ClientEndpoint endpoint, ClientTlsOptions tls, CancellationToken cancellationToken) => endpoint.Kind switch
    {
        TransportKind.Unix => OpenUnixAsync(endpoint, cancellationToken),
        TransportKind.WebSocket => OpenWebSocketAsync(endpoint, tls, cancellationToken),
        TransportKind.Tls => OpenTlsAsync(endpoint, tls, cancellationToken),
        _ => OpenTcpAsync(endpoint, cancellationToken),
    };

    private static async ValueTask<Stream> OpenTcpAsync(ClientEndpoint endpoint, CancellationToken cancellationToken)
    {
        // The write loop coalesces by itself; Nagle's algorithm would only add its delay to the last piece.
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint.Host, endpoint.Port, cancellationToken).ConfigureAwait(Continuation.InContext);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async ValueTask<Stream> OpenUnixAsync(ClientEndpoint endpoint, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(endpoint.Host), cancellationToken).ConfigureAwait(Continuation.InContext);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async ValueTask<Stream> OpenTlsAsync(ClientEndpoint endpoint, ClientTlsOptions tls, CancellationToken cancellationToken)
    {
        SslStream stream = new(await OpenTcpAsync(endpoint, cancellationToken).ConfigureAwait(Continuation.InContext), leaveInnerStreamOpen: false);
        try
        {
            await stream.AuthenticateAsClientAsync(TlsHandshake.ForFrames(endpoint.Host, tls), cancellationToken).ConfigureAwait(Continuation.InContext);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(Continuation.InContext);
            throw;
        }
    }

    private static async ValueTask<Stream> OpenWebSocketAsync(ClientEndpoint endpoint, ClientTlsOptions tls, CancellationToken cancellationToken)
    {
        ClientWebSocket socket = new();
        try
        {
            socket.Options.AddSubProtocol("fastchat.v1");

            // Heartbeats are the protocol's own; the socket's would be a second clock.
            socket.Options.KeepAliveInterval = TimeSpan.Zero;
            using HttpMessageInvoker http = new(new SocketsHttpHandler { SslOptions = TlsHandshake.ForHost(endpoint.Host, tls), UseProxy = false });
            await socket.ConnectAsync(endpoint.Uri!, http, cancellationToken).ConfigureAwait(Continuation.InContext);

            // One write is one binary message, and the write loop writes whole frames.
            return WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
