using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Wires;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Sessions that are cut and come back: what they missed is theirs where the system keeps it, and the row says where it does not.</summary>
public sealed class StormTests
{
    private const int Sessions = 60;
    private const int Cut = 30;

    [Test]
    public async Task What_was_missed_is_delivered_to_each_session_that_comes_back()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("fastchat", Scenario.Storm);
        ResultRow row = Run(running.System);
        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.Note, Does.StartWith($"{Cut} of {Cut} back").And.Not.Contain("lost"));
        Assert.That(row.Resumed99S, Is.GreaterThan(0).And.LessThan(20));
        Assert.That(row.P99Us, Is.GreaterThan(0));
    }

    [TestCase("redis")]
    [TestCase("nats-core")]
    [TestCase("mosquitto")]
    public async Task A_system_that_keeps_nothing_is_said_to_lose_what_was_missed(string name)
    {
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.Storm);
        ResultRow row = Run(running.System);
        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.Note, Does.StartWith("no resume: missed messages are lost").And.Contain($"{Cut} of {Cut} back"));
        Assert.That(row.Resumed99S, Is.GreaterThan(0).And.LessThan(20));
    }

    [Test]
    public async Task A_message_that_comes_twice_is_an_error()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("fastchat", Scenario.Storm);
        ResultRow row = Run(new EchoingSystem(running.System));
        Assert.That(row.Errors, Is.GreaterThan(0));
        Assert.That(row.Note, Does.Contain("a session had 11 of 10 messages that it missed"));
    }

    private static ResultRow Run(SystemUnderTest system)
    {
        StormScenario scenario = new();
        RunSettings settings = scenario.WithDefaults(
            new RunSettings { Scenario = Scenario.Storm, Seconds = 1, WarmUpSeconds = 0, Connections = Sessions, Conversations = 2, Size = 64 });
        return scenario.Run(system, settings, new FlushCounter(Path.GetTempPath()));
    }

    /// <summary>A started system whose clients hear their tenth message twice. It is not disposed of: the server is the started system's.</summary>
    private sealed class EchoingSystem : SystemUnderTest
    {
        private readonly SystemUnderTest _started;

        public EchoingSystem(SystemUnderTest started)
        {
            _started = started;
            Endpoint = started.Endpoint;
            Server = started.Server;
        }

        public override string Name => _started.Name;

        public override string? WhyNot(Scenario scenario) => null;

        public override Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation) => Task.CompletedTask;

        public override Wire NewWire(IWireEvents events, int index) => _started.NewWire(events is StormSession ? new EchoingEvents(events) : events, index);
    }

    private sealed class EchoingEvents(IWireEvents heard) : IWireEvents
    {
        // The tenth is the last of what a session missed.
        private int _count;

        public void OnReady() => heard.OnReady();

        public void OnSubscribed(int conversation) => heard.OnSubscribed(conversation);

        public void OnAcknowledged(long number) => heard.OnAcknowledged(number);

        public void OnRefused(long number, string reason) => heard.OnRefused(number, reason);

        public void OnReadToEnd(int conversation) => heard.OnReadToEnd(conversation);

        public void OnFailed(string reason) => heard.OnFailed(reason);

        public void OnDelivered(ReadOnlySpan<byte> payload)
        {
            heard.OnDelivered(payload);
            if (++_count == 10)
            {
                heard.OnDelivered(payload);
            }
        }
    }
}
