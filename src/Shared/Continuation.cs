// The one place that may: everything else comes here.
#pragma warning disable RS0030

namespace FastChat.Shared;

/// <summary>
/// Where code goes on after a wait, and where work goes that its caller does not do itself. In a process: in the thread pool, wherever there is room. In a simulated world
/// (tests/Simulation, whose processes set the switch <c>FastChat.Simulation</c>): in the <see cref="SynchronizationContext"/> that it came from, which is one of the simulated processes, at a
/// moment that the world's seed decides. Then nothing runs that the world does not know of, and a simulated process that was killed runs nothing any more. Without the switch all of this is a
/// constant that the compiler removes.
/// </summary>
internal static class Continuation
{
    /// <summary>For <c>ConfigureAwait</c>: true in a simulated world.</summary>
    public static bool InContext { get; } = AppContext.TryGetSwitch("FastChat.Simulation", out bool isSimulation) && isSimulation;

    /// <summary>For <c>ConfigureAwait</c> of a task whose failure does not matter.</summary>
    public static ConfigureAwaitOptions SuppressThrowing =>
        ConfigureAwaitOptions.SuppressThrowing | (InContext ? ConfigureAwaitOptions.ContinueOnCapturedContext : ConfigureAwaitOptions.None);

    /// <summary>For a <see cref="TaskCompletionSource"/>: whoever completes it does not run what waits for it.</summary>
    public static TaskCreationOptions Asynchronously => InContext ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously;

    /// <summary>Has somebody else do it, later.</summary>
    public static void Queue(IThreadPoolWorkItem work)
    {
        if (InContext)
        {
            World.Post(static work => ((IThreadPoolWorkItem)work!).Execute(), work);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
        }
    }

    /// <inheritdoc cref="Queue(IThreadPoolWorkItem)"/>
    public static void Queue<TState>(Action<TState> work, TState state)
    {
        if (InContext)
        {
            World.Post(_ => work(state), null);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, state, preferLocal: false);
        }
    }

    /// <summary>Begins it somewhere else; the task is the whole of it.</summary>
    public static Task Run(Func<Task> work) => InContext ? work() : Task.Run(work);

    /// <summary>Cancels; what is registered runs somewhere else.</summary>
    public static Task CancelAsync(CancellationTokenSource source)
    {
        if (!InContext)
        {
            return source.CancelAsync();
        }

        source.Cancel();
        return Task.CompletedTask;
    }

    private static SynchronizationContext World => SynchronizationContext.Current ?? throw new InvalidOperationException("This runs outside of the simulated world.");
}
