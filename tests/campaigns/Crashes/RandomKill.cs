namespace FastChat.Campaigns;

/// <summary>kill -9 at a random moment: mostly within the first second; often in the first milliseconds after a start, when everyone returns and the store moves what the journal held.</summary>
internal sealed class RandomKill : ICrash
{
    public BrokerProcessOptions Arm(BrokerProcessOptions process, Random random) => process;

    public async Task StrikeAsync(BrokerProcess broker, Random random, CancellationToken cancellation)
    {
        await Task.Delay(
            random.Next(4) switch
            {
                0 => random.Next(5, 100),
                3 => random.Next(1000, 2000),
                _ => random.Next(100, 1000),
            },
            cancellation);
        await broker.KillAsync();
    }
}
