using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

using FastChat.Campaigns;

namespace FastChat.Simulation;

/// <summary>
/// Many worlds, several at a time, each on a thread of its own. What they found is written down block by block, so that an interrupted run goes on; a failed world is run once more and its history
/// kept.
/// </summary>
internal sealed class SimulationCampaign(SimulationOptions options, TextWriter progress)
{
    private const int FailuresShownMax = 10;

    private readonly Lock _lock = new();
    private readonly Evidence _evidence = options.Town is null ? new Evidence(Evidence.OfWorlds, 200) : new Evidence(TownEvidence.Expected, 1);
    private readonly List<SeedResult> _failed = [];
    private CampaignResult _result = new() { Campaign = options.Campaign, Seed = options.Seed, Acked = 0, Lost = 0 };
    private double _simulatedSeconds;
    private ulong _digest;
    private int _next;

    /// <summary>Behind each block what was found is written down: a town takes longer than hundreds of small worlds.</summary>
    private int WorldsInBlock => options.Town is null ? 200 : options.Threads;

    private string StatePath => Path.Combine(options.WorkDirectory, "state.json");

    /// <summary>What the worlds have shown.</summary>
    public Evidence Evidence => _evidence;

    /// <summary>Runs it, or goes on with it.</summary>
    public SimulationResult Run(CancellationToken cancellation)
    {
        long begun = Stopwatch.GetTimestamp();
        progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{options.Campaign}: seed {options.Seed}, {options.Cycles} worlds, {options.Threads} at a time"));
        double before = Load();
        while (_result.Cycles < options.Cycles && _failed.Count == 0 && !(Stopwatch.GetElapsedTime(begun) > options.Limit))
        {
            cancellation.ThrowIfCancellationRequested();
            int first = (int)_result.Cycles;
            int end = Math.Min(options.Cycles, first + WorldsInBlock);
            _next = first;
            Thread[] threads = [.. Enumerable.Range(0, options.Threads).Select(_ => new Thread(() => RunUntil(end)) { Name = "world" })];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            _result = _result with { Cycles = end, Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds };
            Save();
            progress.WriteLine(Result().ToJson());
        }

        KeepFailed();
        if (_result.IsClean && Directory.Exists(options.WorkDirectory))
        {
            Directory.Delete(options.WorkDirectory, recursive: true);
        }

        return Result();
    }

    private SimulationResult Result() => new(_result, Math.Round(_simulatedSeconds / Math.Max(_result.Seconds, 0.001)), _digest.ToString("x16", CultureInfo.InvariantCulture));

    private void RunUntil(int end)
    {
        for (int number; (number = Interlocked.Increment(ref _next) - 1) < end;)
        {
            SeedResult seed = RunOne(options.Seed + (ulong)number);
            lock (_lock)
            {
                _evidence.Add(seed);
                _simulatedSeconds += seed.SimulatedSeconds;

                // A sum has no order, and neither have the threads.
                _digest += seed.Digest;
                CampaignResult all = _result.Plus(seed.Report);
                _result = all with { Acked = all.Acked + seed.Acknowledged, Violations = all.Violations + seed.Defects.Count };
                if (!seed.IsClean)
                {
                    _failed.Add(seed);
                }
            }
        }
    }

    private SeedResult RunOne(ulong seed, string? path = null) =>
        options.Town is { } size ? TownRun.Run(seed, size, options.Sabotage, path) : SeedRun.Run(seed, options.Sabotage, path);

    private void KeepFailed()
    {
        foreach (SeedResult failed in _failed.OrderBy(failed => failed.Seed).Take(FailuresShownMax))
        {
            string path = Path.Combine(options.WorkDirectory, string.Create(CultureInfo.InvariantCulture, $"world-{failed.Seed}.history"));
            Directory.CreateDirectory(options.WorkDirectory);
            SeedResult again = RunOne(failed.Seed, path);
            progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"world {failed.Seed} ({string.Join(", ", failed.Faults.Keys)}), {path}: again with --seed {failed.Seed} --cycles 1"));
            if (again.Digest != failed.Digest)
            {
                progress.WriteLine("  it was another one the second time: something in it does not come from the seed");
            }

            foreach (string line in failed.Defects.Concat(failed.Report.Details.Select(violation => violation.ToString())).Take(FailuresShownMax))
            {
                progress.WriteLine($"  {line}");
            }
        }
    }

    private double Load()
    {
        if (File.Exists(StatePath) && JsonSerializer.Deserialize<State>(File.ReadAllText(StatePath)) is { } state && state.Result.IsClean)
        {
            (_result, _simulatedSeconds, _digest) = (state.Result, state.SimulatedSeconds, state.Digest);
            progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{options.Campaign}: goes on behind world {_result.Cycles}"));
        }

        return _result.Seconds;
    }

    private void Save()
    {
        Directory.CreateDirectory(options.WorkDirectory);
        File.WriteAllText(StatePath + ".new", JsonSerializer.Serialize(new State(_result, _simulatedSeconds, _digest)));
        File.Move(StatePath + ".new", StatePath, overwrite: true);
    }

    private sealed record State(CampaignResult Result, double SimulatedSeconds, ulong Digest);
}

/// <summary>What a run found: the last line of its output.</summary>
/// <param name="Result">As every campaign has it.</param>
/// <param name="Speed">Virtual seconds in a real one, over all threads.</param>
/// <param name="Digest">A number for everything that happened in all worlds: the same in every process.</param>
internal sealed record SimulationResult(CampaignResult Result, double Speed, string Digest)
{
    /// <summary>True when nothing is wrong.</summary>
    public bool IsClean => Result.IsClean;

    /// <summary>One line.</summary>
    public string ToJson() => string.Create(
        CultureInfo.InvariantCulture, $"{Result.ToJson().TrimEnd('}')},\"simulated_seconds_per_second\":{Speed},\"digest\":\"{Digest}\"}}");
}
