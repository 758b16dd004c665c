using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>
/// Each sync takes 50–500 ms for some seconds. Then commits must grow instead of queues: more publishes share a sync, publishers are held back and nobody is refused, and memory stays where it is; and
/// when the disk is quick again, so is the broker.
/// </summary>
/// <param name="directory">For the library.</param>
/// <param name="slowestMs">The longest sync; less than 50 makes the disk too quick, which must be noticed.</param>
internal sealed class SlowDisk(string directory, int slowestMs = 500) : IFaults, IDisposable
{
    /// <summary>What the broker may have resident in all of it: 230 MB are usual.</summary>
    private const long ResidentMax = 700L << 20;

    private const int QuickestMs = 50;

    private readonly FaultPage _page = new(Path.Combine(directory, "faults"));
    private long _slowSyncs;
    private long _slowAcks;
    private long _quickSyncs;
    private long _quickAcks;
    private long _residentMax;

    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"{_slowSyncs} slow syncs; publishes for each sync {(double)_quickAcks / Math.Max(1, _quickSyncs):F1} quick, {(double)_slowAcks / Math.Max(1, _slowSyncs):F1} slow; RSS at most {_residentMax >> 20} MiB");

    public BrokerProcessOptions Prepare(BrokerProcessOptions process) => process with { Environment = _page.Environment(directory, process.DataDirectory) };

    public async Task RunCycleAsync(Stage stage, bool isLast)
    {
        (long acks, long syncs) quick = await MeasureAsync(stage, TimeSpan.FromMilliseconds(stage.Random.Next(300, 1000)));
        int min = Math.Min(slowestMs, stage.Random.Next(QuickestMs, 200));
        int max = Math.Min(slowestMs, stage.Random.Next(min, 500));
        TimeSpan slowBefore = _page.SlowFor;
        _page.DelaySyncs(TimeSpan.FromMilliseconds(min), TimeSpan.FromMilliseconds(max));
        (long acks, long syncs) slow = await MeasureAsync(stage, TimeSpan.FromMilliseconds(stage.Random.Next(4000, 8000)));
        TimeSpan slept = _page.SlowFor - slowBefore;
        long before = stage.Round.AcknowledgedSoFar;
        _page.DelaySyncs(TimeSpan.Zero, TimeSpan.Zero);
        await stage.Round.WaitForAcknowledgementAsync(before, TimeSpan.FromSeconds(5), stage.Cancellation);

        _quickAcks += quick.acks;
        _quickSyncs += quick.syncs;
        _slowAcks += slow.acks;
        _slowSyncs += slow.syncs;
        _residentMax = Math.Max(_residentMax, stage.Broker.PeakResidentBytes);
        Require(slow.syncs > 0 && slept.TotalMilliseconds / slow.syncs >= QuickestMs, $"the disk was not slow: {slow.syncs} syncs waited {slept.TotalMilliseconds} ms");
        Require(slow.acks > 0, "nothing was acknowledged on the slow disk");
        Require((double)slow.acks / slow.syncs > (double)quick.acks / Math.Max(1, quick.syncs), $"commits did not grow: {quick} quick, {slow} slow");
        Require(_residentMax <= ResidentMax, $"the broker had {_residentMax >> 20} MiB resident");
        Require(stage.Round.RefusedSoFar == 0, $"{stage.Round.RefusedSoFar} publishes were refused");
        Require(stage.Round.ClosedByBroker.Count == 0, $"closed: {string.Join(", ", stage.Round.ClosedByBroker)}");
    }

    public CampaignResult AddTo(CampaignResult result) => result with { Met = _slowSyncs, RssMaxMb = _residentMax >> 20 };

    public void Dispose() => _page.Dispose();

    private async Task<(long Acks, long Syncs)> MeasureAsync(Stage stage, TimeSpan time)
    {
        (long acks, long syncs) before = (stage.Round.AcknowledgedSoFar, _page.Syncs);
        await Task.Delay(time, stage.Cancellation);
        return (stage.Round.AcknowledgedSoFar - before.acks, _page.Syncs - before.syncs);
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }
}
