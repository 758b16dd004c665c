using System.Diagnostics;
using System.Globalization;
using System.Net;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.RabbitMq;

/// <summary>
/// RabbitMQ: a conversation is a quorum queue of one member, a publish is persistent and confirmed. All queues share one write-ahead log, which is synced before a confirm: the peer with group
/// commit across conversations. Nobody consumes; what is published stays in the queues.
/// </summary>
public sealed class RabbitMqSystem : SystemUnderTest
{
    private static readonly TimeSpan s_startPatience = TimeSpan.FromSeconds(120);

    // Of the port mapper; null when none was started.
    private string? _portMapperPort;

    /// <inheritdoc/>
    public override string Name => "rabbitmq";

    /// <summary>The claim behind "synced" is a test's (RabbitMqTests: a lone publisher, and the kernel's count of flushes), so that it is of the version that is installed.</summary>
    public override string Caveat(Scenario scenario) => "quorum queues of one member, nobody consumes; flushes per lone acknowledgement checked to be ≥ 1";

    /// <inheritdoc/>
    public override string? WhyNot(Scenario scenario) => scenario switch
    {
        Scenario.Durable or Scenario.Latency => null,
        Scenario.FanOut or Scenario.Rooms => "copies a message into a queue per subscriber: not the same work as 1 to N",
        Scenario.CatchUp => "a queue is consumed, not read again",
        Scenario.Corpus => "has no users and rooms to replay into",
        Scenario.Growth => "a Raft group per conversation: a million cannot be declared",
        _ => "a queue per session, which nobody would have: not the same state",
    };

    /// <inheritdoc/>
    public override async Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation)
    {
        if (settings.Transport != "tcp")
        {
            throw new UnavailableException($"{Name} is compared over tcp only");
        }

        Endpoint = new IPEndPoint(IPAddress.Loopback, FreePort.Take());
        string script = Script(InstalledProgram.Find("rabbitmq-server"));
        string directory = Path.GetFullPath(settings.DataDirectory);
        string configuration = Path.Combine(directory, "rabbitmq.conf"), plugins = Path.Combine(directory, "enabled_plugins");
        await File.WriteAllTextAsync(configuration, Configuration(), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(plugins, "[].\n", cancellation).ConfigureAwait(false);
        _portMapperPort = FreePort.Take().ToString(CultureInfo.InvariantCulture);
        Dictionary<string, string> environment = new()
        {
            ["RABBITMQ_NODENAME"] = string.Create(CultureInfo.InvariantCulture, $"fastchat{Endpoint.Port}@localhost"),
            ["RABBITMQ_DIST_PORT"] = FreePort.Take().ToString(CultureInfo.InvariantCulture),
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(directory, "mnesia"),
            ["RABBITMQ_LOG_BASE"] = Path.Combine(directory, "log"),
            ["RABBITMQ_CONFIG_FILE"] = configuration,
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = plugins,
            // The installation's own settings are not the ones compared.
            ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(directory, "none"),
            // Makes the script become the server, so that the child is the process whose usage counts; its input is closed all the same.
            ["RABBITMQ_ALLOW_INPUT"] = "1",
            ["RABBITMQ_SERVER_START_ARGS"] = "-noinput",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
            // Erlang starts its port mapper beside the server and leaves it there: this one is of this server alone and ends with it.
            ["ERL_EPMD_PORT"] = _portMapperPort,
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            // The cookie goes here.
            ["HOME"] = directory,
        };
        Server = ServerProcess.Start(settings, script, [], environment);
        await Server.WaitForPortAsync(Endpoint.Port, s_startPatience, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task PrepareAsync(WorkPlan plan, CancellationToken cancellation) =>
        Version = await new QueuePreparation(Endpoint).DeclareAsync(plan.Conversations, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public override Wire NewWire(IWireEvents events, int index) => new RabbitMqWire(events);

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(false);
        if (_portMapperPort is not null)
        {
            await EndPortMapperAsync(_portMapperPort).ConfigureAwait(false);
            _portMapperPort = null;
        }

        GC.SuppressFinalize(this);
    }

    // The program in the PATH is a link to a wrapper that insists on a user of its own when root starts it; what the wrapper calls is beside it.
    private static string Script(InstalledProgram program)
    {
        string wrapper = File.ResolveLinkTarget(program.Path, returnFinalTarget: true)?.FullName ?? program.Path;
        string beside = Path.Combine(Path.GetDirectoryName(wrapper)!, "rabbitmq-server");
        return File.Exists(beside) ? beside : program.Path;
    }

    // Asked on its private port, so that no other Erlang program's can be meant. It refuses while a node is registered, which it notices a moment after the node's end.
    private static async Task EndPortMapperAsync(string port)
    {
        for (int attempt = 0; attempt < 20; attempt++)
        {
            ProcessStartInfo start = new("epmd", "-kill") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
            start.Environment["ERL_EPMD_PORT"] = port;
            start.Environment["ERL_EPMD_ADDRESS"] = "127.0.0.1";
            using Process process = Process.Start(start)!;
            string said = await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
            await process.WaitForExitAsync().ConfigureAwait(false);
            if (!said.Contains("not allowed", StringComparison.OrdinalIgnoreCase))
            {
                return;
            }

            await Task.Delay(100).ConfigureAwait(false);
        }
    }

    // The alarms for memory and disk would stop the publishers; they are set where a run does not come.
    private string Configuration() => string.Create(CultureInfo.InvariantCulture, $"""
        listeners.tcp.default = 127.0.0.1:{Endpoint.Port}
        vm_memory_high_watermark.relative = 0.8
        disk_free_limit.absolute = 50MB
        log.file = false
        log.console = true
        log.console.level = warning

        """);
}
