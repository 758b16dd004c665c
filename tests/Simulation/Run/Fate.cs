using FastChat.History;

namespace FastChat.Simulation;

/// <summary>Somebody to whom fate may happen: a program on the real client library, on a machine with a link of its own.</summary>
internal interface IResident
{
    /// <summary>The way to the broker.</summary>
    SimulatedLink Link { get; }

    /// <summary>The program that runs, or the last one that did.</summary>
    SimulatedProcess? Process { get; }

    /// <summary>The program dies, as by kill -9.</summary>
    void Kill();

    /// <summary>Starts the program.</summary>
    void Begin();
}

/// <summary>What fate is held to in a world that is not about all of it.</summary>
/// <param name="Names">What may happen.</param>
/// <param name="PauseMin">The shortest pause between two faults that a seed may choose.</param>
internal sealed record FateLimits(IReadOnlyList<string> Names, TimeSpan PauseMin);

/// <summary>
/// What happens to a world: some of the faults, which ones and how often its seed decides (a world with all of them is quieter than one with few, for everything is down most of the time). Each is
/// written into the history. Runs in a process of its own.
/// </summary>
internal sealed class Fate
{
    private readonly SimulatedWorld _world;
    private readonly SimulatedNetwork _network;
    private readonly SimulatedBroker _broker;
    private readonly SimulatedDisk _disk;
    private readonly IReadOnlyList<IResident> _people;
    private readonly HistoryWriter _history;
    private readonly Chance _chance;
    private readonly SimulatedProcess _process;
    private readonly string[] _chosen;
    private readonly TimeSpan _pause;

    public Fate(SimulatedWorld world, SimulatedNetwork network, SimulatedBroker broker, SimulatedDisk disk, IReadOnlyList<IResident> people, HistoryWriter history, FateLimits? limits = null)
    {
        _world = world;
        _network = network;
        _broker = broker;
        _disk = disk;
        _people = people;
        _history = history;
        _chance = world.Chance.Split();
        _process = new SimulatedProcess(world, "fate");
        int share = _chance.Between(1, 3);
        IReadOnlyList<string> names = limits?.Names ?? AllNames;
        string[] chosen = [.. names.Where(_ => _chance.Below(4) < share)];
        _chosen = chosen.Length == 0 ? [_chance.Of(names)] : chosen;
        _pause = _chance.Span(limits?.PauseMin ?? TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(15));
    }

    /// <summary>What may happen.</summary>
    public static IReadOnlyList<string> AllNames { get; } =
        ["kill", "power-cut", "death-in-commit", "store-failure", "drain", "restore", "pause", "slow-disk", "full-disk", "clock", "reset", "silence", "detour", "client-kill"];

    /// <summary>Faults that struck, by name.</summary>
    public SortedDictionary<string, int> Struck { get; } = new(StringComparer.Ordinal);

    /// <summary>True when no further one follows and everything is up and connected again.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Lets it take its course until <paramref name="end"/>, nanoseconds since the beginning.</summary>
    public void Begin(long end) => _process.Begin(() => RunAsync(end));

    private async Task RunAsync(long end)
    {
        while (_world.Now < end)
        {
            await WaitAsync(_pause / 10, _pause * 2);
            await HealBrokerAsync();
            string fault = _chance.Of(_chosen);
            Struck[fault] = Struck.GetValueOrDefault(fault) + 1;
            await StrikeAsync(fault);
        }

        _disk.Arm(DiskFault.None, 0);
        await HealBrokerAsync();
        while (IsSomethingInForce())
        {
            await Task.Delay(TimeSpan.FromSeconds(1), _process.Clock);
        }

        IsOver = true;
    }

    /// <summary>What struck for a while goes on for its while.</summary>
    private bool IsSomethingInForce() =>
        _disk.IsFull || Math.Max(_network.DetourUntil, Math.Max(_disk.IsSlowUntil, Math.Max(_broker.Process!.SleepsUntil, _people.Max(person => person.Process!.SleepsUntil)))) >= _world.Now;


    private Task StrikeAsync(string fault) => fault switch
    {
        "kill" => KillBrokerAsync(),
        "power-cut" => CutPowerAsync(),
        "death-in-commit" => DieInCommitAsync(),
        "store-failure" => FailStoreAsync(),
        "drain" => DrainAsync(),
        "restore" => RestoreAsync(),
        "pause" => PauseAsync(),
        "slow-disk" => SlowDiskAsync(),
        "full-disk" => FillDiskAsync(),
        "clock" => JumpClockAsync(),
        "reset" => ResetAsync(),
        "silence" => SilenceAsync(),
        "detour" => DetourAsync(),
        "client-kill" => KillClientAsync(),
        _ => throw new ArgumentOutOfRangeException(nameof(fault), fault, "no such fault"),
    };

    private Task WaitAsync(TimeSpan shortest, TimeSpan longest) => Task.Delay(_chance.Span(shortest, longest), _process.Clock);

    private void Note(HistoryFault fault) => _history.Write(new HistoryEvent { Op = HistoryOp.Nemesis, Fault = fault });

