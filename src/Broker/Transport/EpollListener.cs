using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

using FastChat.Broker.Diagnostics;
using FastChat.Shared;

using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Transport;

/// <summary>A listening socket. One accepter at a time, as Kestrel does it.</summary>
internal sealed class EpollListener : IConnectionListener, IReadinessTarget
{
    /// <summary>How long nothing is accepted when the process or the machine has no room for another socket: somebody has to leave first.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private static long s_lastNumber;

    private readonly IoThreads _threads;
    private readonly Socket _socket;
    private readonly ILogger _log;
    private readonly AsyncSignal _arrived = new();
    private readonly int _descriptor;
    private readonly int _socketsBelow;
    private int _ended;

    /// <param name="threads">Who tells it of arrivals.</param>
    /// <param name="socket">Bound and listening; the listener's from now on.</param>
    /// <param name="log">Where it says that it has to pause.</param>
    /// <param name="socketsBelow">The number from which on a descriptor may not be a socket: the rest is for files.</param>
    public EpollListener(IoThreads threads, Socket socket, ILogger log, int socketsBelow)
    {
        _socketsBelow = socketsBelow;
        _threads = threads;
        _socket = socket;
        _log = log;
        _descriptor = (int)socket.Handle;
        EndPoint = socket.LocalEndPoint!;
        threads.Watch(_descriptor, this);
    }

    /// <inheritdoc/>
    public EndPoint EndPoint { get; }

    /// <inheritdoc/>
    public void OnReady(Readiness readiness) => _arrived.Raise();

    /// <inheritdoc/>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (Volatile.Read(ref _ended) == 0)
        {
            if (TryAccept(out int error) is { } connection)
            {
                return connection;
            }

            switch (error)
            {
                case Libc.WouldBlock:
                    await _arrived.WaitAsync();
                    break;
                case Libc.Interrupted or Libc.ConnectionAborted:
                    break;
                case Libc.TooManyFiles or Libc.TooManyFilesInSystem or Libc.NoBuffers or Libc.NoMemory:
                    BrokerLog.AcceptPaused(_log, new Win32Exception(error).Message);
                    await Task.Delay(Pause, cancellationToken);
                    break;
                default:
                    // A failed connection is reported by accept as if it were the listener's failure (accept(2)); a listener that failed itself reports it again and again, slowly.
                    await Task.Delay(Pause, cancellationToken);
                    break;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            _threads.Forget(_descriptor);
            _socket.Dispose();
            _arrived.Raise();
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => UnbindAsync();

    private unsafe SocketConnection? TryAccept(out int error)
    {
        byte* address = stackalloc byte[PeerName.SizeMax];
        int size = PeerName.SizeMax;
        int descriptor = Libc.Accept(_descriptor, address, &size);
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (descriptor < 0)
        {
            return null;
        }

        if (descriptor >= _socketsBelow)
        {
            // Too many to be told so by the broker, in whose reserve this one would be.
            _ = Libc.Close(descriptor);
            error = Libc.TooManyFiles;
            return null;
        }

        PeerName remote = new(new ReadOnlySpan<byte>(address, Math.Min(size, PeerName.SizeMax)));
        SocketConnection connection = new(_threads, descriptor, remote, Interlocked.Increment(ref s_lastNumber));
        try
        {
            connection.Start();
            return connection;
        }
        catch (IOException)
        {
            // Nobody would ever hear of its bytes: the kernel watches as many descriptors as it may (max_user_watches).
            connection.Close();
            error = Libc.NoMemory;
            return null;
        }
    }
}
