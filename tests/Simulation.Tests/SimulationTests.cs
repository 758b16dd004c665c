using System.Diagnostics;
using System.Text.Json;

using FastChat.History;
using FastChat.TestSupport;

namespace FastChat.Simulation.Tests;

/// <summary>Worlds with the real broker and the real client in them: a short run of tests/campaigns/run.sh simulation, and proof that it would find something.</summary>
internal sealed class SimulationTests
{
    [Test]
    public void Five_hundred_worlds_are_clean()
    {
        using TemporaryDirectory directory = new();
        StringWriter progress = new();
        SimulationCampaign campaign = new(new SimulationOptions { Seed = 1, Cycles = 500, Directory = Path.Combine(directory.Path, "run") }, progress);
        SimulationResult result = campaign.Run(CancellationToken.None);
        TestContext.Out.WriteLine(campaign.Evidence);
        TestContext.Out.WriteLine(result.ToJson());
        Assert.That(result.IsClean, Is.True, progress.ToString());
        Assert.That(campaign.Evidence.Missing(), Is.Empty);
    }

    /// <summary>Worlds in which a defect showed that the code had once: with it planted again, each of them fails.</summary>
    [TestCase(140ul, TestName = "A_retry_behind_the_removal_of_its_sender(140)")]
    [TestCase(144ul, TestName = "A_retry_behind_the_removal_of_its_sender(144)")]
    [TestCase(170ul, TestName = "A_retry_behind_the_removal_of_its_sender(170)")]
    [TestCase(3003170ul, TestName = "A_retry_behind_a_sync_that_failed(3003170)")]
    public void What_was_found_once_stays_mended(ulong seed)
    {
        SeedResult world = SeedRun.Run(seed);
        Assert.That(world.Defects, Is.Empty);
        Assert.That(world.Report.Details, Is.Empty);
    }

    [TestCase(Sabotage.LyingDisk, Promise.Durable)]
    [TestCase(Sabotage.ForgottenIds, Promise.ExactlyOnce)]
    [TestCase(Sabotage.LowHead, Promise.Dense)]
    [TestCase(Sabotage.ReturningMembers, Promise.Membership)]
    [TestCase(Sabotage.LostWakeUp, null)]
    public void A_planted_defect_is_found(Sabotage sabotage, Promise? broken)
    {
        // Not every world gives it an opportunity.
        SeedResult[] worlds = [.. Enumerable.Range(1, 80).Select(seed => SeedRun.Run((ulong)seed, sabotage))];
        Assert.That(worlds.Count(world => !world.IsClean), Is.GreaterThan(1));
        Assert.That(
            broken is { } promise ? worlds.SelectMany(world => world.Report.Promises).Any(one => one.Promise == promise && one.Violations > 0) : worlds.Any(world => world.Defects.Count > 0),
            Is.True);
    }

    /// <summary>Two processes: what differs from one to the next, the seeds of hash codes above all, must have no say in a world.</summary>
    [Test]
    public void A_seed_is_the_same_run_in_every_process()
    {
        JsonElement first = RunProcess();
        JsonElement second = RunProcess();
        Assert.That(first.GetProperty("digest").GetString(), Is.EqualTo(second.GetProperty("digest").GetString()));
        Assert.That(first.GetProperty("acked").GetInt64(), Is.EqualTo(second.GetProperty("acked").GetInt64()).And.GreaterThan(0));
    }

    private static JsonElement RunProcess()
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [typeof(SeedRun).Assembly.Location, "--seed", "77", "--cycles", "15"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = Task.Run(process.StandardError.ReadToEnd);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors.Result);
        return JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]).RootElement;
    }
}
