namespace FastChat.Campaigns;

/// <summary>kill -9 at a random moment: mostly within the first second; often in the first milliseconds after a start, when everyone returns and the store moves what the journal held.</summary>
internal sealed class RandomKill : ICrash
{
    public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random) => process;

    public async Task StrikeAsync(Stage stage)
    {
        await Task.Delay(
            stage.Random.Next(4) switch
            {
                0 => stage.Random.Next(5, 100),
                3 => stage.Random.Next(1000, 2000),
                _ => stage.Random.Next(100, 1000),
            },
            stage.Cancellation);
        await stage.Broker.KillAsync();
    }
}
