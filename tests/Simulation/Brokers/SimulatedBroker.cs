using FastChat.Broker.Hosting;
using FastChat.Broker.Identity;

using Microsoft.Extensions.Logging;

namespace FastChat.Simulation;

/// <summary>
/// The broker's machine: starts the real parts of a broker in a process of their own, over the simulated disk and network, and ends them in whichever way. Called from outside of the broker's process.
/// </summary>
internal sealed class SimulatedBroker(SimulatedWorld world, SimulatedNetwork network, SimulatedDisk disk, BrokerOptions options, Sabotage sabotage)
{
    private readonly Chance _chance = world.Chance.Split();
    private readonly int _commitHereMax = world.Chance.OneIn(2) ? 0 : 64;
    private BrokerParts? _parts;

    /// <summary>The process that runs, or the last one that did.</summary>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>True while it runs, or is about to.</summary>
    public bool IsUp => Process is { IsAlive: true } && _parts is not null;

    /// <summary>True when its store has failed: only a restart helps.</summary>
    public bool HasFailed => _parts?.Failure is not null;

    /// <summary>How wrong its time of day is, now and after restarts.</summary>
    public TimeSpan ClockError
    {
        get;
        set
        {
            field = value;
            Process?.Clock.Error = value;
        }
    }

    /// <summary>Starts a process over what the disk has.</summary>
    public void Start()
    {
        SimulatedProcess process = new(world, $"broker-{world.Processes}");
        process.Clock.Error = ClockError;
        Process = process;
        process.Run(
            _ =>
            {
                Surroundings surroundings = new()
                {
                    Clock = process.Clock,
                    CommitHereMax = _commitHereMax,
                    Random = new RandomSource(_chance.Fill),
                    Workers = new SimulatedWorkers(world, process, PauseOf, sabotage == Sabotage.LostWakeUp ? () => _chance.OneIn(200) : static () => false),
                };
                JournaledLog log = disk.Open(process);
                BrokerParts parts = BrokerParts.Over(sabotage == Sabotage.LowHead ? new LowHeads(log, _chance) : log, options, new DefectLog(world, process), surroundings);
                _parts = parts;
                network.Listen(process, (remote, pipe, abort) => _ = parts.Connections.RunAsync(remote, pipe, abort));
            },
            null);
    }

    /// <summary>Ends the process at once.</summary>
    /// <param name="isPowerCut">The machine goes with it: the clients are told when it is back, and the page cache is not.</param>
    public void Kill(bool isPowerCut)
    {
        Process!.Kill();
        CleanUp(isPowerCut);
        if (!isPowerCut)
        {
            network.ResetAll(Process);
        }
    }

    /// <summary>After <see cref="Kill"/> with a power cut: the machine is back and knows nothing of the connections that it had.</summary>
    public void Boot() => network.ResetAll(Process!);

    /// <summary>As on SIGTERM: answers what was accepted, tells everybody, ends. The broker's own process runs it.</summary>
    public async Task DrainAsync(TimeSpan timeout)
    {
        SimulatedProcess process = Process!;
        BrokerParts parts = _parts!;
        network.StopListening();
        TaskCompletionSource drained = new();
        process.Begin(async () =>
        {
            await parts.Connections.CloseAllAsync(CloseCode.Draining, "simulated drain", 0, timeout);
            await parts.DisposeAsync();
            drained.SetResult();
        });

        // It may be killed, or its store may fail, in the middle of it: whoever waits for a process waits for its end.
        while (process.IsAlive && !drained.Task.IsCompleted)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), network.Wires.Clock);
        }

        bool isDead = !process.IsAlive;
        process.Kill();
        if (isDead)
        {
            CleanUp(isPowerCut: false);
        }
        else
        {
            _parts = null;
            disk.Unmount(isPowerCut: false);
        }

        network.ResetAll(process);
    }

    /// <summary>The process died by itself: what is left of it goes, and the medium is as it is.</summary>
    public void Bury(bool isPowerCut)
    {
        CleanUp(isPowerCut);
        network.ResetAll(Process!);
    }

    private TimeSpan PauseOf(string worker) => worker == "fastchat-commit" ? disk.TimeOfSync() : _chance.Span(TimeSpan.FromTicks(1), TimeSpan.FromMicroseconds(100));

    private void CleanUp(bool isPowerCut)
    {
        network.StopListening();

        // Nothing of it runs any more; its meters and timers go.
        BrokerParts? parts = _parts;
        _parts = null;
        disk.Unmount(isPowerCut);
        Process!.Run(_ => parts?.DisposeAsync().AsTask().GetAwaiter().GetResult(), null);
    }

    /// <summary>What the broker calls its own defects must not happen in any world.</summary>
    private sealed class DefectLog(SimulatedWorld world, SimulatedProcess process) : ILogger
    {
        private const int StoreFailed = 1020;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (process.IsAlive && eventId.Id != StoreFailed && logLevel >= LogLevel.Warning)
            {
                world.Defects.Add($"{process.Name} at {world.Now} ns, event {eventId.Id}: {formatter(state, exception)} {exception}");
            }
        }
    }
}
