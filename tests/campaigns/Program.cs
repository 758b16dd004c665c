using FastChat.Campaigns;

CampaignOptions? options = CampaignOptions.Parse(args, out string? wrong);
if (options is null)
{
    Console.Error.WriteLine(wrong);
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
    CampaignResult result = options.Name switch
    {
        "kill" => await new CrashCampaign(options, new RandomKill(), Console.Error).RunAsync(interrupted.Token),
        "failpoints" => await new CrashCampaign(options, new FailpointKill(), Console.Error).RunAsync(interrupted.Token),
        "power-cut" => await new CrashCampaign(options, MakePowerCut(options), Console.Error).RunAsync(interrupted.Token),
        _ => await new BitFlipCampaign(options, Damage.Inflict, Console.Error).RunAsync(interrupted.Token),
    };
    Console.WriteLine(result.ToJson());
    return result.IsClean ? 0 : 1;
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    Console.Error.WriteLine($"{options.Name}: interrupted; the same seed goes on with the round that was under way");
    return 130;
}
catch (Exception failure)
{
    Console.Error.WriteLine($"{options.Name}: {failure}");
    return 1;
}

static PowerCut MakePowerCut(CampaignOptions options)
{
    PowerCut.BuildLibrary(options.WorkDirectory);
    return new PowerCut(options.WorkDirectory);
}
