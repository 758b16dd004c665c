using FastChat.Simulation;

// Exit codes: 0 every world was clean, 1 one was not, 2 the command line makes no sense, 130 interrupted.
SimulationOptions options;
try
{
    options = SimulationOptions.Parse(args);
}
catch (FormatException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    Console.Error.WriteLine(SimulationOptions.Usage);
    return 2;
}

using CancellationTokenSource interrupted = new();
Console.CancelKeyPress += (_, key) =>
{
    key.Cancel = true;
    interrupted.Cancel();
};

try
{
    SimulationCampaign campaign = new(options, Console.Error);
    SimulationResult result = campaign.Run(interrupted.Token);
    Console.Error.WriteLine(campaign.Evidence);
    Console.WriteLine(result.ToJson());
    if (ThreadPool.CompletedWorkItemCount > 0)
    {
        Console.Error.WriteLine($"{options.Campaign}: something ran in the thread pool, where no seed decides: a world is no longer a function of its seed");
        return 1;
    }

    if (result.IsClean && campaign.Evidence.Missing() is { Count: > 0 } missing)
    {
        Console.Error.WriteLine($"{options.Campaign}: {string.Join("; ", missing)}: such a run shows nothing about it");
        return 1;
    }

    return result.IsClean ? 0 : 1;
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    Console.Error.WriteLine($"{options.Campaign}: interrupted; the same seed goes on behind the last block");
    return 130;
}
