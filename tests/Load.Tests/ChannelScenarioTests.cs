using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Two channels take turns on a real broker; conversations are made, left alone, and used once.</summary>
public sealed class ChannelScenarioTests
{
    [Test]
    public async Task Two_channels_take_turns_and_are_compared()
    {
        ChannelScenario scenario = new(turns: 2);
        RunSettings settings = scenario.WithDefaults(new RunSettings { Scenario = Scenario.Channel, Seconds = 0.3, WarmUpSeconds = 0.3, Largest = 700, Size = 32 });
        await using RunningSystem running = await RunningSystem.StartAsync(new FastChatSystem(), scenario.Plan(settings));

        ResultRow row = scenario.Run(running.System, settings, new FlushCounter(Path.GetTempPath()));

        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(new[] { row.AckRatio, row.CpuRatio, row.RateRatio }, Is.All.InRange(0.02, 50), row.Note);
        Assert.That(row.P50Us, Is.GreaterThan(10));
        Assert.That(row.Rate, Is.GreaterThan(1000));
        Assert.That(row.Note, Does.StartWith("700 members, made in "));
    }

    [Test]
    public async Task Quiet_conversations_have_a_price_and_so_has_their_first_message()
    {
        QuietScenario scenario = new(settleSeconds: 2.2);
        RunSettings settings = scenario.WithDefaults(new RunSettings { Scenario = Scenario.Quiet, Largest = 3000, Size = 64 });
        await using RunningSystem running = await RunningSystem.StartAsync(new FastChatSystem(), scenario.Plan(settings));

        ResultRow row = scenario.Run(running.System, settings, new FlushCounter(Path.GetTempPath()));

        Assert.That(row.Note, Does.Match(@"MiB with 0, [\d.]+ MiB with 1500, [\d.]+ MiB with 3000; after one message to the first half"));

        // So few do not stand out of what a server's memory does by itself: the readings are there, and of the order of a server.
        Assert.That(row.BytesPerQuiet, Is.InRange(-100_000, 100_000), row.Note);
        Assert.That(row.BytesPerOnceActive, Is.InRange(-100_000, 100_000), row.Note);
    }

    [TestCase("redis")]
    [TestCase("limit")]
    public async Task Other_systems_have_no_chat_to_compare(string name)
    {
        foreach (string scenario in new[] { "presence", "inbox", "channel", "quiet" })
        {
            System.CommandLine.ParseResult parsed = Bench.Load.LoadCommand.Make().Parse([scenario, "--vs", name]);
            Assert.That(await parsed.InvokeAsync(), Is.EqualTo(2), scenario);
        }
    }
}
