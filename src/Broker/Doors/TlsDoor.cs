using System.IO.Pipelines;

using FastChat.Broker.Audit;
using FastChat.Broker.Connections;
using FastChat.Broker.Limits;

using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace FastChat.Broker.Doors;

/// <summary>
/// Stands before everything else on a TLS listener: nothing is read as a frame or a request that did not come through TLS, from the first byte on (there is no STARTTLS). An address that connects too often is cut before a handshake is begun for it; the others wait their turn at the gate, shake hands before the deadline, and
/// otherwise free the place and end the connection.
/// </summary>
internal sealed class TlsDoor(ConnectionDelegate next, CertificateSource certificates, HandshakeGate gate, AddressLimits addresses, TlsProtocol protocol, TimeSpan deadline, AuditLog audit, TimeProvider clock)
{
    /// <summary>How long a refused client is listened to, so that what it still sends does not reset the connection before it has read the alert.</summary>
    private static readonly TimeSpan LingerMax = TimeSpan.FromMilliseconds(200);

    /// <summary>Serves a connection of the listener.</summary>
    public async Task OnConnectedAsync(ConnectionContext connection)
    {
        IDuplexPipe below = connection.Transport;
        if (!await TryEnterAsync(connection))
        {
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            if (!ReferenceEquals(connection.Transport, below) && connection.Transport is IAsyncDisposable pipes)
            {
                await pipes.DisposeAsync();
            }
        }
    }

    private async Task<bool> TryEnterAsync(ConnectionContext connection)
    {
        ConnectionOrigin origin = ConnectionOrigin.Of(connection) with { Accepted = clock.GetTimestamp(), HasConnected = true };
        if (addresses.Connect(origin.Remote) is not null)
        {
            connection.Abort(new ConnectionAbortedException("too many connections"));
            return false;
        }

        CancellationToken stopped = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
        using CancellationTokenSource late = new(deadline, clock);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stopped);
        string reason = "too_many_handshakes";
        try
        {
            if (await gate.EnterAsync(origin.Remote, either.Token))
            {
                try
                {
                    if (await certificates.Current.ShakeHandsAsync(connection, protocol, either.Token) is { } facts)
                    {
                        LeaveFacts(connection, origin with { CertificateNames = facts.CertificateNames, Bindings = facts.Bindings });
                        return true;
                    }

                    reason = "handshake_failed";
                    await LingerAsync(connection.Transport);
                }
                finally
                {
                    gate.Leave(origin.Remote);
                }
            }
        }
        catch (OperationCanceledException)
        {
            reason = "handshake_timeout";
        }
        catch (Exception end) when (end is IOException or InvalidOperationException or System.Security.Cryptography.CryptographicException)
        {
            reason = "handshake_failed";
        }

        if (!stopped.IsCancellationRequested && !origin.IsCheck)
        {
            audit.Note(new AuditEntry(AuditAct.TransportRefused) { Remote = origin.Remote, Detail = reason });
        }

        connection.Abort(new ConnectionAbortedException(reason));
        return false;
    }

    private void LeaveFacts(ConnectionContext connection, ConnectionOrigin origin)
    {
        connection.Features.Set(origin);
        if (protocol == TlsProtocol.Http)
        {
            // From this the HTTP server knows that a request's scheme is https.
            connection.Features.Set<ITlsConnectionFeature>(TlsFact.Instance);
        }
    }

    private async Task LingerAsync(IDuplexPipe transport)
    {
        using CancellationTokenSource enough = new(LingerMax, clock);
        await transport.Output.CompleteAsync();
        try
        {
            ReadResult result;
            do
            {
                result = await transport.Input.ReadAsync(enough.Token);
                transport.Input.AdvanceTo(result.Buffer.End);
            }
            while (!result.IsCompleted);
        }
        catch (OperationCanceledException)
        {
            // It has had its time.
        }
    }

    private sealed class TlsFact : ITlsConnectionFeature
    {
        public static TlsFact Instance { get; } = new();

        public System.Security.Cryptography.X509Certificates.X509Certificate2? ClientCertificate
        {
            get => null;
            set => throw new NotSupportedException();
        }

        public Task<System.Security.Cryptography.X509Certificates.X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) =>
            Task.FromResult<System.Security.Cryptography.X509Certificates.X509Certificate2?>(null);
    }
}
