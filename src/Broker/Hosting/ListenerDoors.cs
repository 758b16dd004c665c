using System.Net;

using FastChat.Broker.Doors;

using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Hosting;

/// <summary>What a connection passes before its first byte is a frame's or a request's: a proxy's header, then TLS. One certificate and one gate for all listeners.</summary>
internal sealed class ListenerDoors : IDisposable
{
    private readonly BrokerOptions _options;
    private readonly BrokerParts _parts;
    private readonly IReadOnlyList<IPNetwork> _proxies;
    private readonly TimeSpan _deadline;
    private readonly HandshakeGate _gate;
    private readonly CertificateSource? _certificates;

    /// <exception cref="ArgumentException">The certificate cannot be used.</exception>
    public ListenerDoors(BrokerOptions options, BrokerParts parts, ILogger log)
    {
        _options = options;
        _parts = parts;
        _proxies = options.ParseProxies();
        _deadline = TimeSpan.FromSeconds(Math.Min(options.TlsHandshakeSeconds, options.LoginDeadlineSeconds));
        _gate = new HandshakeGate(options.TlsHandshakesMax, options.TlsHandshakesPerAddressMax, options.TlsWaitingMax);
        if (!options.HasTls)
        {
            return;
        }

        CertificateFiles files = new(options.TlsCertificate!, options.TlsKey!, options.TlsClientCa, options.TlsClientCertificates);
        CertificateSource certificates = new(files, parts.Connections.ComingAndGoing, TimeProvider.System, parts.Audit, log);
        _certificates = certificates;
        if (options.TlsReloadSeconds > 0)
        {
            certificates.Watch(TimeSpan.FromSeconds(options.TlsReloadSeconds));
        }

        parts.ObserveHandshakes(_gate);
    }

    /// <summary>Looks whether the certificate's files have changed.</summary>
    public void Look() => _certificates?.Look();

    /// <summary>Puts the doors before a listener.</summary>
    /// <param name="listen">The listener.</param>
    /// <param name="protocol">What TLS carries there; null when it is none.</param>
    public void AddTo(ListenOptions listen, TlsProtocol? protocol)
    {
        if (_proxies.Count > 0)
        {
            listen.Use(next => new ProxyDoor(next, _proxies, _deadline, _parts.Audit, TimeProvider.System).OnConnectedAsync);
        }

        if (protocol is { } carried)
        {
            listen.Use(next => new TlsDoor(next, _certificates!, _gate, _parts.Addresses, carried, _deadline, _parts.Audit, TimeProvider.System).OnConnectedAsync);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _certificates?.Dispose();
    }
}
