using System.Diagnostics.CodeAnalysis;

namespace FastChat.Storage;

/// <summary>
/// Gives work that sleeps and is woken somewhere to run. In a process each has a thread of its own (<see cref="Threads"/>). A simulated world runs all of it on one thread, up to the next sleep at a
/// time, at moments that a seed decides: so the same orderings, and the same defects, come back with the same seed.
/// </summary>
public abstract class Workers
{
    /// <summary>A thread for each.</summary>
    public static Workers Threads { get; } = new ThreadPerWorker();

    /// <summary>Takes work in; it begins with <see cref="IWorker.Start"/>.</summary>
    public abstract IWorker Add(string name, IWork work);

    private sealed class ThreadPerWorker : Workers
    {
        public override IWorker Add(string name, IWork work) => new ThreadWorker(name, work);
    }

    [SuppressMessage("Reliability", "CA1001", Justification = "Whoever found the worker asleep may be about to set the event, while the worker woke by itself and ended: it is left to its finalizer.")]
    private sealed class ThreadWorker : IWorker
    {
        private readonly AutoResetEvent _wake = new(initialState: false);
        private readonly Thread _thread;

        public ThreadWorker(string name, IWork work) => _thread = new Thread(work.Run) { Name = name, IsBackground = true };

        public bool IsHere => Thread.CurrentThread == _thread;

        public void Start() => _thread.Start();

        public void Wake() => _wake.Set();

        public void Sleep(TimeSpan max) => _wake.WaitOne(max);

        public void Join()
        {
            if (_thread.IsAlive)
            {
                _thread.Join();
            }
        }
    }
}

/// <summary>Work for a worker. One thread at a time runs it.</summary>
public interface IWork
{
    /// <summary>From the beginning to the end, sleeping by <see cref="IWorker.Sleep"/> when there is nothing to do.</summary>
    void Run();

    /// <summary>What <see cref="Run"/> does between two sleeps; returns the time after which it wants to go on even if nobody wakes it.</summary>
    TimeSpan RunOnce();
}

/// <summary>Somebody who does it.</summary>
public interface IWorker
{
    /// <summary>True on the thread that runs the work.</summary>
    bool IsHere { get; }

    /// <summary>Begins. Once.</summary>
    void Start();

    /// <summary>Ends the sleep under way, or the next one at once. Any thread; a system call.</summary>
    void Wake();

    /// <summary>Sleeps until it is woken, at most for <paramref name="max"/>. From <see cref="IWork.Run"/> only.</summary>
    void Sleep(TimeSpan max);

    /// <summary>Returns when the work has come to its end, which its owner has asked it to.</summary>
    void Join();
}
