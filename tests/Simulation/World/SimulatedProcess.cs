namespace FastChat.Simulation;

/// <summary>
/// One process of the world: a broker from a start to its end, a client's program, the wires. Everything that it awaits goes on in it, through its <see cref="SynchronizationContext"/>; once it is
/// dead nothing of it runs any more, wherever it was.
/// </summary>
internal sealed class SimulatedProcess
{
    private readonly SimulatedWorld _world;

    public SimulatedProcess(SimulatedWorld world, string name)
    {
        _world = world;
        Name = name;
        Number = world.Processes++;
        Clock = new SimulatedClock(world, this);
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>Processes are numbered from 0.</summary>
    public int Number { get; }

    /// <summary>False once it was killed.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Stopped, as by SIGSTOP: nothing of it runs before this time.</summary>
    public long SleepsUntil { get; set; }

    /// <summary>Its clock.</summary>
    public SimulatedClock Clock { get; }

    /// <summary>Ends it, as kill -9 does. If it is the one that runs, the rest of its piece of work follows; what that touches of the world must know that its owner is dead.</summary>
    public void Kill() => IsAlive = false;

    /// <summary>Has it do something.</summary>
    public void Post(Action work) => _world.Post(this, static work => ((Action)work!)(), work);

    /// <summary>Begins something in it that may take long; what it throws is a defect.</summary>
    public void Begin(Func<Task> work) => Post(() => _ = WatchAsync(work));

    /// <summary>Runs a piece of work as this process. The world, and who makes it.</summary>
    public void Run(SendOrPostCallback work, object? state)
    {
        SynchronizationContext? before = SynchronizationContext.Current;

        // A context of its own for each piece: what waits for something never goes on inside the piece that completes it, but in a turn of its own.
        SynchronizationContext.SetSynchronizationContext(new Turns(_world, this));
        try
        {
            work(state);
        }
        catch (SimulatedDeathException) when (!IsAlive)
        {
            // It died in the middle of it.
        }
        catch (Exception defect)
        {
            Report(defect);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private async Task WatchAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (SimulatedDeathException) when (!IsAlive)
        {
            // As above.
        }
        catch (Exception defect)
        {
            Report(defect);
        }
    }

    private void Report(Exception defect)
    {
        if (IsAlive)
        {
            _world.Defects.Add($"{Name}: {defect}");
        }
    }

    private sealed class Turns(SimulatedWorld world, SimulatedProcess process) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => world.Post(process, d, state);

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("Nobody waits for another's turn in a simulated world.");

        public override SynchronizationContext CreateCopy() => this;
    }
}

/// <summary>Thrown where a process has just died, so that nothing behind that place happens.</summary>
internal sealed class SimulatedDeathException : Exception
{
    public SimulatedDeathException()
        : base("the simulated process is dead")
    {
    }
}
