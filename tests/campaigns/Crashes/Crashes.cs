using System.Diagnostics;

using FastChat.History;

namespace FastChat.Campaigns;

/// <summary>The process dies, in one way or another, and the next one takes over its store; each restart is timed.</summary>
internal sealed class Crashes(ICrash crash) : IFaults
{
    public string? Summary => crash.Summary;

    public CampaignResult AddTo(CampaignResult result) => result with { Met = crash.Met };

    /// <summary>What a process is to die of is in its environment.</summary>
    public Task BeginRoundAsync(Stage stage) => RestartAsync(stage, isLast: false);

    public async Task RunCycleAsync(Stage stage, bool isLast)
    {
        if (stage.Random.Next(4) == 0)
        {
            stage.Round.KillClient(stage.Random);
        }

        await crash.StrikeAsync(stage);
        stage.Round.OnFault(HistoryFault.Kill);
        crash.WhileDown(stage.Broker.DataDirectory, stage.Random);
        long down = Stopwatch.GetTimestamp();
        await RestartAsync(stage, isLast);
        if (!stage.Broker.HasExited)
        {
            stage.Restarts.Add(Stopwatch.GetElapsedTime(down).TotalSeconds);
        }

        stage.Round.OnFault(HistoryFault.Restart);
    }

    /// <summary>The next process; the last one of a round is left alone.</summary>
    private Task RestartAsync(Stage stage, bool isLast) =>
        stage.Broker.RestartAsync(process => isLast ? Plain(process) : crash.Arm(Plain(process), stage.Random));

    private static BrokerProcessOptions Plain(BrokerProcessOptions process) => process with { Environment = new Dictionary<string, string>(), MayEndEarly = false };
}
