using System.Diagnostics;

namespace FastChat.Fuzz;

/// <summary>All inputs of one target: hands out blocks to workers, watches for runs that do not end, and puts the results together.</summary>
internal sealed class TargetCampaign(Func<IFuzzTarget> makeTarget, FuzzSettings settings)
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(50);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Violation> _violations = new(StringComparer.Ordinal);
    private readonly long _began = Stopwatch.GetTimestamp();
    private long _nextBlock;
    private long _blockSize;
    private volatile bool _isOver;

    public FuzzSettings Settings { get; } = settings;

    /// <summary>Runs to the end.</summary>
    public TargetResult Run()
    {
        List<FuzzWorker> workers = [];
        List<Thread> threads = [];
        TargetResult? result = null;
        for (int i = 0; i < Settings.Threads; i++)
        {
            IFuzzTarget target = makeTarget();
            result ??= new TargetResult(target.Name);
            _blockSize = target.BlockSize;
            FuzzWorker worker = new(this, target, Corpus.Load(target));
            workers.Add(worker);

            // In the background: the process must be able to end while one of them hangs.
            threads.Add(new Thread(worker.Run) { IsBackground = true, Name = $"fuzz-{target.Name}-{i}" });
        }

        threads.ForEach(thread => thread.Start());
        for (int i = 0; i < threads.Count; i++)
        {
            while (!threads[i].Join(WatchInterval))
            {
                Watch(result!.Name, workers);
                if (workers[i].RunningFor > Settings.HangAfter)
                {
                    break;
                }
            }
        }

        return Merge(result!, workers);
    }

    /// <summary>The next block, if there is one: numbers from <paramref name="first"/> to <paramref name="end"/> − 1.</summary>
    public bool TryTakeBlock(out long first, out long end)
    {
        first = (Interlocked.Increment(ref _nextBlock) - 1) * _blockSize;
        end = Math.Min(first + _blockSize, Settings.Inputs);
        return first < Settings.Inputs && !IsOver(0);
    }

    /// <summary>True when no further input is to be run.</summary>
    public bool IsOver(long number)
    {
        // The clock is asked seldom; a target that is slow enough to mind has small numbers.
        if (Settings.TimeMax is { } max && (number & 63) == 0 && Stopwatch.GetElapsedTime(_began) > max)
        {
            _isOver = true;
        }

        return _isOver;
    }

    /// <summary>Takes note of a violation that looks like no other; what has failed in too many ways is not run any further. Any thread.</summary>
    public void Report(Violation violation, string signature)
    {
        lock (_lock)
        {
            _violations.TryAdd(signature, violation);
            _isOver |= _violations.Count >= Settings.ViolationsMax;
        }
    }

    private void Watch(string name, List<FuzzWorker> workers)
    {
        Settings.Progress?.Invoke(name, workers.Sum(worker => worker.Inputs));
        foreach (FuzzWorker worker in workers)
        {
            if (worker.RunningFor is var time && time > Settings.HangAfter)
            {
                _isOver = true;
                Report(worker.DescribeHang(Settings.HangAfter), "hang");
            }
        }
    }

    private TargetResult Merge(TargetResult result, List<FuzzWorker> workers)
    {
        result.Elapsed = Stopwatch.GetElapsedTime(_began);
        foreach (FuzzWorker worker in workers)
        {
            // Of a worker that hangs only what others may read at any time.
            result.Inputs += worker.Inputs;
            if (worker.RunningFor == TimeSpan.Zero)
            {
                Add(result, worker.Result);
            }
        }

        lock (_lock)
        {
            // Numbers, not moments: of many workers, chance decides which one comes first.
            result.Violations.AddRange(_violations.Values.OrderBy(violation => violation.Number));
        }

        result.FailedInputs = Math.Max(result.FailedInputs, result.Violations.Count);
        return result;
    }

    private static void Add(TargetResult sum, TargetResult part)
    {
        sum.Outcomes.UnionWith(part.Outcomes);
        sum.AllocatedMax = Math.Max(sum.AllocatedMax, part.AllocatedMax);
        sum.FailedInputs += part.FailedInputs;
        if (part.Slowest > sum.Slowest)
        {
            sum.Slowest = part.Slowest;
            sum.SlowestNumber = part.SlowestNumber;
        }

        foreach ((ulong outcome, byte[] input) in part.Finds)
        {
            sum.Finds.TryAdd(outcome, input);
        }
    }
}
