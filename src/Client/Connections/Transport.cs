using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;

using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Client;

/// <summary>A byte stream to a broker.</summary>
/// <param name="Stream">The bytes.</param>
/// <param name="Binding">What a proof on it can be bound to; null for nothing.</param>
internal readonly record struct OpenedTransport(Stream Stream, ChannelBinding? Binding);

/// <summary>Opens the byte stream that an endpoint names. Every kind ends as a <see cref="Stream"/>, so there is one connection code for all.</summary>
internal static class Transport
{
    public static async ValueTask<OpenedTransport> OpenAsync(ClientEndpoint endpoint, ClientTlsOptions tls, CancellationToken cancellationToken)
    {
        // The certificate is known behind the handshake, and only its hash is kept.
        ChannelBinding? binding = null;
        Stream stream = await (endpoint.Kind switch
        {
            TransportKind.Unix => OpenUnixAsync(endpoint, cancellationToken),
            TransportKind.WebSocket => OpenWebSocketAsync(endpoint, tls, certificate => binding = ChannelBinding.ToCertificate(certificate), cancellationToken),
            TransportKind.Tls => OpenTlsAsync(endpoint, tls, certificate => binding = ChannelBinding.ToCertificate(certificate), cancellationToken),
            _ => OpenTcpAsync(endpoint, cancellationToken),
        }).ConfigureAwait(Continuation.InContext);
        return new OpenedTransport(stream, binding);
    }

    private static async Task<Stream> OpenTcpAsync(ClientEndpoint endpoint, CancellationToken cancellationToken)
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

    private static async Task<Stream> OpenUnixAsync(ClientEndpoint endpoint, CancellationToken cancellationToken)
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

    private static async Task<Stream> OpenTlsAsync(ClientEndpoint endpoint, ClientTlsOptions tls, Action<X509Certificate2> accepted, CancellationToken cancellationToken)
    {
        SslStream stream = new(await OpenTcpAsync(endpoint, cancellationToken).ConfigureAwait(Continuation.InContext), leaveInnerStreamOpen: false);
        try
        {
            await stream.AuthenticateAsClientAsync(TlsHandshake.ForFrames(endpoint.Host, tls, accepted), cancellationToken).ConfigureAwait(Continuation.InContext);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(Continuation.InContext);
            throw;
        }
    }

    private static async Task<Stream> OpenWebSocketAsync(ClientEndpoint endpoint, ClientTlsOptions tls, Action<X509Certificate2> accepted, CancellationToken cancellationToken)
    {
        ClientWebSocket socket = new();
        try
        {
            socket.Options.AddSubProtocol("fastchat.v1");

            // Heartbeats are the protocol's own; the socket's would be a second clock.
            socket.Options.KeepAliveInterval = TimeSpan.Zero;
            using HttpMessageInvoker http = new(new SocketsHttpHandler { SslOptions = TlsHandshake.ForHost(endpoint.Host, tls, accepted), UseProxy = false });
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
