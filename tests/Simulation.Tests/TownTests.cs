using System.Diagnostics;
using System.Text.Json;

using FastChat.History;
using FastChat.TestSupport;

namespace FastChat.Simulation.Tests;

/// <summary>Towns of many people who do everything that can be done: a short run of tests/campaigns/run.sh community, and proof that it would find something.</summary>
internal sealed class TownTests
{
    private static readonly TownSize s_small = new(60, 20, TimeSpan.FromMinutes(3));

    [Test]
    public void Small_towns_are_clean_and_show_everything()
    {
        using TemporaryDirectory directory = new();
        StringWriter progress = new();
        SimulationCampaign campaign = new(new SimulationOptions { Town = s_small, Seed = 1, Cycles = 6, Directory = Path.Combine(directory.Path, "run") }, progress);
        SimulationResult result = campaign.Run(CancellationToken.None);
        TestContext.Out.WriteLine(campaign.Evidence);
        TestContext.Out.WriteLine(result.ToJson());
        Assert.That(result.IsClean, Is.True, progress.ToString());
        Assert.That(campaign.Evidence.Missing(), Is.Empty);
    }

    [Test]
    public void What_is_missing_is_noticed()
    {
        Evidence evidence = new(TownEvidence.Expected, 1);
        evidence.Add(TownRun.Run(1, new TownSize(8, 4, TimeSpan.FromSeconds(5))));
        Assert.That(evidence.Missing(), Is.Not.Empty);
    }

    [TestCase(Sabotage.ForgottenIds, Promise.ExactlyOnce)]
    [TestCase(Sabotage.LowHead, Promise.Agreement)]
    public void A_planted_defect_is_found(Sabotage sabotage, Promise broken)
    {
        // Not every town gives it an opportunity.
        SeedResult[] towns = [.. Enumerable.Range(1, 3).Select(seed => TownRun.Run((ulong)seed, new TownSize(40, 15, TimeSpan.FromMinutes(2)), sabotage))];
        Assert.That(towns.SelectMany(town => town.Report.Promises).Any(one => one.Promise == broken && one.Violations > 0), Is.True);
    }

    /// <summary>Two processes: what differs from one to the next must have no say in a town.</summary>
    [Test]
    public void A_seed_is_the_same_town_in_every_process()
    {
        JsonElement first = RunProcess();
        JsonElement second = RunProcess();
        Assert.That(first.GetProperty("digest").GetString(), Is.EqualTo(second.GetProperty("digest").GetString()));
        Assert.That(first.GetProperty("acked").GetInt64(), Is.EqualTo(second.GetProperty("acked").GetInt64()).And.GreaterThan(0));
    }

    private static JsonElement RunProcess()
    {
        string[] arguments = [typeof(TownRun).Assembly.Location, "community", "--people", "30", "--rooms", "12", "--simulated-seconds", "60", "--seed", "77", "--cycles", "2"];
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = Task.Run(process.StandardError.ReadToEnd);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        // So small a town does not show everything, and that it says so is right; a violation would be in the line.
        JsonElement line = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]).RootElement;
        Assert.That(line.GetProperty("violations").GetInt64(), Is.Zero, errors.Result);
        return line;
    }
}
