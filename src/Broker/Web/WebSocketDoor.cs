using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;

using FastChat.Broker.Connections;

using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace FastChat.Broker.Web;

/// <summary>
/// Stands before the HTTP server: a plain upgrade to a WebSocket goes straight to the ordinary connection path, without a request, a response and the server's buffers staying in memory for as long as the
/// session lives. Whatever is not plain, or is to be refused, is left to the server untouched (<see cref="WebSocketEndpoint"/>).
/// </summary>
internal sealed class WebSocketDoor(ConnectionDelegate server, ConnectionRegistry connections, OriginPolicy origins, string scheme, TimeProvider clock)
{
    /// <summary>How long a connection may say nothing; the server has its own limits for what comes later.</summary>
    private static readonly TimeSpan FirstBytesDeadline = TimeSpan.FromSeconds(30);

    /// <summary>Serves a connection of the HTTP listener.</summary>
    public async Task OnConnectedAsync(ConnectionContext connection)
    {
        if (await TryUpgradeAsync(connection) is { } socket)
        {
            await ServeAsync(socket, connection);
        }
        else
        {
            await server(connection);
        }
    }

    private async Task ServeAsync(WebSocket socket, ConnectionContext connection)
    {
        using (socket)
        {
            await WebSocketConnection.ServeAsync(socket, connections, ConnectionOrigin.Of(connection));
        }
    }

    private async Task<WebSocket?> TryUpgradeAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        ReadResult result;
        try
        {
            // The server is stopped while nothing was asked: nobody waits for what may never come.
            CancellationToken stopped = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
            using CancellationTokenSource late = new(FirstBytesDeadline, clock);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stopped);
            result = await input.ReadAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            connection.Abort(new ConnectionAbortedException("nothing was asked"));
            return null;
        }

        // A head that came in pieces is not worth waiting for here: the server waits, with its limits.
        ReadOnlySpan<byte> head = result.Buffer.IsSingleSegment ? result.Buffer.FirstSpan : default;
        UpgradeRequest? request = UpgradeRequest.TryParse(head, WebSocketEndpoint.Path);
        if (request is null || !origins.Allows(request.Origin, scheme, request.Host))
        {
            input.AdvanceTo(result.Buffer.Start);
            return null;
        }

        input.AdvanceTo(result.Buffer.GetPosition(request.Size));
        string? subprotocol = request.Speaks(WebSocketEndpoint.Subprotocol) ? WebSocketEndpoint.Subprotocol : null;
        Answer(connection.Transport.Output, request.Key, subprotocol);
        await connection.Transport.Output.FlushAsync();
        return WebSocketEndpoint.Open(connection.Transport, subprotocol);
    }

    private static void Answer(PipeWriter output, string key, string? subprotocol)
    {
        string chosen = subprotocol is null ? string.Empty : $"Sec-WebSocket-Protocol: {subprotocol}\r\n";
        string answer = $"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {WebSocketEndpoint.Accept(key)}\r\n{chosen}\r\n";
        output.Write(Encoding.ASCII.GetBytes(answer));
    }
}
