namespace FastChat.Campaigns.Tests;

/// <summary>Power cuts in short, the proof that a medium which lies about its syncs is caught, and the account that both rest on.</summary>
[NonParallelizable]
public sealed class PowerCutTests
{
    private string _directory = string.Empty;

    [SetUp]
    public void MakeLibrary()
    {
        if (!PreloadLibrary.CanBuild)
        {
            Assert.Ignore("power cuts need Linux and a C compiler (Debian: gcc, libc6-dev)");
        }

        _directory = Directory.CreateTempSubdirectory("fastchat-power-cut-").FullName;
        PreloadLibrary.Build(_directory);
    }

    [TearDown]
    public void DeleteDirectory()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Test]
    public async Task TwentyPowerCutsLoseAndReorderNothing()
    {
        PowerCut crash = new(_directory);
        CampaignResult result = await new ChatCampaign(Options(cycles: 20), new Crashes(crash), TestContext.Out).RunAsync(CancellationToken.None);
        Assert.That(result.IsClean, result.ToJson());
        Assert.That((result.Cycles, result.Lost), Is.EqualTo((20, 0)));
        Assert.That(crash.Undone, Is.Positive, "a cut that takes nothing back shows nothing");
    }

    [Test]
    public async Task AMediumThatLiesAboutItsSyncsIsCaught()
    {
        // By the histories, or earlier by the store itself, which refuses to start: the witness, or what RocksDB knows of its files, says that something is missing.
        StringWriter said = new();
        CampaignResult result = await new ChatCampaign(Options(cycles: 6), new Crashes(new PowerCut(_directory, lies: true)), said).RunAsync(CancellationToken.None);
        Assert.That(result.IsClean, Is.False, "nothing was lost although nothing was synced");
        Assert.That(result.Lost > 0 || said.ToString().Contains("exit code 1 ", StringComparison.Ordinal), said.ToString());
    }

    [Test]
    public void AWriteIsPromisedByTheSyncThatBeganBehindItAndByNoOther()
    {
        string log = Path.Combine(_directory, "log");
        using (FileStream file = File.Create(log))
        {
            Write(file, 'W', 0, "a", 1);
            Write(file, 'B', 1, "a");
            Write(file, 'W', 1, "a", 1);
            Write(file, 'W', 0, "b", 1);
            Write(file, 'B', 2, "b");
            Write(file, 'E', 1, "a");
            Write(file, 'R', 0, "a", (byte)'c');
            file.Write([200, 0, 0, 0, 1, 2, 3]);
        }

        WriteLog read = WriteLog.Read(log);
        Assert.That(read.Syncs, Is.EqualTo(1));
        Assert.That(read.Unsynced.Keys, Is.EquivalentTo(new[] { "b", "c" }), "the sync of b has not succeeded");
        Assert.That(read.Unsynced["c"].Select(change => change.Offset), Is.EqualTo(new[] { 1 }));
    }

    private CampaignOptions Options(int cycles) => new() { Name = "power-cut", Cycles = cycles, CyclesInRound = cycles, Directory = _directory };

    /// <summary>An entry of the log as the library writes it.</summary>
    private static void Write(Stream target, char kind, ulong a, string path, params byte[] payload)
    {
        using BinaryWriter writer = new(target, System.Text.Encoding.UTF8, leaveOpen: true);
        byte[] rest = kind == 'W' ? [0, 0, 0, 0, .. payload] : payload;
        writer.Write(1 + 8 + 8 + 4 + path.Length + rest.Length);
        writer.Write((byte)kind);
        writer.Write(a);
        writer.Write(0ul);
        writer.Write(path.Length);
        writer.Write(System.Text.Encoding.UTF8.GetBytes(path));
        writer.Write(rest);
    }
}
