using System.Globalization;

namespace FastChat.Campaigns;

/// <summary>
/// The process may have little memory (DOTNET_GCHeapHardLimit), too little for what the broker needs when it is used. Then it ends, or says that its store has failed: what it has acknowledged is there
/// when the next one starts with enough.
/// </summary>
/// <param name="mebibytes">How little; enough must be noticed.</param>
internal sealed class MemoryLimit(int mebibytes) : ICrash
{
    private int _ended;
    private int _failed;

    public string Summary => string.Create(CultureInfo.InvariantCulture, $"ended {_ended} times, failed {_failed} times");

    public long? Met => _ended + _failed;

    public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random) => process with
    {
        Environment = new Dictionary<string, string>(process.Environment) { ["DOTNET_GCHeapHardLimit"] = ((long)mebibytes << 20).ToString("x", CultureInfo.InvariantCulture) },
        MayEndEarly = true,
    };

    public async Task StrikeAsync(Stage stage)
    {
        await Watch.IsEverAsync(async () => stage.Broker.HasExited || await HasFailedAsync(stage), TimeSpan.FromSeconds(15), stage.Cancellation);
        if (stage.Broker.HasExited)
        {
            _ended++;
        }
        else if (await HasFailedAsync(stage))
        {
            _failed++;
        }
        else
        {
            throw new InvalidOperationException("the broker had memory enough");
        }

        await stage.Broker.KillAsync();
    }

    private static async Task<bool> HasFailedAsync(Stage stage)
    {
        try
        {
            return await Watch.HasHealthAsync(stage.Broker, 503, stage.Cancellation);
        }
        catch (HttpRequestException)
        {
            // It ends just now, or has no memory to answer with.
            return false;
        }
    }
}
