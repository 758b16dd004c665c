using System.Globalization;

using FastChat.History;

namespace FastChat.Campaigns;

/// <summary>
/// The disk of the store fills up, to the last byte or only into the broker's reserve, stays so for a while, and has room again. Meanwhile the broker says so, refuses what would have to be stored, and
/// serves everybody who reads; nobody's connection ends; and publishing goes on by itself afterwards, in the same process. Now and then the process is killed while the disk is full.
/// </summary>
/// <param name="directory">Where the disk is mounted.</param>
/// <param name="isHarmless">The disk is not filled at all: what must be noticed.</param>
internal sealed class DiskFull(string directory, bool isHarmless = false) : IFaults, IAsyncDisposable
{
    private const long DiskBytes = 512L << 20;

    private SmallDisk? _disk;
    private int _filled;
    private int _toTheLastByte;
    private int _killed;
    private int _refusedStarts;

    public bool KeepsStore => false;

    public string Summary => string.Create(
        CultureInfo.InvariantCulture, $"full {_filled} times, {_toTheLastByte} of them to the last byte; killed meanwhile {_killed} times, and {_refusedStarts} times it did not start before there was room");

    private SmallDisk Disk => _disk ?? throw new InvalidOperationException("the disk is not mounted");

    /// <summary>Mounts the disk.</summary>
    public static async Task<DiskFull> MountAsync(string directory, bool isHarmless = false)
    {
        DiskFull fault = new(directory, isHarmless);
        fault._disk = await SmallDisk.MountAsync(Path.Combine(directory, "disk"), DiskBytes);
        return fault;
    }

    public BrokerProcessOptions Prepare(BrokerProcessOptions process) => process with
    {
        DataDirectory = Path.Combine(Path.GetFullPath(directory), "disk", "store"),
        Command = BrokerProcess.ServeBehind(Disk.Enter),
    };

    public async Task RunCycleAsync(Stage stage, bool isLast)
    {
        await Task.Delay(stage.Random.Next(100, 1500), stage.Cancellation);
        bool toTheLastByte = stage.Random.Next(2) == 0;
        int process = stage.Broker.Id;
        int closed = stage.Round.ClosedByBroker.Count;
        if (!isHarmless)
        {
            Disk.Fill(leave: toTheLastByte ? 0 : stage.Random.NextInt64(16L << 20, 60L << 20));
        }

        await Watch.UntilAsync(() => Watch.HasHealthAsync(stage.Broker, 503, stage.Cancellation), "the broker says that there is no room", TimeSpan.FromSeconds(5), stage.Cancellation);
        _filled++;
        _toTheLastByte += toTheLastByte ? 1 : 0;
        await Task.Delay(stage.Random.Next(200, 1500), stage.Cancellation);
        await stage.Round.ReadAsStrangerAsync(stage.Cancellation).WaitAsync(TimeSpan.FromSeconds(10), stage.Cancellation);
        long acknowledged = stage.Round.AcknowledgedSoFar;
        await Task.Delay(stage.Random.Next(200, 1500), stage.Cancellation);
        if (stage.Round.AcknowledgedSoFar != acknowledged)
        {
            throw new InvalidOperationException("publishes were acknowledged while the broker said that there is no room");
        }

        if (stage.Random.Next(4) == 0)
        {
            await KillWhileFullAsync(stage);
            process = stage.Broker.Id;
            closed = int.MaxValue;
        }

        Disk.Empty();
        await Watch.UntilAsync(() => Watch.HasHealthAsync(stage.Broker, 200, stage.Cancellation), "the broker has noticed that there is room", TimeSpan.FromSeconds(15), stage.Cancellation);
        await stage.Round.WaitForAcknowledgementAsync(acknowledged, TimeSpan.FromSeconds(15), stage.Cancellation);
        if (stage.Broker.HasExited || stage.Broker.Id != process || stage.Round.ClosedByBroker.Count > closed || stage.Round.RefusedSoFar > 0)
        {
            throw new InvalidOperationException(
                $"the process ended, a connection was closed or a client was told of a failure: {string.Join(", ", stage.Round.ClosedByBroker)}; {stage.Round.RefusedSoFar} refused\n{stage.Broker.StandardError}");
        }
    }

    /// <summary>The tmpfs goes with this process: a copy shows what was wrong.</summary>
    public Task KeepAsync(string target) => Task.Run(() =>
    {
        string store = Path.Combine(Disk.Outside, "store");
        foreach (string file in Directory.EnumerateFiles(store, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(target, "store", Path.GetRelativePath(store, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }
    });

    public CampaignResult AddTo(CampaignResult result) => result with { Met = _filled };

    public async ValueTask DisposeAsync()
    {
        if (_disk is not null)
        {
            await _disk.DisposeAsync();
        }
    }

    /// <summary>The next process may find no room to begin in: then it says so, and the one after it has some.</summary>
    private async Task KillWhileFullAsync(Stage stage)
    {
        _killed++;
        stage.Round.OnFault(HistoryFault.Kill);
        await stage.Broker.RestartAsync(process => process with { MayEndEarly = true });
        if (stage.Broker.HasExited)
        {
            _refusedStarts++;
            if (stage.Broker.ExitCode != 1)
            {
                throw new InvalidOperationException($"the start on a full disk ended with {stage.Broker.ExitCode}:\n{stage.Broker.StandardError}");
            }

            Disk.Empty();
            await stage.Broker.RestartAsync(process => process with { MayEndEarly = false });
        }

        stage.Round.OnFault(HistoryFault.Restart);
    }
}
