using System.IO.Pipelines;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

using FastChat.Broker.Connections;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FastChat.Broker.Web;

/// <summary>
/// <c>/ws</c> in the HTTP server: upgrades to a WebSocket and hands it to the ordinary connection path. Plain upgrades do not come here (<see cref="WebSocketDoor"/>): odd ones do, in pieces or through a proxy with
/// headers of its own, and those that are to be refused.
/// </summary>
internal sealed class WebSocketEndpoint(ConnectionRegistry connections, OriginPolicy origins)
{
    /// <summary>Where it is.</summary>
    public const string Path = "/ws";

    /// <summary>What is spoken there.</summary>
    public const string Subprotocol = "fastchat.v1";

    /// <summary>Adds the endpoint.</summary>
    public void Map(WebApplication application) => application.Map(Path, branch => branch.Run(AcceptAsync));

    /// <summary>What the key is answered with. RFC 6455 §4.2.2 wants SHA-1 of the key and this very id; it protects nothing.</summary>
    public static string Accept(string key) =>
#pragma warning disable CA5350
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350

    /// <summary>The WebSocket behind an upgrade: no compression, and no pings of its own.</summary>
    public static WebSocket Open(IDuplexPipe pipes, string? subprotocol) => WebSocket.CreateFromStream(
        new DuplexStream(pipes),
        new WebSocketCreationOptions { IsServer = true, SubProtocol = subprotocol, KeepAliveInterval = Timeout.InfiniteTimeSpan });

    private async Task AcceptAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync("a WebSocket is expected here\n");
            return;
        }

        if (!origins.Allows(context.Request.Headers.Origin, context.Request.Scheme, context.Request.Host.ToString()))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        string? subprotocol = context.WebSockets.WebSocketRequestedProtocols.Contains(Subprotocol) ? Subprotocol : null;
        context.Response.Headers.Connection = "Upgrade";
        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.SecWebSocketAccept = Accept(context.Request.Headers.SecWebSocketKey.ToString());
        context.Response.Headers.SecWebSocketProtocol = subprotocol;
        using Stream upgraded = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        using WebSocket socket = Open(new StreamPipes(upgraded), subprotocol);

        // The server shows a connection's own features among the request's.
        ConnectionOrigin origin = context.Features.Get<ConnectionOrigin>()
            ?? new ConnectionOrigin(ConnectionOrigin.AddressOf(context.Connection.RemoteIpAddress is { } address ? new IPEndPoint(address, 0) : null));
        await WebSocketConnection.ServeAsync(socket, connections, origin);
    }

    /// <summary>The server's stream as pipes; reading waits without a buffer.</summary>
    private sealed class StreamPipes(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }
}
