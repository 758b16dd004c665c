using System.Diagnostics;
using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>
/// The process stands still for 0.1–60 s (SIGSTOP), mostly shortly, and goes on. Clients see a connection that is there and does not answer; some give it up and come back, and find the broker with their
/// old connections, half a frame and sign-ins that nobody waits for any more. Whoever waited must not be thrown out for the time that the broker was away: its deadlines are short here.
/// </summary>
/// <param name="directory">For the configuration.</param>
/// <param name="longestMs">The longest pause.</param>
internal sealed class Pause(string directory, int longestMs = 60_000) : IFaults
{
    /// <summary>What the broker says when a peer was too slow.</summary>
    private static readonly CloseCode[] s_unfair = [CloseCode.HeartbeatTimeout, CloseCode.WriteTimeout, CloseCode.FrameTimeout, CloseCode.LoginTimeout];

    private int _pauses;
    private TimeSpan _paused;
    private TimeSpan _longest;

    public string Summary => string.Create(CultureInfo.InvariantCulture, $"{_pauses} pauses, {_paused.TotalSeconds:F0} s in all, the longest {_longest.TotalSeconds:F1} s");

    public BrokerProcessOptions Prepare(BrokerProcessOptions process)
    {
        string settings = Path.Combine(directory, "pause.json");
        File.WriteAllText(settings, """{ "heartbeat_seconds": 4, "frame_deadline_seconds": 3, "login_deadline_seconds": 3, "write_deadline_seconds": 3 }""");
        return process with { Arguments = ["--config", settings] };
    }

    public async Task RunCycleAsync(Stage stage, bool isLast)
    {
        await Task.Delay(stage.Random.Next(50, 800), stage.Cancellation);
        int length = stage.Random.Next(20) switch
        {
            0 => stage.Random.Next(8000, 60_000),
            < 6 => stage.Random.Next(1000, 8000),
            _ => stage.Random.Next(100, 1000),
        };
        length = Math.Min(length, longestMs);
        stage.Broker.Pause();
        long begun = Stopwatch.GetTimestamp();
        try
        {
            // What was sent before is still read.
            await Task.Delay(50, stage.Cancellation);
            long acknowledged = stage.Round.AcknowledgedSoFar;
            await Task.Delay(length - 50, stage.Cancellation);
            if (stage.Round.AcknowledgedSoFar != acknowledged && length > 500)
            {
                throw new InvalidOperationException("the broker was not paused: it acknowledged");
            }
        }
        finally
        {
            stage.Broker.Continue();
        }

        TimeSpan paused = Stopwatch.GetElapsedTime(begun);
        _pauses++;
        _paused += paused;
        _longest = paused > _longest ? paused : _longest;
        await stage.Round.WaitForAcknowledgementAsync(stage.Round.AcknowledgedSoFar, TimeSpan.FromSeconds(15), stage.Cancellation);
        if (stage.Round.ClosedByBroker.FirstOrDefault(s_unfair.Contains) is var code and not CloseCode.None)
        {
            throw new InvalidOperationException($"after {paused.TotalSeconds:F1} s somebody was closed with {code} for the time in which the broker stood still");
        }
    }

    public CampaignResult AddTo(CampaignResult result) => result with { Met = _pauses };
}
