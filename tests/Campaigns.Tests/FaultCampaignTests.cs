namespace FastChat.Campaigns.Tests;

/// <summary>
/// Short versions of the campaigns in which something is wrong with the disk or the time of a process that lives; and for each the proof that it notices when what it looks for is there, or when its
/// fault does not happen.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable(ParallelScope.Children)]
public sealed class FaultCampaignTests : IDisposable
{
    private readonly StringWriter _said = new();
    private string _directory = string.Empty;

    [SetUp]
    public void MakeDirectory()
    {
        _directory = Directory.CreateTempSubdirectory("fastchat-faults-").FullName;
    }

    [TearDown]
    public void DeleteDirectory()
    {
        TestContext.Out.WriteLine(_said);
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    public void Dispose() => _said.Dispose();

    [Test]
    public async Task AnErrorOfTheDiskEndsAcknowledgingAndLosesNothing()
    {
        RequireLibrary();
        using IoError crash = new(_directory);
        CampaignResult result = await RunAsync("io-error", new Crashes(crash), cycles: 2, seed: 3);
        AssertClean(result, cycles: 2);
    }

    [Test]
    public async Task ABrokerThatDoesNotLookAtItsSyncsIsCaught()
    {
        RequireLibrary();
        using IoError crash = new(_directory, isHidden: true);
        CampaignResult result = await RunAsync("io-error", new Crashes(crash), cycles: 1, seed: 3);
        Assert.That(result.IsClean, Is.False, _said.ToString());
        Assert.That(_said.ToString(), Does.Contain("does not say that its store has failed"));
    }

    [Test]
    public async Task ASlowDiskMakesCommitsGrowAndRefusesNobody()
    {
        RequireLibrary();
        using SlowDisk fault = new(_directory);
        AssertClean(await RunAsync("slow-disk", fault, cycles: 1, seed: 2), cycles: 1);
    }

    [Test]
    public async Task ADiskThatIsNotSlowIsNoticed()
    {
        RequireLibrary();
        using SlowDisk fault = new(_directory, slowestMs: 1);
        CampaignResult result = await RunAsync("slow-disk", fault, cycles: 1, seed: 2);
        Assert.That(result.IsClean, Is.False);
        Assert.That(_said.ToString(), Does.Contain("the disk was not slow"));
    }

    [Test]
    public async Task WhoWaitedForAPausedBrokerIsNotThrownOut()
    {
        CampaignResult result = await RunAsync("pause", new Pause(_directory, longestMs: 5000), cycles: 3, seed: 1);
        AssertClean(result, cycles: 3);
    }

    [Test]
    public async Task ABrokerThatWasNotPausedIsNoticed()
    {
        CampaignResult result = await RunAsync("pause", new Awake(new Pause(_directory, longestMs: 5000)), cycles: 5, seed: 1);
        Assert.That(result.IsClean, Is.False);
        Assert.That(_said.ToString(), Does.Contain("was not paused"));
    }

    [Test]
    public async Task AFullDiskIsToldOfAndOverWhenThereIsRoom()
    {
        RequireDisk();
        await using DiskFull fault = await DiskFull.MountAsync(_directory);
        AssertClean(await RunAsync("disk-full", fault, cycles: 2, seed: 1), cycles: 2);
    }

    [Test]
    public async Task ADiskThatIsNotFullIsNoticed()
    {
        RequireDisk();
        await using DiskFull fault = await DiskFull.MountAsync(_directory, isHarmless: true);
        CampaignResult result = await RunAsync("disk-full", fault, cycles: 1, seed: 1);
        Assert.That(result.IsClean, Is.False);
        Assert.That(_said.ToString(), Does.Contain("says that there is no room"));
    }

    [Test]
    public async Task AClockThatJumpsChangesNoOrderAndThrowsNobodyOut()
    {
        RequireLibrary();
        using ClockJumps fault = new(_directory);
        AssertClean(await RunAsync("clock-jumps", fault, cycles: 5, seed: 1), cycles: 5);
    }

    [Test]
    public async Task AClockThatDoesNotJumpIsNoticed()
    {
        RequireLibrary();
        using ClockJumps fault = new(_directory, isHarmless: true);
        Assert.That((await RunAsync("clock-jumps", fault, cycles: 1, seed: 1)).IsClean, Is.False);
        Assert.That(_said.ToString(), Does.Contain("the clock did not jump"));
    }

    [Test]
    public async Task ACrowdThatTakesEveryDescriptorTakesNoFilesAndNobodysConnection()
    {
        DescriptorFlood fault = new();
        AssertClean(await RunAsync("descriptors", fault, cycles: 1, seed: 1), cycles: 1);
    }

    [Test]
    public async Task ACrowdForWhichThereIsRoomIsNoticed()
    {
        Assert.That((await RunAsync("descriptors", new DescriptorFlood(connections: 5), cycles: 1, seed: 1)).IsClean, Is.False);
        Assert.That(_said.ToString(), Does.Contain("there was room for all"));
    }

    [Test]
    public async Task ABrokerWithoutMemoryLosesNothing()
    {
        CampaignResult result = await RunAsync("memory", new Crashes(new MemoryLimit(mebibytes: 24)), cycles: 1, seed: 1);
        AssertClean(result, cycles: 1);
    }

    private static void RequireLibrary()
    {
        if (!PreloadLibrary.CanBuild)
        {
            Assert.Ignore("needs Linux and a C compiler (Debian: gcc, libc6-dev)");
        }
    }

    private static void RequireDisk()
    {
        if (!SmallDisk.CanMount)
        {
            Assert.Ignore("needs Linux, and leave to mount a file system of its own (unshare)");
        }
    }

    private async Task<CampaignResult> RunAsync(string name, IFaults faults, int cycles, ulong seed)
    {
        if (PreloadLibrary.CanBuild)
        {
            PreloadLibrary.Build(_directory);
        }

        CampaignOptions options = new() { Name = name, Cycles = cycles, CyclesInRound = cycles, Seed = seed, Directory = _directory };
        CampaignResult result = await new ChatCampaign(options, faults, _said).RunAsync(CancellationToken.None);
        return result;
    }

    private static void AssertClean(CampaignResult result, long cycles)
    {
        Assert.That(result.IsClean, result.ToJson());
        Assert.That((result.Cycles, result.Lost), Is.EqualTo((cycles, 0)));
        Assert.That(result.Met, Is.Positive, "no fault was met");
        Assert.That(result.Acked, Is.GreaterThan(100));
    }

    /// <summary>Somebody wakes the process at once, again and again.</summary>
    private sealed class Awake(Pause pause) : IFaults
    {
        public BrokerProcessOptions Prepare(BrokerProcessOptions process) => pause.Prepare(process);

        public async Task RunCycleAsync(Stage stage, bool isLast)
        {
            using CancellationTokenSource over = new();
            Task waking = Task.Run(async () =>
            {
                while (!over.IsCancellationRequested)
                {
                    stage.Broker.Continue();
                    await Task.Delay(1);
                }
            });
            try
            {
                await pause.RunCycleAsync(stage, isLast);
            }
            finally
            {
                await over.CancelAsync();
                await waking;
            }
        }
    }
}
