namespace FastChat.Campaigns.Tests;

/// <summary>A small version of the campaign, and the proofs that it sees slow deliveries and readers that were not stalled.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable(ParallelScope.Children)]
public sealed class StalledReadersTests : IDisposable
{
    private readonly StringWriter _said = new();
    private string _directory = string.Empty;

    [SetUp]
    public void ChooseDirectory() => _directory = Path.Combine(Path.GetTempPath(), $"fastchat-stalled-{Guid.NewGuid():N}");

    [TearDown]
    public void DeleteDirectory()
    {
        TestContext.Out.WriteLine(_said);
        foreach (string left in Directory.GetDirectories(Path.GetTempPath(), Path.GetFileName(_directory) + "*"))
        {
            Directory.Delete(left, recursive: true);
        }
    }

    public void Dispose() => _said.Dispose();

    [Test]
    public async Task StalledReadersCostTheOthersNothing()
    {
        // What stalled readers cost comes again each time; what a machine with other work costs does not.
        CampaignResult result = await new StalledReaders(Options, _said).RunAsync(CancellationToken.None);
        for (int again = 0; again < 2 && !result.IsClean; again++)
        {
            result = await new StalledReaders(Options with { Directory = $"{_directory}-{again}" }, _said).RunAsync(CancellationToken.None);
        }

        Assert.That(result.IsClean, result.ToJson());
        Assert.That((result.Cycles, result.Readers, result.Stalled), Is.EqualTo((1, 200, 20)));
        Assert.That(result.Ratio, Is.Positive);
    }

    [Test]
    public async Task SlowDeliveriesAreCaught()
    {
        static void Disturb(BrokerProcess broker)
        {
            broker.Pause();
            Thread.Sleep(500);
            broker.Continue();
        }

        CampaignResult result = await new StalledReaders(Options, _said, whileStalled: Disturb).RunAsync(CancellationToken.None);
        Assert.That((result.IsClean, result.Ratio > 2), Is.EqualTo((false, true)), result.ToJson());
    }

    [Test]
    public async Task ReadersThatReadOnAreNoticed()
    {
        CampaignResult result = await new StalledReaders(Options, _said, isHarmless: true).RunAsync(CancellationToken.None);
        Assert.That(result.IsClean, Is.False);
        Assert.That(_said.ToString(), Does.Contain("those who were stalled were not"));
    }

    private CampaignOptions Options => new() { Name = "stalled-readers", Cycles = 1, Seed = 1, Readers = 200, Directory = _directory };
}
