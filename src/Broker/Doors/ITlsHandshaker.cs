using FastChat.Protocol;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Broker.Doors;

/// <summary>What is spoken behind a handshake.</summary>
internal enum TlsProtocol
{
    /// <summary><c>fastchat/1</c>, frames.</summary>
    FastChat,

    /// <summary><c>http/1.1</c>, where WebSockets begin.</summary>
    Http,
}

/// <summary>What a handshake found out.</summary>
/// <param name="CertificateNames">The names of the client's verified certificate (<see cref="Doors.CertificateNames"/>), empty when it showed none.</param>
/// <param name="Bindings">What a proof on this connection can be bound to.</param>
internal sealed record TlsFacts(IReadOnlyList<string> CertificateNames, IReadOnlyList<ChannelBinding> Bindings);

/// <summary>Makes connections TLS connections, all with one certificate: one of them for each certificate that was loaded. Any thread.</summary>
internal interface ITlsHandshaker
{
    /// <summary>
    /// Shakes hands; what is read and written on the connection behind that is what TLS carries. A refusal has been sent to the peer as an alert.
    /// </summary>
    /// <returns>Null when there is no connection.</returns>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    Task<TlsFacts?> ShakeHandsAsync(ConnectionContext connection, TlsProtocol protocol, CancellationToken cancellation);
}
