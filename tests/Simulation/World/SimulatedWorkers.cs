using FastChat.Storage;

namespace FastChat.Simulation;

/// <summary>
/// The threads of a simulated broker: each does what is there when it was woken and its turn has come, up to where it would sleep. A lost wake-up stays lost, for here nobody looks again after fifty
/// milliseconds.
/// </summary>
/// <param name="pause">What passes from a wake-up to the work: for the committer the time that the disk takes.</param>
/// <param name="isLost">A wake-up that comes to nothing: never, but for sabotage.</param>
internal sealed class SimulatedWorkers(SimulatedWorld world, SimulatedProcess process, Func<string, TimeSpan> pause, Func<bool> isLost) : Workers
{
    private readonly List<SimulatedWorker> _all = [];

    /// <inheritdoc/>
    public override IWorker Add(string name, IWork work)
    {
        SimulatedWorker worker = new(this, name, work);
        _all.Add(worker);
        return worker;
    }

    private bool IsLost => isLost();

    /// <summary>Lets everybody finish: who waits for one of them waits for what that one waits for.</summary>
    private void FinishAll()
    {
        while (process.IsAlive && _all.Find(worker => worker.IsAwake) is { } awake)
        {
            awake.Work();
        }
    }

    private sealed class SimulatedWorker(SimulatedWorkers workers, string name, IWork work) : IWorker
    {
        public bool IsAwake { get; private set; }

        public bool IsHere { get; private set; }

        public void Start() => Wake();

        public void Wake()
        {
            if (!IsAwake && !workers.IsLost)
            {
                IsAwake = true;
                workers.Schedule(name, this);
            }
        }

        public void Sleep(TimeSpan max) => throw new InvalidOperationException($"{name} sleeps in the middle of its work.");

        public void Join() => workers.FinishAll();

        public void Work()
        {
            if (IsAwake)
            {
                IsAwake = false;
                IsHere = true;
                TimeSpan again = Timeout.InfiniteTimeSpan;
                try
                {
                    again = work.RunOnce();
                }
                finally
                {
                    IsHere = false;
                }

                if (again != Timeout.InfiniteTimeSpan)
                {
                    workers.WakeAfter(again, this);
                }
            }
        }
    }

    private void WakeAfter(TimeSpan time, SimulatedWorker worker) => world.Schedule(process, world.Now + (time.Ticks * 100), static worker => ((SimulatedWorker)worker!).Wake(), worker);

    private void Schedule(string name, SimulatedWorker worker) =>
        world.Schedule(process, world.Now + (pause(name).Ticks * 100), static worker => ((SimulatedWorker)worker!).Work(), worker);
}
