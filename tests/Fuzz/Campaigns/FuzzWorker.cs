using System.Diagnostics;

namespace FastChat.Fuzz;

/// <summary>
/// Runs blocks of inputs on one thread and measures each run. The campaign's thread looks at <see cref="RunningFor"/>: a run that never ends cannot be ended from outside, so its worker is given up with
/// everything in it, and the process goes on to say so.
/// </summary>
internal sealed class FuzzWorker(TargetCampaign campaign, IFuzzTarget target, byte[][] corpus)
{
    private const int FindSizeMax = 512;
    private const int FindsMax = 24;

    private readonly InputSequence _sequence = new(target, corpus, campaign.Settings.Seed);
    private readonly HashSet<ulong> _ofCorpus = [];
    private readonly HashSet<string> _signatures = new(StringComparer.Ordinal);
    private long _runBegan;
    private long _inputs;

    public TargetResult Result { get; } = new(target.Name);

    public long Inputs => Volatile.Read(ref _inputs);

    /// <summary>How long the present run has been going on; zero between runs. Any thread.</summary>
    public TimeSpan RunningFor => Volatile.Read(ref _runBegan) is var began && began != 0 ? Stopwatch.GetElapsedTime(began) : TimeSpan.Zero;

    /// <summary>The input that hangs. Only while a run is going on, because then nobody changes it.</summary>
    public Violation DescribeHang(TimeSpan time) => new(
        target.Name, campaign.Settings.Seed, _sequence.Number, "hang", $"a run takes more than {time.TotalSeconds:F1} s", _sequence.Input.ToArray());

    /// <summary>Runs blocks until there are none left.</summary>
    public void Run()
    {
        while (campaign.TryTakeBlock(out long first, out long end))
        {
            _sequence.Begin(first / target.BlockSize);
            for (long number = first; number < end && !campaign.IsOver(number); number++)
            {
                _sequence.Next();
                RunOnce(isFirstBlock: first == 0 && number < corpus.Length);
            }
        }

        Result.Inputs = _inputs;
        target.Dispose();
    }

    private void RunOnce(bool isFirstBlock)
    {
        Exception? failure = Measure(out ulong outcome, out long allocated);
        if (failure is null && allocated > target.AllocationCap(_sequence.Input.Length))
        {
            // The first run through a path may build what stays: tables, delegates, the compiler's own caches. What a second one still needs is the input's.
            failure = Measure(out outcome, out allocated);
            if (failure is null && allocated > target.AllocationCap(_sequence.Input.Length))
            {
                Report("allocation", $"{allocated} bytes allocated, the cap for {_sequence.Input.Length} is {target.AllocationCap(_sequence.Input.Length)}", "allocation");
            }
        }

        Volatile.Write(ref _inputs, _inputs + 1);
        if (failure is not null)
        {
            (string kind, string message) = Violation.Describe(failure);
            Report(kind, message, Violation.SignatureOf(failure));
            return;
        }

        Result.AllocatedMax = Math.Max(Result.AllocatedMax, allocated);
        if (_sequence.Learn(outcome) && Result.Outcomes.Add(outcome))
        {
            Keep(outcome, isFirstBlock);
        }
    }

    private Exception? Measure(out ulong outcome, out long allocated)
    {
        outcome = 0;
        Exception? failure = null;
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        long began = Stopwatch.GetTimestamp();
        Volatile.Write(ref _runBegan, began);
        try
        {
            outcome = target.Run(_sequence.Input);
        }
        catch (Exception thrown)
        {
            failure = thrown;
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        Volatile.Write(ref _runBegan, 0);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        if (elapsed > Result.Slowest)
        {
            Result.Slowest = elapsed;
            Result.SlowestNumber = _sequence.Number;
        }

        return failure;
    }

    private void Keep(ulong outcome, bool isFirstBlock)
    {
        if (isFirstBlock)
        {
            _ofCorpus.Add(outcome);
        }
        else if (campaign.Settings.KeepsFinds && !_ofCorpus.Contains(outcome) && _sequence.Input.Length <= FindSizeMax && Result.Finds.Count < FindsMax)
        {
            Result.Finds[outcome] = _sequence.Input.ToArray();
        }
    }

    private void Report(string kind, string message, string signature)
    {
        Result.FailedInputs++;
        if (_signatures.Add(signature))
        {
            campaign.Report(new Violation(target.Name, campaign.Settings.Seed, _sequence.Number, kind, message, _sequence.Input.ToArray()), signature);
        }
    }
}
