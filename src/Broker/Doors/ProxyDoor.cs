using System.IO.Pipelines;
using System.Net;

using FastChat.Broker.Audit;
using FastChat.Broker.Connections;

using Microsoft.AspNetCore.Connections;

namespace FastChat.Broker.Doors;

/// <summary>
/// Stands before TLS on a listener behind proxies. A connection from one of their addresses must begin with a header that says whom it is for, and from then on that is where it comes from, for limits and the audit log. From everywhere
/// else a header is never looked for: who could send one from anywhere could be anybody. A proxy that only looks whether somebody listens is not noted: it does so every second, for years.
/// </summary>
internal sealed class ProxyDoor(ConnectionDelegate next, IReadOnlyList<IPNetwork> proxies, TimeSpan deadline, AuditLog audit, TimeProvider clock)
{
    /// <summary>Serves a connection of the listener.</summary>
    public async Task OnConnectedAsync(ConnectionContext connection)
    {
        if (!IsProxy(connection.RemoteEndPoint) || await TryReadHeaderAsync(connection))
        {
            await next(connection);
        }
    }

    private bool IsProxy(EndPoint? remote)
    {
        if (remote is not IPEndPoint { Address: { } address })
        {
            return false;
        }

        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return proxies.Any(network => network.Contains(plain));
    }

    private async Task<bool> TryReadHeaderAsync(ConnectionContext connection)
    {
        string proxy = ConnectionOrigin.AddressOf(connection.RemoteEndPoint);
        using CancellationTokenSource late = new(deadline, clock);
        bool hasLeft = false;
        try
        {
            PipeReader input = connection.Transport.Input;
            while (true)
            {
                ReadResult result = await input.ReadAsync(late.Token);
                ProxyHeaderStatus status = ProxyHeader.TryRead(result.Buffer, out int size, out IPEndPoint? source);
                if (status is ProxyHeaderStatus.Done or ProxyHeaderStatus.Local)
                {
                    input.AdvanceTo(result.Buffer.GetPosition(size));
                    connection.Features.Set(new ConnectionOrigin(source is null ? proxy : ConnectionOrigin.AddressOf(source)) { IsCheck = status == ProxyHeaderStatus.Local });
                    return true;
                }

                hasLeft = result.IsCompleted && result.Buffer.IsEmpty;
                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                if (status == ProxyHeaderStatus.Invalid || result.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // As with a header that is none.
        }
        catch (IOException)
        {
            hasLeft = true;
        }

        if (!hasLeft)
        {
            audit.Note(new AuditEntry(AuditAct.TransportRefused) { Remote = proxy, Detail = "no_proxy_header" });
        }

        connection.Abort(new ConnectionAbortedException("no PROXY header"));
        return false;
    }
}
