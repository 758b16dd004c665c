using System.Globalization;
using System.Net;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Nats;

/// <summary>nats-server without JetStream: the fastest fan-out there is to install, at most once, nothing stored.</summary>
public sealed class NatsCoreSystem : SystemUnderTest
{
    /// <inheritdoc/>
    public override string Name => "nats-core";

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) => "stores nothing";

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => scenario is Scenario.FanOut or Scenario.Rooms or Scenario.Idle
        ? null
        : "a publish has no acknowledgement";

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        int port = FreePort.Take();
        Endpoint = new IPEndPoint(IPAddress.Loopback, port);
        string configuration = Path.Combine(settings.DataDirectory, "nats.conf");

        // Nobody is to be dropped for being slow: the generator bounds what is under way.
        await File.WriteAllTextAsync(
            configuration,
            string.Create(CultureInfo.InvariantCulture, $"listen: \"127.0.0.1:{port}\"\nmax_connections: 20000\nmax_pending: 268435456\nwrite_deadline: \"60s\"\n"),
            cancellation).ConfigureAwait(false);
        Version = "nats-server " + ProgramVersion.Of("nats-server", "--version", word => word.StartsWith('v')).TrimStart('v');
        Server = ServerProcess.Start(settings, "nats-server", ["-c", configuration]);
        await Server.WaitForPortAsync(port, TimeSpan.FromSeconds(10), cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new NatsCoreWire(events);
}
