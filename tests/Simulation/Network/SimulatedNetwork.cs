using System.IO.Pipelines;

namespace FastChat.Simulation;

/// <summary>
/// What lies between the clients' machines and the broker's. Bytes of a connection keep their order, as TCP sees to it, and come in pieces, late, or not at all; between connections there is no order.
/// Its own process never dies.
/// </summary>
internal sealed class SimulatedNetwork
{
    private readonly SimulatedWorld _world;
    private readonly List<SimulatedConnection> _connections = [];
    private (SimulatedProcess Process, Action<string, IDuplexPipe, Action> Accept)? _listener;

    public SimulatedNetwork(SimulatedWorld world)
    {
        _world = world;
        Wires = new SimulatedProcess(world, "network");
        Chance = world.Chance.Split();
    }

    /// <summary>Carries everything.</summary>
    public SimulatedProcess Wires { get; }

    /// <summary>Decides latencies and where bytes are cut into pieces.</summary>
    public Chance Chance { get; }

    /// <summary>Connections that were made and not taken down, for those who break them.</summary>
    public IReadOnlyList<SimulatedConnection> Connections => _connections;

    /// <summary>Until then every other new connection takes a way on which what the client sends stands still; nanoseconds.</summary>
    public long DetourUntil { get; set; }

    /// <summary>The broker listens: <paramref name="accept"/> gets where a connection comes from, its bytes, and what ends it.</summary>
    public void Listen(SimulatedProcess broker, Action<string, IDuplexPipe, Action> accept) => _listener = (broker, accept);

    /// <summary>Nobody listens any more; who comes is refused.</summary>
    public void StopListening() => _listener = null;

    /// <summary>A client connects over its link.</summary>
    /// <exception cref="IOException">Nobody listens.</exception>
    /// <exception cref="OperationCanceledException">The client gave up.</exception>
    public async ValueTask<Stream> DialAsync(SimulatedProcess client, SimulatedLink link, CancellationToken cancellation)
    {
        await Task.Delay(link.Latency(Chance), client.Clock, cancellation);
        while (link.IsSilent(toBroker: true) || link.IsSilent(toBroker: false))
        {
            // The first packet is sent again and again.
            await Task.Delay(TimeSpan.FromMilliseconds(200), client.Clock, cancellation);
        }

        if (_listener is not { } listener || !listener.Process.IsAlive)
        {
            throw new IOException("connection refused");
        }

        SimulatedConnection connection = new(_world, this, client, listener.Process, link);
        _connections.Add(connection);
        if (_world.Now < DetourUntil && Chance.OneIn(2))
        {
            connection.HoldToBroker(DetourUntil);
        }

        listener.Process.Post(() => listener.Accept(link.Name, connection.BrokerEnd, connection.Reset));
        return connection.ClientEnd;
    }

    /// <summary>The kernel under a process that died says so to whoever is connected to it.</summary>
    public void ResetAll(SimulatedProcess process) => Wires.Post(() =>
    {
        foreach (SimulatedConnection connection in _connections.Where(connection => connection.Client == process || connection.Broker == process).ToArray())
        {
            connection.Reset();
        }
    });

    /// <summary>A connection has ended on both sides.</summary>
    public void Forget(SimulatedConnection connection) => _connections.Remove(connection);
}
