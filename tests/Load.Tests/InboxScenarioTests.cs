using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A list is opened in every way, and is the one that was made; the server is started again in between.</summary>
public sealed class InboxScenarioTests
{
    private const int Conversations = 60;

    [Test]
    public async Task A_list_is_opened_warm_and_cold()
    {
        InboxScenario scenario = new();
        RunSettings settings = scenario.WithDefaults(new RunSettings { Scenario = Scenario.Inbox, Seconds = 0.5, WarmUpSeconds = 0, Conversations = Conversations, Size = 64 });
        await using RunningSystem running = await RunningSystem.StartAsync(new FastChatSystem(), scenario.Plan(settings));
        int served = running.System.Server.Id;

        ResultRow row = scenario.Run(running.System, settings, new FlushCounter(Path.GetTempPath()));

        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.Note, Does.StartWith($"{Conversations} conversations with {InboxMaker.Messages} messages each").And.Contain("an opening is one GetInbox: 50 rows"));
        Assert.That(new[] { row.P50Us, row.P99Us, row.KnownP50Us, row.WholeListP50Us, row.ColdUs }, Is.All.GreaterThan(10));
        Assert.That(row.CpuUsPerOp, Is.GreaterThan(0));
        Assert.That(running.System.Server.Id, Is.Not.EqualTo(served), "cold is after a start");
    }

    [Test]
    public async Task A_list_that_is_not_what_was_made_ends_the_run()
    {
        InboxScenario scenario = new();
        RunSettings settings = scenario.WithDefaults(new RunSettings { Scenario = Scenario.Inbox, Seconds = 0.5, WarmUpSeconds = 0, Conversations = 8, Size = 64 });
        await using RunningSystem running = await RunningSystem.StartAsync(new FastChatSystem(), scenario.Plan(settings));
        FastChatSystem broker = (FastChatSystem)running.System;
        await InboxMaker.MakeAsync(broker, 3, CancellationToken.None);

        // The first two are with the same people and are the same. Nine are in the list, of which the scenario made eight.
        Assert.That(() => scenario.Run(broker, settings, new FlushCounter(Path.GetTempPath())), Throws.TypeOf<RunFailedException>().With.Message.Contains("of 9 do not look like what was made"));
    }
}
