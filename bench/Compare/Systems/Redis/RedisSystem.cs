using System.Globalization;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Redis;

/// <summary>
/// Redis: the strongest durable peer, because <c>appendfsync always</c> writes and syncs once per turn of its event loop and answers everybody of that turn afterwards. A conversation is
/// a stream where messages are stored and a channel where they are not: Redis has no log that it also pushes.
/// </summary>
public sealed class RedisSystem() : InstalledServer("redis-server", "--version")
{
    private const string Password = "bench";
    private bool _isLog;
    private bool _pushes;

    /// <inheritdoc/>
    public override string Name => "redis";

    /// <inheritdoc/>
    public override string Caveat(Scenario scenario) => scenario switch
    {
        Scenario.FanOut or Scenario.Rooms => "stores nothing",
        Scenario.Corpus => "streams of bytes: no accounts, no rights, no check of texts",
        Scenario.Storm => "stores nothing",
        Scenario.CatchUp => "pages of 1,000 (XRANGE); what is live is published beside the stream",
        _ => string.Empty,
    };

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => null;

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new RedisWire(events, Encoding.ASCII.GetBytes(Password), _isLog, _pushes);

    /// <inheritdoc/>
    protected override IEnumerable<string> Arguments(string file) => [file];

    // Limits on output are lifted so that a slow moment of the generator is no lost message; rewriting the log is off because it would be measured in some runs and not in others.
    protected override string Configure(string directory, WorkPlan plan)
    {
        _isLog = plan.Scenario is Scenario.Durable or Scenario.Latency or Scenario.Growth or Scenario.CatchUp or Scenario.Corpus;
        _pushes = plan.Scenario == Scenario.CatchUp;
        return string.Create(CultureInfo.InvariantCulture, $"""
            bind 127.0.0.1
            port {Endpoint.Port}
            daemonize no
            dir "{directory}"
            requirepass {Password}
            maxclients {plan.Connections + 1000}
            tcp-backlog 4096
            timeout 0
            save ""
            appendonly {(_isLog ? "yes" : "no")}
            appendfsync always
            no-appendfsync-on-rewrite no
            auto-aof-rewrite-percentage 0
            client-output-buffer-limit normal 0 0 0
            client-output-buffer-limit pubsub 0 0 0

            """);
    }
}
