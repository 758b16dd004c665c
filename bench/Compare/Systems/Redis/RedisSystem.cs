using System.Globalization;
using System.Net;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Redis;

/// <summary>
/// redis-server. Where publishes are to be durable: streams with <c>appendfsync always</c>, which writes and syncs once for each round of its event loop before the answers leave: the strongest
/// durable peer there is. Where they are only fanned out: its publish/subscribe, which stores nothing.
/// </summary>
public sealed class RedisSystem : SystemUnderTest
{
    private bool _stores;

    /// <inheritdoc/>
    public override string Name => "redis";

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) => Stores(scenario) ? string.Empty : "stores nothing";

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => scenario is Scenario.Corpus or Scenario.CatchUp or Scenario.Storm
        ? "its wire does not do this work yet"
        : null;

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        _stores = Stores(plan.Scenario);
        int port = FreePort.Take();
        Endpoint = new IPEndPoint(IPAddress.Loopback, port);
        List<string> arguments =
        [
            "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", settings.DataDirectory, "--save", "",
            "--client-output-buffer-limit", "pubsub 0 0 0", "--maxclients", "20000", "--tcp-backlog", "4096",
        ];
        if (_stores)
        {
            arguments.AddRange(["--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no", "--auto-aof-rewrite-percentage", "0"]);
        }

        Version = "redis " + ProgramVersion.Of("redis-server", "--version", word => word.StartsWith("v=", StringComparison.Ordinal))[2..];
        Server = ServerProcess.Start(settings, "redis-server", arguments);
        await Server.WaitForPortAsync(port, TimeSpan.FromSeconds(10), cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new RedisWire(events, _stores);

    private static bool Stores(Scenario scenario) => scenario is Scenario.Durable or Scenario.Latency or Scenario.Growth or Scenario.CatchUp;
}
