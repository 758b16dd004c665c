using System.Net;

using FastChat.Protocol;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Broker.Connections;

/// <summary>
/// Where a connection comes from, as far as its transport found out before the first frame: the peer's address, which a proxy may have told (PROXY protocol), and what its certificate proves. Transports leave it among
/// the connection's features. Immutable.
/// </summary>
/// <param name="Remote">The address without the port, what limits count and the audit log tells; <see cref="Local"/> when there is none.</param>
internal sealed record ConnectionOrigin(string Remote)
{
    /// <summary>What connections without an address (Unix domain sockets) are counted under.</summary>
    public const string Local = "local";

    /// <summary>
    /// The subject alternative names of the client certificate that the TLS handshake verified, each as <c>dns:NAME</c> or <c>uri:URI</c>, to be compared exactly and as a whole. Empty when there was none: nothing else of a certificate
    /// names anybody, least of all its subject, which is text.
    /// </summary>
    public IReadOnlyList<string> CertificateNames { get; init; } = [];

    /// <summary>What a proof can be bound to: what only the two ends of this TLS connection know. Empty without TLS, and behind a proxy that ends it.</summary>
    public IReadOnlyList<ChannelBinding> Bindings { get; init; } = [];

    /// <summary>True when its bytes come in the messages of a WebSocket.</summary>
    public bool IsWebSocket { get; init; }

    /// <summary>True when a proxy made the connection on its own account (PROXY protocol, LOCAL): it looks whether somebody listens, and says no more.</summary>
    public bool IsCheck { get; init; }

    /// <summary>True when it was taken from the rate of its address's connections already, in front of something that costs.</summary>
    public bool HasConnected { get; init; }

    /// <summary>When it was accepted (<see cref="TimeProvider.GetTimestamp"/>), which the login deadline counts from; 0 = when its first frame is waited for.</summary>
    public long Accepted { get; init; }

    /// <summary>The origin that the transport left, or what the connection's own address says.</summary>
    public static ConnectionOrigin Of(ConnectionContext connection) =>
        connection.Features.Get<ConnectionOrigin>() ?? new ConnectionOrigin(AddressOf(connection.RemoteEndPoint));

    /// <summary>An end point's address in one spelling: an IPv4 address is the same address when it came over an IPv6 socket.</summary>
    public static string AddressOf(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped => mapped.Address.MapToIPv4().ToString(),
        IPEndPoint ip => ip.Address.ToString(),
        _ => Local,
    };
}
