using System.Collections.Concurrent;
using System.IO.Pipelines;

using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Protocol;

namespace FastChat.Broker.Connections;

/// <summary>The open connections: runs each from accept to teardown, watches deadlines, and ends them all when the broker stops. Any thread.</summary>
internal sealed class ConnectionRegistry : IDisposable
{
    /// <summary>What clients are told when the broker drains.</summary>
    public const string ShuttingDown = "the broker is shutting down";

    private readonly ConnectionServices _services;
    private readonly ConcurrentDictionary<long, BrokerConnection> _connections = new();
    private readonly TimerWheel _wheel;
    private long _lastId;
    private int _stopped;
    private int _webSockets;
    private int _local;

    public ConnectionRegistry(ConnectionServices services)
    {
        _services = services;
        KeepAlive keepAlive = new(services.Settings, services.Clock);
        _wheel = new TimerWheel(services.Clock, keepAlive.Check, services.Sessions.Sweep, keepAlive.OnStalled);
    }

    /// <inheritdoc cref="ConnectionServices.ComingAndGoing"/>
    public Turnstile ComingAndGoing => _services.ComingAndGoing;

    /// <summary>Open connections.</summary>
    public int Count => _connections.Count;

    /// <summary>Those of them that came over a WebSocket.</summary>
    public int WebSockets => Volatile.Read(ref _webSockets);

    /// <summary>Those of them that came over a Unix domain socket.</summary>
    public int Local => Volatile.Read(ref _local);

    /// <summary>As the other one, of a connection of which nothing is known but its address, without the port.</summary>
    public Task RunAsync(string remote, IDuplexPipe transport, Action abort) => RunAsync(new ConnectionOrigin(remote), transport, abort);

    /// <summary>Runs a connection to its end. Does not throw.</summary>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="transport">Its bytes.</param>
    /// <param name="abort">Ends the transport at once.</param>
    public async Task RunAsync(ConnectionOrigin origin, IDuplexPipe transport, Action abort)
    {
        BrokerConnection connection = new(_services, Interlocked.Increment(ref _lastId), origin, transport, abort);
        SignInRefused? refused = _services.Addresses.Enter(origin.Remote, out Visitor? visitor, origin.HasConnected);
        if (refused is not null)
        {
            await connection.RefuseAsync(refused.Code, refused.Reason, refused.RetryAfterMs);
            await transport.Output.CompleteAsync();
            return;
        }

        connection.Visitor = visitor;
        _connections[connection.Id] = connection;
        CountTransport(1);
        _wheel.Add(connection);
        if (Volatile.Read(ref _stopped) != 0)
        {
            connection.RequestClose(CloseCode.Draining, ShuttingDown);
        }

        try
        {
            await connection.RunAsync();
        }
        finally
        {
            connection.IsGone = true;
            _connections.TryRemove(connection.Id, out _);
            CountTransport(-1);
            _services.Addresses.Leave(visitor!);
        }

        void CountTransport(int step)
        {
            if (origin.IsWebSocket)
            {
                Interlocked.Add(ref _webSockets, step);
            }
            else if (origin.Remote == ConnectionOrigin.Local)
            {
                Interlocked.Add(ref _local, step);
            }
        }
    }

    /// <summary>
    /// Answers what was accepted, closes every connection with <paramref name="code"/>, and completes when all have gone or the time is over.
    /// </summary>
    public async Task CloseAllAsync(CloseCode code, string reason, uint retryAfterMs, TimeSpan timeout)
    {
        long begun = _services.Clock.GetTimestamp();
        bool isDrain = code == CloseCode.Draining;
        if (isDrain)
        {
            Volatile.Write(ref _stopped, 1);
        }

        foreach (BrokerConnection connection in _connections.Values)
        {
            if (isDrain && connection.Peer is not null)
            {
                connection.BeginDrain();
            }
            else
            {
                connection.RequestClose(code, reason, retryAfterMs);
            }
        }

        while (!_connections.IsEmpty && _services.Clock.GetElapsedTime(begun) < timeout)
        {
            foreach (BrokerConnection connection in _connections.Values)
            {
                if (connection.Peer is not { InFlight: > 0 })
                {
                    connection.RequestClose(code, reason, retryAfterMs);
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), _services.Clock);
        }

        foreach (BrokerConnection connection in _connections.Values)
        {
            connection.Abort();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _wheel.Dispose();
}
