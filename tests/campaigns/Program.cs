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
    CampaignResult result = await RunAsync(options, interrupted.Token);
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

static async Task<CampaignResult> RunAsync(CampaignOptions options, CancellationToken cancellation)
{
    if (options.Name == "bit-flip")
    {
        return await new BitFlipCampaign(options, Damage.Inflict, Console.Error).RunAsync(cancellation);
    }

    if (options.Name == "stalled-readers")
    {
        return await new StalledReaders(options, Console.Error).RunAsync(cancellation);
    }

    string directory = options.WorkDirectory;
    Directory.CreateDirectory(directory);
    if (options.Name is "power-cut" or "io-error" or "slow-disk")
    {
        PreloadLibrary.Build(directory);
    }

    IFaults faults = options.Name switch
    {
        "kill" => new Crashes(new RandomKill()),
        "failpoints" => new Crashes(new FailpointKill()),
        "power-cut" => new Crashes(new PowerCut(directory)),
        "io-error" => new Crashes(new IoError(directory)),
        "slow-disk" => new SlowDisk(directory),
        "pause" => new Pause(directory),
        _ => await DiskFull.MountAsync(directory),
    };
    return await new ChatCampaign(options, faults, Console.Error).RunAsync(cancellation);
}
