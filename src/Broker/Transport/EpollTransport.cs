using System.Net;
using System.Net.Sockets;

using FastChat.Broker.Sessions;

using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Transport;

/// <summary>
/// Kestrel's transport over the kernel's readiness itself (docs/decisions/0014): what a message passes between the socket and the handler is one system call, an idle connection is a few hundred bytes, and nothing goes through
/// the thread pool. Linux only; elsewhere Kestrel's own transport serves.
/// </summary>
internal sealed class EpollTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector, IDisposable
{
    /// <summary>Connections that the kernel keeps until they are accepted: a mass reconnect arrives at once.</summary>
    public const int Backlog = 4096;

    private readonly Lazy<IoThreads> _threads;
    private readonly ILogger _log;
    private readonly int _socketsBelow;

    /// <param name="socketsBelow">The number from which on a descriptor may not be a socket: the rest is for files.</param>
    public EpollTransport(int threads, ILogger log, int socketsBelow = int.MaxValue)
    {
        _socketsBelow = socketsBelow;
        _threads = new Lazy<IoThreads>(() => new IoThreads(threads, log));
        _log = log;
    }

    /// <summary>True where it can be used.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>I/O threads that suit this machine: one more at least than there are shard loops, whose turns I/O threads run while little is going on (<see cref="Errands"/>): one is always free.</summary>
    public static int ThreadsFor(int loops) => Math.Max(loops + 1, Environment.ProcessorCount / 2);

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint or UnixDomainSocketEndPoint;

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Socket socket;
        try
        {
            socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(taken.Message, taken);
        }

        try
        {
            if (endpoint is IPEndPoint)
            {
                // Accepted sockets inherit it: a small frame does not wait for the acknowledgement of the one before.
                socket.NoDelay = true;
            }

            socket.Blocking = false;
            socket.Listen(Backlog);
            return new ValueTask<IConnectionListener>(new EpollListener(_threads.Value, socket, _log, _socketsBelow));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Ends the threads; every listener and connection has ended before.</summary>
    public void Dispose()
    {
        if (_threads.IsValueCreated)
        {
            _threads.Value.Dispose();
        }
    }
}
