using System.CommandLine;

using FastChat.Bench.Compare;
using FastChat.Bench.Load;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The broker over its WebSocket endpoint: the same protocol, the same work. And who has no such transport says so before anything is started.</summary>
public sealed class FastChatOverWebSocketTests
{
    [Test]
    public async Task It_delivers_stores_and_resumes_as_over_TCP()
    {
        string directory = Directory.CreateTempSubdirectory("fastchat-load-").FullName;
        SystemUnderTest system = SystemCatalog.Make("fastchat")!;
        try
        {
            WorkPlan plan = new(Scenario.Storm, Conversations: 4, Connections: 8, PayloadBytes: 32);
            await system.StartAsync(new SystemSettings(directory, "ws", []), plan, CancellationToken.None);
            await system.PrepareAsync(plan, CancellationToken.None);
            SystemWork.FanOut(system.Endpoint, system.NewWire);

            // Not in the conversation that was just used: the same client has numbered its messages from 0 there, too.
            StormScenario scenario = new();
            ResultRow row = scenario.Run(
                system,
                scenario.WithDefaults(new RunSettings { Scenario = Scenario.Storm, Seconds = 1, WarmUpSeconds = 0, Connections = 40, Conversations = 1, Size = 64, Transport = "ws" }),
                new FlushCounter(directory));
            Assert.That(row.Errors, Is.Zero, row.Note);
            Assert.That(row.Note, Does.StartWith("20 of 20 back").And.Not.Contain("lost"));
        }
        finally
        {
            await system.DisposeAsync();
            Directory.Delete(directory, recursive: true);
        }
    }

    [TestCase("durable --system redis --transport tls")]
    [TestCase("durable --transport ws --system redis")]
    [TestCase("durable --transport ws --vs redis")]
    public async Task A_transport_that_a_system_does_not_have_ends_with_2(string words)
    {
        ParseResult parsed = LoadCommand.Make().Parse(words.Split(' '));
        Assert.That(parsed.Errors, Is.Empty);
        Assert.That(await parsed.InvokeAsync(), Is.EqualTo(2));
    }

    [Test]
    public void Who_cannot_speak_over_a_transport_says_why()
    {
        string[] refusing = SystemCatalog.Names.Where(name => SystemCatalog.Make(name)!.WhyNotOver("ws") is not null).ToArray();
        Assert.That(refusing, Does.Contain("redis").And.Contain("nats-core").And.Contain("mosquitto").And.Not.Contain("fastchat").And.Not.Contain("signalr"));
        Assert.That(SystemCatalog.Names.Where(name => SystemCatalog.Make(name)!.WhyNotOver("tls") is null), Is.EquivalentTo(SystemCatalog.Names.Where(name => name.StartsWith("fastchat", StringComparison.Ordinal))));
        Assert.That(SystemCatalog.Names.Select(name => SystemCatalog.Make(name)!.WhyNotOver("tcp")), Has.All.Null);
    }
}
