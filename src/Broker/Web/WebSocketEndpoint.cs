using System.Net.WebSockets;

using FastChat.Broker.Connections;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace FastChat.Broker.Web;

/// <summary>
/// <c>/ws</c>: upgrades to a WebSocket and hands it to the ordinary connection path. A page's origin must be the broker's own or on the list, compared as a
/// whole; programs send no Origin and are let through to Hello, where they need credentials like everyone.
/// </summary>
internal sealed class WebSocketEndpoint(ConnectionRegistry connections, IReadOnlyList<string> allowedOrigins)
{
    private const string Subprotocol = "fastchat.v1";

    /// <summary>Adds the endpoint.</summary>
    public void Map(WebApplication application) => application.Map("/ws", branch => branch.Run(AcceptAsync));

    private async Task AcceptAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync("a WebSocket is expected here\n").ConfigureAwait(false);
            return;
        }

        if (!IsAllowed(context.Request))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        string? subprotocol = context.WebSockets.WebSocketRequestedProtocols.Contains(Subprotocol) ? Subprotocol : null;
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = subprotocol,
            DangerousEnableCompression = false,
        }).ConfigureAwait(false);
        using WebSocketConnection connection = new(socket);
        Task pumping = connection.PumpAsync();
        string remote = context.Connection.RemoteIpAddress?.ToString() ?? BrokerConnectionHandler.LocalAddress;
        await connections.RunAsync(remote, connection, connection.Abort).ConfigureAwait(false);
        await EndAsync(connection, pumping).ConfigureAwait(false);
    }

    /// <summary>Lets the closing handshake finish, but not for long: the peer may never answer it.</summary>
    private static async Task EndAsync(WebSocketConnection connection, Task pumping)
    {
        try
        {
            await pumping.WaitAsync(TimeSpan.FromSeconds(2)).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            connection.Abort();
            await pumping.ConfigureAwait(false);
        }
    }

    private bool IsAllowed(HttpRequest request)
    {
        string? origin = request.Headers.Origin;
        return string.IsNullOrEmpty(origin)
            || string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase)
            || allowedOrigins.Contains(origin, StringComparer.OrdinalIgnoreCase);
    }
}
