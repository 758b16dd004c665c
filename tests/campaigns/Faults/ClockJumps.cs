using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>
/// The wall clock jumps an hour and twenty days ahead, an hour and a year back, and stands still, while the monotonic one goes on. Order is the sequence's, not the clock's; whoever is signed in stays so, whoever comes with a
/// token gets in, and no deadline passes. Further ahead than a device may be idle (30 days) its tokens are over, rightly: they are when the clock is right.
/// </summary>
/// <param name="directory">For the library.</param>
/// <param name="isHarmless">The clock is right all the time: what must be noticed.</param>
internal sealed class ClockJumps(string directory, bool isHarmless = false) : IFaults, IDisposable
{
    private static readonly TimeSpan[] s_jumps = [TimeSpan.FromHours(1), TimeSpan.FromHours(-1), TimeSpan.FromDays(20), TimeSpan.FromDays(-365)];

    private readonly FaultPage _page = new(Path.Combine(directory, "faults"));
    private int _jumps;

    public string Summary => string.Create(CultureInfo.InvariantCulture, $"{_jumps} jumps, seen {_page.ClockReads} times");

    public BrokerProcessOptions Prepare(BrokerProcessOptions process) => process with { Environment = _page.Environment(directory, process.DataDirectory) };

    public async Task RunCycleAsync(Stage stage, bool isLast)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        int kind = _jumps++ % (s_jumps.Length + 1);
        DateTimeOffset expected = kind < s_jumps.Length ? now + s_jumps[kind] : now;
        if (!isHarmless)
        {
            if (kind < s_jumps.Length)
            {
                _page.MoveClock(s_jumps[kind]);
            }
            else
            {
                _page.FreezeClock(now);
            }
        }

        // Long enough for every timer of the broker to have come round.
        await Task.Delay(1500, stage.Cancellation);
        await stage.Round.WaitForAcknowledgementAsync(stage.Round.AcknowledgedSoFar, TimeSpan.FromSeconds(5), stage.Cancellation);
        DateTimeOffset stamped = await stage.Round.ReadAsStrangerAsync(stage.Cancellation);
        TimeSpan off = (stamped - expected).Duration();
        if (off > TimeSpan.FromMinutes(1) || (kind == s_jumps.Length && off > TimeSpan.FromSeconds(1)))
        {
            throw new InvalidOperationException($"the clock did not jump: the broker stamped {stamped:O}, {expected:O} was expected");
        }

        if (stage.Round.ClosedByBroker.Count > 0 || stage.Round.RefusedSoFar > 0 || !await Watch.HasHealthAsync(stage.Broker, 200, stage.Cancellation))
        {
            throw new InvalidOperationException($"somebody was thrown out or refused: {string.Join(", ", stage.Round.ClosedByBroker)}");
        }
    }

    public CampaignResult AddTo(CampaignResult result) => result with { Met = _jumps };

    public void Dispose() => _page.Dispose();
}
