using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Silent sessions: the memory of a real server is read at two sizes, and a session that does not stay is an error.</summary>
public sealed class IdleTests
{
    private const double SettleSeconds = 2.2;

    [Test]
    public async Task Sessions_stay_and_have_a_price()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("redis", Scenario.Idle);
        ResultRow row = IdleScenario.Run(running.System, Settings(1000), new FlushCounter(Path.GetTempPath()), SettleSeconds);
        Assert.That(row.Errors, Is.Zero, row.Note);

        // A connection of Redis has at least its client structure, and no buffer that it would use only when it spoke.
        Assert.That(row.RssKbPerSession, Is.GreaterThan(0.5).And.LessThan(100), row.Note);
        Assert.That(row.CpuPercent, Is.GreaterThanOrEqualTo(0).And.LessThan(100));
    }

    [Test]
    public async Task Heartbeats_are_understood()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("fastchat", Scenario.Idle);
        ResultRow row = IdleScenario.Run(running.System, Settings(600), new FlushCounter(Path.GetTempPath()), SettleSeconds);
        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.Note, Does.Contain("with 300 sessions").And.Contain("with 600").And.Not.Contain("no heartbeats"));
    }

    [Test]
    public async Task A_system_whose_clients_say_nothing_is_told_apart()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("nats-core", Scenario.Idle);
        ResultRow row = IdleScenario.Run(running.System, Settings(20), new FlushCounter(Path.GetTempPath()), SettleSeconds);
        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.Note, Does.Contain("its clients send no heartbeats"));
    }

    [Test]
    public async Task A_server_that_drops_a_session_does_not_pass_for_a_lean_one()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("redis", Scenario.Idle);
        using Timer killer = new(_ => Kill(running.System.Endpoint.Port), null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
        string told;
        try
        {
            ResultRow row = IdleScenario.Run(running.System, Settings(20), new FlushCounter(Path.GetTempPath()), SettleSeconds);
            told = row.Errors > 0 ? row.Note : "nothing";
        }
        catch (RunFailedException failure)
        {
            // On a slow machine they are dropped before all are there.
            told = failure.Message;
        }

        Assert.That(told, Does.Contain("the server ended the connection"));
    }

    [Test]
    public async Task Who_takes_less_memory_has_the_higher_ratio_and_who_has_no_figure_has_none()
    {
        string directory = Directory.CreateTempSubdirectory("fastchat-load-").FullName;
        Comparison comparison = new(
            new KnownFigures(new() { ["redis"] = 4, ["mosquitto"] = 1, ["nats-core"] = null }), Settings(2), ["redis", "mosquitto", "nats-core"], 1, directory, TextWriter.Null);
        try
        {
            await comparison.RunAsync(CancellationToken.None);
        }
        catch (UnavailableException missing) when (missing.Message.Contains("not installed", StringComparison.Ordinal))
        {
            Assert.Ignore(missing.Message);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        Assert.That(comparison.Ratios, Is.EqualTo(new Dictionary<string, double> { ["mosquitto"] = 0.25 }));
    }

    private static RunSettings Settings(int connections) => new IdleScenario().WithDefaults(
        new RunSettings { Scenario = Scenario.Idle, Seconds = 1, WarmUpSeconds = 0, Connections = connections, Conversations = 4, Size = 64 });

    // CLIENT KILL of every subscriber, by an operator's connection.
    private static void Kill(int port)
    {
        using System.Net.Sockets.TcpClient client = new("127.0.0.1", port);
        client.GetStream().Write("AUTH bench\r\nCLIENT KILL TYPE pubsub\r\n"u8);
        client.GetStream().ReadExactly(new byte["+OK\r\n:1".Length]);
    }

    private sealed class KnownFigures(Dictionary<string, double?> kilobytes) : IScenario
    {
        public RunSettings WithDefaults(RunSettings settings) => settings;

        public WorkPlan Plan(RunSettings settings) => new(Scenario.Idle, 1, 1, 16);

        public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes) =>
            new() { System = system.Name, Version = system.Version, RssKbPerSession = kilobytes[system.Name] };
    }
}
