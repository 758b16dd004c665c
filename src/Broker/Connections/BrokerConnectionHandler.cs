using System.Net;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Broker.Connections;

/// <summary>Kestrel's door: a raw TCP or Unix domain socket connection becomes a broker connection.</summary>
internal sealed class BrokerConnectionHandler(ConnectionRegistry connections) : ConnectionHandler
{
    /// <summary>What connections without an address (Unix domain sockets) are counted under.</summary>
    public const string LocalAddress = "local";

    /// <inheritdoc/>
    public override Task OnConnectedAsync(ConnectionContext connection) =>
        connections.RunAsync(AddressOf(connection.RemoteEndPoint), connection.Transport, connection.Abort);

    private static string AddressOf(EndPoint? endPoint) => endPoint is IPEndPoint ip ? ip.Address.ToString() : LocalAddress;
}
