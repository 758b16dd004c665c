using System.Text.RegularExpressions;

namespace FastChat.Campaigns.Tests;

/// <summary>Short versions of the crash campaigns, on the real process; and the proof that a campaign sees a loss when there is one.</summary>
[NonParallelizable]
public sealed partial class CrashCampaignTests
{
    private string _directory = string.Empty;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("fastchat-campaign-").FullName;

    [TearDown]
    public void DeleteDirectory()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Test]
    public async Task FiftyKillsLoseAndReorderNothing()
    {
        CampaignResult result = await RunAsync(new RandomKill(), Options("kill", cycles: 50, cyclesInRound: 50));
        Assert.That(result.IsClean, result.ToJson());
        Assert.That((result.Cycles, result.Lost), Is.EqualTo((50, 0)));
        Assert.That(result.Acked, Is.GreaterThan(1000));
        Assert.That(result.Stored, Is.GreaterThanOrEqualTo(result.Acked));
    }

    [Test]
    public async Task DyingAtTheStepsOfTheCommitPathLosesAndReordersNothing()
    {
        FailpointKill crash = new();
        CampaignResult result = await RunAsync(crash, Options("failpoints", cycles: 10, cyclesInRound: 10));
        Assert.That(result.IsClean, result.ToJson());
        Assert.That(result.Cycles, Is.EqualTo(10));
        TestContext.Out.WriteLine(crash.Summary);
    }

    [Test]
    public async Task AStoreThatForgetsIsCaught()
    {
        CampaignResult result = await RunAsync(new OlderStateComesBack(), Options("kill", cycles: 4, cyclesInRound: 4));
        Assert.That(result.Lost, Is.Positive, result.ToJson());
        Assert.That(result.IsClean, Is.False);
        Assert.That(File.Exists(Path.Combine(_directory, "round-1.history")), "what shows it is kept");
    }

    [TestCase(1)]
    [TestCase(3)]
    public async Task WhatWasInterruptedGoesOn(int strikes)
    {
        // Two rounds; the one that is interrupted is done again.
        CampaignOptions options = Options("kill", cycles: 4, cyclesInRound: 2);
        using CancellationTokenSource interrupt = new();
        Interrupting crash = new(interrupt, strikes);
        await Assert.ThatAsync(() => new ChatCampaign(options, new Crashes(crash), TextWriter.Null).RunAsync(interrupt.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(CampaignState.Load(Path.Combine(_directory, "state.json"))!.Rounds, Is.EqualTo(strikes / 2));

        CampaignResult result = await RunAsync(new RandomKill(), options);
        Assert.That(result.IsClean, result.ToJson());
        Assert.That(result.Cycles, Is.EqualTo(4));
    }

    [Test]
    public void EveryPlaceOfTheSourceIsInTheCampaignAndTheOtherWayRound()
    {
        string[] inSource = Directory.EnumerateFiles(RepositoryRoot.PathOf("src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(file => Reach().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value)

            // No client of the campaign comes by there: an operator does (BackupTests), a broker with encrypted bodies (EncryptedBrokerTests), or somebody who erases a conversation (CutOffByDeathTests).
            .Where(place => !place.StartsWith("backup-", StringComparison.Ordinal) && !place.StartsWith("vault-", StringComparison.Ordinal) && place is not ("keys-noted" or "conversation-cleared"))
            .ToArray();
        Assert.That(inSource, Is.EquivalentTo(FailpointKill.Places.Keys));
    }

    [Test]
    public void ASeedMeansTheSameInEveryProcess()
    {
        CampaignOptions options = new() { Name = "kill", Seed = 1 };
        Assert.That(new[] { 0, 1, 2 }.Select(part => options.RandomOf(part).Next(1000)), Is.EqualTo(new[] { 559, 234, 973 }));
    }

    [TestCase("kill", "--cycles", "0")]
    [TestCase("kill", "--cycles")]
    [TestCase("kill", "--cycles", "many")]
    [TestCase("kill", "--whatever", "1")]
    [TestCase("no-such-campaign")]
    [TestCase]
    public void AWrongCommandLineIsRefusedWithTheUsage(params string[] arguments)
    {
        Assert.That(CampaignOptions.Parse(arguments, out string? wrong), Is.Null);
        Assert.That(wrong, Does.Contain("usage: tests/campaigns/run.sh"));
    }

    private CampaignOptions Options(string name, int cycles, int cyclesInRound) =>
        new() { Name = name, Cycles = cycles, CyclesInRound = cyclesInRound, Directory = _directory };

    private static Task<CampaignResult> RunAsync(ICrash crash, CampaignOptions options) =>
        new ChatCampaign(options, new Crashes(crash), TestContext.Out).RunAsync(CancellationToken.None);

    [GeneratedRegex("""Failpoint\.Reach\("([a-z-]+)"\)""")]
    private static partial Regex Reach();

    /// <summary>A disk that lies: after the third death the store is what it was after the first.</summary>
    private sealed class OlderStateComesBack : ICrash
    {
        private readonly RandomKill _kill = new();
        private int _deaths;

        public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random) => process;

        public Task StrikeAsync(Stage stage) => _kill.StrikeAsync(stage);

        public void WhileDown(string dataDirectory, Random random)
        {
            string copy = dataDirectory + "-copy";
            switch (++_deaths)
            {
                case 1:
                    Copy(dataDirectory, copy);
                    break;
                case 3:
                    Directory.Delete(dataDirectory, recursive: true);
                    Copy(copy, dataDirectory);
                    break;
            }
        }

        private static void Copy(string from, string to)
        {
            Directory.CreateDirectory(to);
            foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            {
                string target = Path.Combine(to, Path.GetRelativePath(from, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        }
    }

    /// <summary>Somebody presses Ctrl-C at the n-th death.</summary>
    private sealed class Interrupting(CancellationTokenSource interrupt, int strikes) : ICrash
    {
        private readonly RandomKill _kill = new();
        private int _left = strikes;

        public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random) => process;

        public Task StrikeAsync(Stage stage)
        {
            if (--_left == 0)
            {
                interrupt.Cancel();
            }

            return _kill.StrikeAsync(stage);
        }
    }
}