    /// <summary>Whoever watches over the broker starts it again when it has died or can acknowledge nothing any more.</summary>
    private async Task HealBrokerAsync()
    {
        if (_broker.IsUp && _broker.HasFailed)
        {
            // The kernel may have dropped the pages that it could not write.
            await WaitAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5));
            Note(HistoryFault.Kill);
            _broker.Kill(isPowerCut: true);
            _broker.Boot();
        }
        else if (!_broker.IsUp)
        {
            Note(HistoryFault.Kill);
            _broker.Bury(isPowerCut: _chance.OneIn(2));
        }
        else
        {
            return;
        }

        await StartAsync();
    }

    private async Task StartAsync()
    {
        await WaitAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(3));
        _broker.Start();
        Note(HistoryFault.Restart);
    }

    private async Task KillBrokerAsync()
    {
        Note(HistoryFault.Kill);
        _broker.Kill(isPowerCut: false);
        await StartAsync();
    }

    private async Task CutPowerAsync()
    {
        Note(HistoryFault.Kill);
        _broker.Kill(isPowerCut: true);
        await WaitAsync(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(20));
        _broker.Boot();
        await StartAsync();
    }

    /// <summary>Death at a step of one of the next commits; who watches over the broker finds it dead.</summary>
    private Task DieInCommitAsync()
    {
        _disk.Arm(_chance.Of([DiskFault.DeathBeforeWrite, DiskFault.DeathBeforeSync, DiskFault.DeathAfterSync]), _chance.Between(1, 20));
        return Task.CompletedTask;
    }

    private Task FailStoreAsync()
    {
        _disk.Arm(_chance.Of([DiskFault.WriteError, DiskFault.SyncError]), _chance.Between(1, 20));
        return Task.CompletedTask;
    }

    private async Task DrainAsync()
    {
        Note(HistoryFault.Kill);
        await _broker.DrainAsync(_chance.Span(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(10)));
        await StartAsync();
    }

    /// <summary>An older copy is put in the place of the log: what was acknowledged since may be gone, and everybody is told.</summary>
    private async Task RestoreAsync()
    {
        if (_chance.Below(4) > 0)
        {
            _disk.BackUp();
            return;
        }

        Note(HistoryFault.Kill);
        _broker.Kill(isPowerCut: false);
        if (_disk.TryRestore())
        {
            Note(HistoryFault.Restore);
        }

        await StartAsync();
    }

    private Task PauseAsync()
    {
        Note(HistoryFault.Fault);
        SimulatedProcess process = _chance.OneIn(2) ? _broker.Process! : _chance.Of(_people).Process!;
        process.SleepsUntil = Math.Max(process.SleepsUntil, _world.Now + (_chance.Span(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(60)).Ticks * 100));
        return Task.CompletedTask;
    }

    private Task SlowDiskAsync()
    {
        Note(HistoryFault.Fault);
        _disk.IsSlowUntil = _world.Now + (_chance.Span(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10)).Ticks * 100);
        return Task.CompletedTask;
    }

    /// <summary>Also while it has no room something else may happen.</summary>
    private Task FillDiskAsync()
    {
        Note(HistoryFault.Fault);
        _disk.IsFull = true;
        long end = _world.Now + (_chance.Span(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30)).Ticks * 100);
        _world.Schedule(_process, end, _ => _disk.IsFull = false, null);
        return Task.CompletedTask;
    }

    /// <summary>The broker's time of day is wrong, from now on, by seconds or by years.</summary>
    private Task JumpClockAsync()
    {
        Note(HistoryFault.Fault);
        TimeSpan error = _chance.Span(TimeSpan.FromSeconds(1), TimeSpan.FromDays(400));
        _broker.ClockError = _chance.OneIn(3) ? TimeSpan.Zero : _chance.OneIn(2) ? error : -error;
        return Task.CompletedTask;
    }

    private Task ResetAsync()
    {
        Note(HistoryFault.Fault);
        SimulatedConnection[] connections = [.. _network.Connections];
        int share = _chance.OneIn(4) ? 1 : 3;
        foreach (SimulatedConnection connection in connections.Where(_ => _chance.OneIn(share)))
        {
            connection.Reset();
        }

        return Task.CompletedTask;
    }

    /// <summary>One direction of a link, or both, lets nothing pass for a while; long enough, and both sides give the connection up.</summary>
    private async Task SilenceAsync()
    {
        Note(HistoryFault.Fault);
        IResident person = _chance.Of(_people);
        int which = _chance.Below(3);
        person.Link.SetSilent(toBroker: true, isSilent: which != 0);
        person.Link.SetSilent(toBroker: false, isSilent: which != 1);
        await WaitAsync(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(200));
        _network.Wires.Post(() =>
        {
            person.Link.SetSilent(toBroker: true, isSilent: false);
            person.Link.SetSilent(toBroker: false, isSilent: false);
        });
    }

    /// <summary>
    /// Some connections' packets take a way that stands still for a while: the client may give them up and come back on a better one, and what it had sent comes all the same, much later.
    /// </summary>
    private Task DetourAsync()
    {
        Note(HistoryFault.Fault);
        long end = _world.Now + (_chance.Span(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(100)).Ticks * 100);
        _network.DetourUntil = end;
        foreach (SimulatedConnection connection in _network.Connections.Where(_ => _chance.OneIn(2)).ToArray())
        {
            connection.HoldToBroker(end);
        }

        return Task.CompletedTask;
    }

    private async Task KillClientAsync()
    {
        Note(HistoryFault.Fault);
        IResident person = _chance.Of(_people);
        person.Kill();
        await WaitAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(5));
        person.Begin();
    }
}
