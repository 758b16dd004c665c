using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Who is there, in a storm and at its worst, on a real broker with a short grace; a broker that told of a storm, or spent more than a budget, would be found out.</summary>
public sealed class PresenceScenarioTests
{
    private const double GraceSeconds = 1.5;
    private const double TickSeconds = 0.1;
    private const double QuietSeconds = 1;

    // Thirty-six people who change once a second are more than four kilobytes a second to each of nine lookers: more than either of these.
    private static readonly PresenceBudgets s_budgets = new(BytesPerSecond: 5000, ConnectionBytesPerSecond: 1000);

    [Test]
    public async Task Nothing_is_told_of_a_storm_the_budgets_hold_and_everybody_knows_the_truth()
    {
        ResultRow row = await RunAsync(awaySeconds: 0, s_budgets);
        Assert.That(row.Errors, Is.Zero, row.Note);
        Assert.That(row.Broken, Is.Empty, row.Note);
        Assert.That(row.StormFrames, Is.Zero, row.Note);
        Assert.That(row.PresenceBytesPerS, Is.InRange(0.5 * s_budgets.BytesPerSecond, 1.5 * s_budgets.BytesPerSecond), row.Note);
        Assert.That(row.ConnectionBytesPerS, Is.InRange(0.3 * s_budgets.ConnectionBytesPerSecond, 1.6 * s_budgets.ConnectionBytesPerSecond), row.Note);
        Assert.That(row.Rate, Is.GreaterThan(10), row.Note);
        Assert.That(row.Note, Does.StartWith("324 sessions of 36 people in 1 groups of 37, 9 lookers with 9 watches"));
    }

    [Test]
    public async Task Who_stays_away_for_longer_than_the_grace_is_told_of_and_that_is_found_out()
    {
        ResultRow row = await RunAsync(awaySeconds: GraceSeconds + 1, s_budgets);
        Assert.That(row.StormFrames, Is.GreaterThan(0), row.Note);
        Assert.That(row.Broken, Has.Exactly(1).Contains("Presence frames for a crowd that was cut and came back"), row.Note);
    }

    [Test]
    public async Task A_broker_that_spends_more_than_its_budget_is_found_out()
    {
        ResultRow row = await RunAsync(awaySeconds: 0, new PresenceBudgets());
        Assert.That(row.BurstS, Is.GreaterThan(PresenceStage.BurstSecondsMax), row.Note);
        Assert.That(row.Broken, Has.Exactly(1).Contains("a budget was exceeded"), row.Note);
    }

    [Test]
    public void A_meter_knows_the_worst_stretch()
    {
        PresenceMeter meter = new(bytesPerSecond: 1000);
        long now = Stopwatch.GetTimestamp() + Stopwatch.Frequency;
        meter.Count(800, now);
        Assert.That(meter.PeakSeconds, Is.EqualTo(0.8).Within(0.001));

        // Half a second drains 500 of them: 800 - 500 + 900 stand in the bucket.
        meter.Count(900, now + (Stopwatch.Frequency / 2));
        Assert.That(meter.PeakSeconds, Is.EqualTo(1.2).Within(0.001));
        meter.Count(1000, now + (60 * Stopwatch.Frequency));
        Assert.That((meter.Bytes, meter.Frames), Is.EqualTo((2700L, 3L)));
        Assert.That(meter.PeakSeconds, Is.EqualTo(1.2).Within(0.001));
    }

    [Test]
    public void In_the_town_of_the_full_size_everybody_shares_groups_with_others()
    {
        PresenceTown town = new(18_000);
        Assert.That((town.Accounts, town.Lookers, town.People), Is.EqualTo((2000, 100, 1900)));
        Assert.That(town.Groups.Select(group => group.Members.Distinct().Count()), Is.All.EqualTo(100));
        int[] groupsOf = [.. Enumerable.Range(0, town.Accounts).Select(account => town.GroupsOf(account).Count())];
        Assert.That(groupsOf.Take(town.Lookers), Is.All.EqualTo(10));
        Assert.That(groupsOf.Skip(town.Lookers), Is.All.InRange(4, 5));
    }

    /// <param name="awaySeconds">How long everybody is away in the storm.</param>
    /// <param name="spent">What the broker is told to spend; the scenario holds it against <see cref="s_budgets"/>.</param>
    private static async Task<ResultRow> RunAsync(double awaySeconds, PresenceBudgets spent)
    {
        FastChatSystem system = new()
        {
            Configuration = new Dictionary<string, object>
            {
                ["presence_grace_seconds"] = GraceSeconds,
                ["presence_tick_seconds"] = TickSeconds,
                ["presence_bytes_per_second"] = spent.BytesPerSecond,
                ["presence_connection_bytes_per_second"] = spent.ConnectionBytesPerSecond,
            },
        };
        PresenceScenario scenario = new(GraceSeconds, awaySeconds, QuietSeconds, s_budgets);
        RunSettings settings = scenario.WithDefaults(new RunSettings { Scenario = Scenario.Presence, Seconds = 2, WarmUpSeconds = 0, Connections = 333, Size = 64 });
        await using RunningSystem running = await RunningSystem.StartAsync(system, scenario.Plan(settings));
        return scenario.Run(running.System, settings, new FlushCounter(Path.GetTempPath()));
    }
}
