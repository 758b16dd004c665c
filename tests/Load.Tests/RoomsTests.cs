using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>One step of the search on real servers, at a rate that everyone holds and at one that nobody does.</summary>
public sealed class RoomsTests
{
    private const int Members = 2;

    private static readonly RunSettings s_small = new RoomsScenario().WithDefaults(
        new RunSettings { Scenario = Scenario.Rooms, Conversations = 4, Connections = (4 * Members) + 3, Size = 32, Seconds = 0.6, WarmUpSeconds = 0.3, Rate = 300 });

    [TestCase("fastchat")]
    [TestCase("nats-core")]
    [TestCase("redis")]
    [TestCase("mosquitto")]
    [TestCase("ejabberd")]
    public async Task Every_member_hears_every_message_its_own_too(string name)
    {
        await using RunningSystem running = await RunningSystem.StartAsync(name, Scenario.Rooms);
        using RoomsFloor floor = new(running.System, s_small, new FlushCounter("."));
        floor.WarmUp();

        CheckHeld(floor.Attempt(300));
    }

    [Test]
    public async Task A_rate_that_nobody_holds_fails_soon_and_leaves_nothing_behind()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("fastchat", Scenario.Rooms);
        using RoomsFloor floor = new(running.System, s_small, new FlushCounter("."));
        Assert.That(floor.Attempt(500_000).Failure, Does.StartWith("fell behind"));
        CheckHeld(floor.Attempt(300));
    }

    [Test]
    public void Connections_beyond_full_rooms_are_left_out()
    {
        Assert.That((s_small.Conversations, s_small.Connections), Is.EqualTo((4, 4 * Members)));
        RunSettings standard = new RoomsScenario().WithDefaults(new RunSettings { Conversations = 0 });
        Assert.That((standard.Conversations, standard.Connections, standard.Rate), Is.EqualTo((100, 5000, 1000)));
    }

    // A busy machine may be late once; that deliveries are missing or too many has no excuse.
    private static void CheckHeld(RateSearchStep step)
    {
        Assert.That(step.Failure, Is.Null.Or.StartsWith("p99"));
        Assert.That(step.Delivered / step.Used!.Seconds, Is.EqualTo(300 * Members).Within(10).Percent);
        Assert.That(step.P50Us, Is.GreaterThan(1).And.LessThan(50_000));
        Assert.That(step.P99Us, Is.GreaterThanOrEqualTo(step.P50Us));
    }
}
