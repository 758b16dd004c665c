using System.Globalization;
using System.Net.Sockets;

namespace FastChat.Campaigns;

/// <summary>
/// The process may open 512 files, and hundreds of connections come. Some are told that there are too many, the rest is cut; those who were there go on, also when a journal or table file has to be opened;
/// and when the crowd has left, others can come.
/// </summary>
/// <param name="connections">How many come; fewer than there is room for must be noticed.</param>
internal sealed class DescriptorFlood(int connections = 500) : IFaults
{
    private const string Descriptors = "512";

    private int _told;
    private int _cut;

    public string Summary => string.Create(CultureInfo.InvariantCulture, $"{_told} connections told that there are too many, {_cut} cut");

    public BrokerProcessOptions Prepare(BrokerProcessOptions process) => process with { Command = BrokerProcess.ServeBehind("prlimit", $"--nofile={Descriptors}:{Descriptors}", "--") };

    public async Task RunCycleAsync(Stage stage, bool isLast)
    {
        List<ScriptedPeer> crowd = [];
        int refused = 0;
        try
        {
            for (int i = 0; i < connections; i++)
            {
                crowd.Add(await ScriptedPeer.ConnectAsync(stage.Broker.Tcp));
            }

            long acknowledged = stage.Round.AcknowledgedSoFar;
            await Task.Delay(2000, stage.Cancellation);
            await stage.Round.WaitForAcknowledgementAsync(acknowledged, TimeSpan.FromSeconds(5), stage.Cancellation);
            foreach (ScriptedPeer stranger in crowd)
            {
                refused += await IsRefusedAsync(stranger) ? 1 : 0;
            }
        }
        finally
        {
            foreach (ScriptedPeer stranger in crowd)
            {
                await stranger.DisposeAsync();
            }
        }

        if (refused == 0)
        {
            throw new InvalidOperationException("nobody was refused: there was room for all");
        }

        await Watch.UntilAsync(() => CanReadAsync(stage), "somebody new gets in when the crowd has left", TimeSpan.FromSeconds(10), stage.Cancellation);
        if (!await Watch.HasHealthAsync(stage.Broker, 200, stage.Cancellation) || stage.Round.ClosedByBroker.Count > 0)
        {
            throw new InvalidOperationException($"the store failed, or somebody who was there was closed: {string.Join(", ", stage.Round.ClosedByBroker)}\n{stage.Broker.StandardError}");
        }
    }

    public CampaignResult AddTo(CampaignResult result) => result with { Met = _told + _cut };

    private static async Task<bool> CanReadAsync(Stage stage)
    {
        try
        {
            await stage.Round.ReadAsStrangerAsync(stage.Cancellation).WaitAsync(TimeSpan.FromSeconds(5), stage.Cancellation);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>What became of a connection that has not said anything yet.</summary>
    private async Task<bool> IsRefusedAsync(ScriptedPeer stranger)
    {
        stranger.Timeout = TimeSpan.FromMilliseconds(20);
        try
        {
            ReceivedFrame? frame = await stranger.ReceiveOrEndAsync();
            if (frame is not null && (frame.Type != FrameType.Close || frame.ToFailure().Code != (ushort)CloseCode.TooManyConnections))
            {
                throw new InvalidOperationException($"a stranger was told {frame}");
            }

            _told += frame is null ? 0 : 1;
            _cut += frame is null ? 1 : 0;
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (IOException reset) when (reset.InnerException is SocketException)
        {
            _cut++;
            return true;
        }
    }
}
