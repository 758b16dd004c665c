using System.Net;
using System.Net.WebSockets;

using FastChat.Broker.Connections;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

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
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = subprotocol,
            DangerousEnableCompression = false,
        });

        // The server shows a connection's own features among the request's.
        ConnectionOrigin origin = context.Features.Get<ConnectionOrigin>()
            ?? new ConnectionOrigin(ConnectionOrigin.AddressOf(context.Connection.RemoteIpAddress is { } address ? new IPEndPoint(address, 0) : null));
        await WebSocketConnection.ServeAsync(socket, connections, origin);
    }
}
