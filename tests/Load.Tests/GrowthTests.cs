using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;
using FastChat.Client;
using FastChat.Protocol;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The steps of the cost curve, and a tiny curve on real servers.</summary>
public sealed class GrowthTests
{
    private const int Largest = 1500;

    [Test]
    public void The_steps_of_a_million()
    {
        Assert.That(
            GrowthStep.UpTo(1_000_000),
            Is.EqualTo(new GrowthStep[] { new(1000, 0), new(1000, 1_000_000), new(10_000, 2_154_435), new(100_000, 4_641_589), new(1_000_000, 10_000_000) }));
    }

    [Test]
    public void The_steps_of_a_short_run()
    {
        Assert.That(GrowthStep.UpTo(300), Is.EqualTo(new GrowthStep[] { new(300, 0), new(300, 3000) }));
        Assert.That(GrowthStep.UpTo(Largest), Is.EqualTo(new GrowthStep[] { new(1000, 0), new(1000, 1500), new(Largest, 15_000) }));
    }

    [TestCase("fastchat")]
    [TestCase("redis")]
    public async Task Every_step_is_filled_and_measured(string name)
    {
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.Growth);
        GrowthScenario scenario = new();
        RunSettings settings = scenario.WithDefaults(
            new RunSettings { Scenario = Scenario.Growth, Connections = 8, Outstanding = 8, Largest = Largest, Size = 32, Seconds = 0.4, WarmUpSeconds = 0.2 });

        ResultRow row = scenario.Run(running.System, settings, new FlushCounter("."));

        string[] steps = row.Note.Split("; ");
        Assert.That(steps[0], Does.StartWith("1,000 conversations with ").And.Contain("/s"));
        Assert.That(steps[1], Does.StartWith("1,000 conversations with "));
        Assert.That(steps[2], Does.StartWith("1,500 conversations with "));
        Assert.That(row.GrowthRatio, Is.GreaterThan(0.01).And.LessThan(100));
        Assert.That(row.Rate, Is.GreaterThan(100));
        Assert.That(row.Errors, Is.Zero);
        if (name == "fastchat")
        {
            Assert.That(steps.Take(3), Is.All.Contains("fan-out to 100"));
            Assert.That(steps[3], Does.Match(@"^100 online of 100 members [1-9]\d* µs CPU/message, of 150 [1-9]\d*$"));
        }

        // 15,000 messages went through 1,500 conversations in turn, but for the first steps': the last one has some.
        RecordedEvents read = new();
        using WireDriver reader = running.Connect(read, 0);
        reader.Wire.ReadAll(Largest - 1, reader.Output);
        reader.Run(() => read.Count("end") == 1);
        Assert.That(read.Count("delivered"), Is.GreaterThan(0));
    }

    [Test]
    public async Task Conversations_are_made_over_many_connections_and_keep_their_names()
    {
        const int Wanted = 1200, Asked = 1100;
        await using RunningSystem running = await RunningSystem.StartAsync("fastchat", Scenario.Growth);
        await running.System.PrepareAsync(new WorkPlan(Scenario.Growth, Wanted, Connections: 8, PayloadBytes: 32), CancellationToken.None);
        RecordedEvents said = new();
        using WireDriver publisher = running.Connect(said, 0);
        publisher.Wire.Publish(Asked, 7, RunningSystem.Payload(7), publisher.Output);
        publisher.Run(() => said.Count("acknowledged 7") == 1);

        ClientOptions options = new() { Endpoint = ClientEndpoint.Parse(running.System.Endpoint.ToString()), Name = "reader", Password = "of what is there", Register = true };
        await using FastChatClient client = await FastChatClient.ConnectAsync(options);
        ConversationInfo found = await client.ResolveConversationAsync($"load-{Asked}");
        ConversationInfo last = await client.ResolveConversationAsync($"load-{Wanted - 1}");

        Assert.That((found.Head, last.Head), Is.EqualTo((1UL, 0UL)));
        Assert.That(async () => await client.ResolveConversationAsync($"load-{Wanted}"), Throws.TypeOf<RequestException>());
    }
}
