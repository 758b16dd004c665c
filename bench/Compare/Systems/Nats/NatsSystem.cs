using System.Globalization;
using System.Net.Sockets;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Nats;

/// <summary>
/// NATS under two names, because it is two systems: JetStream stores and acknowledges (<c>nats</c>), core NATS delivers at most once and stores nothing (<c>nats-core</c>). One stream over
/// all conversations, as its own documentation advises: a stream each would be a file and a thread of work each. JetStream takes the newest version that is there, because only 2.10 and later
/// sync every write; core takes the system's, because 2.9.10 fans out to 1,000 three times as fast as 2.10.27 (bench/README.md), and a peer is shown at its best.
/// </summary>
/// <param name="isLog">True for JetStream.</param>
public sealed class NatsSystem(bool isLog) : InstalledServer("nats-server", "--version")
{
    /// <inheritdoc/>
    public override string Name => isLog ? "nats" : "nats-core";

    /// <inheritdoc/>
    protected override bool WantsNewest => isLog;

    // sync_interval: always came with 2.10; before, nothing but a timer syncs.
    private bool SyncsEachWrite => System.Version.TryParse(Version, out Version? version) && version >= new Version(2, 10);

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) => (isLog, SyncsEachWrite) switch
    {
        (true, _) when scenario == Scenario.CatchUp => "written without a sync for each message, which is not measured here; live messages do not wait for the store",
        (false, _) => "stores nothing",
        (true, false) => $"not durable: nats-server {Version} cannot sync per write",
        (true, true) => string.Empty,
    };

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => (scenario, isLog) switch
    {
        (Scenario.Durable or Scenario.Latency or Scenario.Growth or Scenario.CatchUp or Scenario.Corpus, false) => "stores nothing",
        (Scenario.FanOut or Scenario.Rooms or Scenario.Idle or Scenario.Storm, true) => "nats-core runs this",
        _ => null,
    };

    /// <inheritdoc/>
    public override async Task PrepareAsync(WorkPlan plan, CancellationToken cancellation)
    {
        if (!isLog)
        {
            return;
        }

        const string Stream = """{"name":"CHAT","subjects":["chat.*"],"retention":"limits","storage":"file","discard":"old","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"num_replicas":1}""";
        using TcpClient client = new();
        await client.ConnectAsync(Endpoint, cancellation).ConfigureAwait(false);
        NetworkStream connection = client.GetStream();
        string request = "CONNECT {\"verbose\":false,\"user\":\"bench\",\"pass\":\"bench\"}\r\nSUB _P 1\r\n"
            + $"PUB $JS.API.STREAM.CREATE.CHAT _P {Stream.Length}\r\n{Stream}\r\n";
        await connection.WriteAsync(Encoding.ASCII.GetBytes(request), cancellation).ConfigureAwait(false);
        using StreamReader lines = new(connection);
        for (string? line; ;)
        {
            line = await lines.ReadLineAsync(cancellation).ConfigureAwait(false);
            if (line is null || line.StartsWith("-ERR", StringComparison.Ordinal))
            {
                throw new UnavailableException($"{Name} did not make its stream: {line ?? "it closed the connection"}");
            }

            if (line.StartsWith('{'))
            {
                if (line.Contains("\"error\"", StringComparison.Ordinal))
                {
                    throw new UnavailableException($"{Name} did not make its stream: {line}");
                }

                return;
            }
        }
    }

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new NatsWire(events, index, isLog);

    // A subscriber that is slow for a moment must not be dropped: the limits that NATS keeps for that are lifted.
    protected override string Configure(string directory, WorkPlan plan) => string.Create(CultureInfo.InvariantCulture, $$"""
        listen: "127.0.0.1:{{Endpoint.Port}}"
        authorization { user: bench, password: bench }
        max_connections: {{plan.Connections + 1000}}
        max_pending: 4000000000
        write_deadline: "600s"
        {{(isLog ? JetStream(directory, plan.Scenario) : string.Empty)}}

        """);

    // Where only reading is measured, the writing before it is not synced: a million syncs would take the server minutes and change nothing about the reading.
    private string JetStream(string directory, Scenario scenario) =>
        $$"""jetstream { store_dir: "{{Path.Combine(directory, "store")}}"{{(SyncsEachWrite && scenario != Scenario.CatchUp ? ", sync_interval: always" : string.Empty)}} }""";
}
