using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Wires;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Reading a long conversation from its beginning: what was written is read, and a reader that had less says so.</summary>
public sealed class CatchUpTests
{
    private const int Written = 3000;
    private const int ReadersOnce = 20;

    /// <summary>So many live messages a second that some fall into the few milliseconds in which all readers read.</summary>
    private const int LiveRate = 1000;

    [Test]
    public Task What_is_acknowledged_is_read_back() => SystemWork.StoreAsync("fastchat");

    [TestCase("fastchat")]
    [TestCase("redis")]
    [TestCase("nats")]
    public async Task Every_reader_has_all_of_it(string name)
    {
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.CatchUp);
        ResultRow row = Run(running.System);
        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.Rate, Is.GreaterThan(0));
        Assert.That(row.MbPerS, Is.EqualTo(row.Rate * 64 / 1e6).Within(0.001));
        Assert.That(row.OneReaderRate, Is.GreaterThan(0));
        Assert.That(row.LiveP99Ratio, Is.GreaterThan(0), row.Note);
    }

    [TestCase(-1, "had 2999 of 3000 messages")]
    [TestCase(+1, "had 3001 of 3000 messages")]
    public async Task A_reader_that_had_one_less_or_more_is_an_error(int change, string reason)
    {
        // The server does not matter here: it is the one that starts fastest.
        await using RunningSystem running = await RunningSystem.StartAsync("redis", Scenario.CatchUp);
        ResultRow row = Run(new MiscountingSystem(running.System, change));
        Assert.That(row.Errors, Is.EqualTo(1 + ReadersOnce));
        Assert.That(row.Note, Does.Contain(reason));
    }

    private static ResultRow Run(SystemUnderTest system)
    {
        CatchUpScenario scenario = new();
        RunSettings settings = scenario.WithDefaults(
            new RunSettings { Scenario = Scenario.CatchUp, Seconds = 1, WarmUpSeconds = 0, Messages = Written, Readers = ReadersOnce, Size = 64, Rate = LiveRate });
        return scenario.Run(system, settings, new FlushCounter(Path.GetTempPath()));
    }

    /// <summary>A started system whose deliveries of message 17 (of the first conversation) do not happen, or happen twice. It is not disposed of: the server is the started system's.</summary>
    private sealed class MiscountingSystem : SystemUnderTest
    {
        private readonly SystemUnderTest _started;
        private readonly int _change;

        public MiscountingSystem(SystemUnderTest started, int change)
        {
            (_started, _change) = (started, change);
            Endpoint = started.Endpoint;
            Server = started.Server;
        }

        public override string Name => _started.Name;

        public override string? WhyNot(Scenario scenario) => null;

        public override Task StartAsync(SystemSettings settings, WorkPlan plan, CancellationToken cancellation) => Task.CompletedTask;

        public override Wire NewWire(IWireEvents events, int index) =>
            _started.NewWire(events is CatchUpReader ? new MiscountedEvents(events, _change) : events, index);
    }

    private sealed class MiscountedEvents(IWireEvents heard, int change) : IWireEvents
    {
        public void OnReady() => heard.OnReady();

        public void OnSubscribed(int conversation) => heard.OnSubscribed(conversation);

        public void OnAcknowledged(long number) => heard.OnAcknowledged(number);

        public void OnRefused(long number, string reason) => heard.OnRefused(number, reason);

        public void OnReadToEnd(int conversation) => heard.OnReadToEnd(conversation);

        public void OnFailed(string reason) => heard.OnFailed(reason);

        public void OnDelivered(ReadOnlySpan<byte> payload)
        {
            int times = Payloads.NumberOf(payload) == 17 ? 1 + change : 1;
            for (int i = 0; i < times; i++)
            {
                heard.OnDelivered(payload);
            }
        }
    }
}
