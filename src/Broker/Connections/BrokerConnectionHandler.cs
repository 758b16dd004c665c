using Microsoft.AspNetCore.Connections;

namespace FastChat.Broker.Connections;

/// <summary>Kestrel's door: a raw TCP or Unix domain socket connection becomes a broker connection.</summary>
internal sealed class BrokerConnectionHandler(ConnectionRegistry connections) : ConnectionHandler
{
    /// <inheritdoc/>
    public override Task OnConnectedAsync(ConnectionContext connection) =>
        connections.RunAsync(ConnectionOrigin.Of(connection), connection.Transport, connection.Abort);
}
