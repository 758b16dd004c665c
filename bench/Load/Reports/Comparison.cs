using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Engine;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Scenarios;

namespace FastChat.Bench.Load.Reports;

/// <summary>
/// Runs systems in turn, A B A B …, each run on a fresh server with a fresh directory, so that a machine whose speed drifts does so for all of them. Ratios are taken pair by pair
/// within a turn; the medians are reported.
/// </summary>
/// <param name="scenario">The work.</param>
/// <param name="settings">Its shape.</param>
/// <param name="systems">Who does it, in this order.</param>
/// <param name="runs">Turns.</param>
/// <param name="workDirectory">Where the servers' data lies meanwhile.</param>
/// <param name="progress">Gets a line for each run.</param>
/// <param name="isTerminal">Whether a person looks at it, who is told how each run goes on.</param>
internal sealed class Comparison(
    IScenario scenario, RunSettings settings, IReadOnlyList<string> systems, int runs, string workDirectory, TextWriter progress, bool isTerminal = false)
{
    private readonly Dictionary<string, List<ResultRow>> _rows = systems.ToDictionary(name => name, _ => new List<ResultRow>());

    /// <summary>Median row of each system, in the order asked for.</summary>
    public IReadOnlyList<ResultRow> Results => systems.Where(name => _rows[name].Count > 0).Select(name => MedianRow(_rows[name])).ToArray();

    /// <summary>Every row of every run.</summary>
    public IReadOnlyDictionary<string, List<ResultRow>> Rows => _rows;

    /// <summary>For each other system, the median over the turns of the first system's rate by the other's, or, where neither has a rate, of the sessions that the same memory holds; a system without either is not there.</summary>
    public IReadOnlyDictionary<string, double> Ratios => systems.Skip(1)
        .Select(name => (Name: name, Ratio: Median(_rows[systems[0]].Zip(_rows[name]).Select(pair => Ratio(pair.First, pair.Second)).Where(ratio => ratio is { } value && double.IsFinite(value)))))
        .Where(pair => pair.Ratio.HasValue)
        .ToDictionary(pair => pair.Name, pair => pair.Ratio!.Value);

    /// <summary>Makes all runs. When it is cancelled, the server of the run under way is stopped and its directory removed before it throws.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        for (int run = 0; run < runs; run++)
        {
            foreach (string name in systems)
            {
                cancellation.ThrowIfCancellationRequested();
                ResultRow row = await RunOnceAsync(name, run, cancellation).ConfigureAwait(true);
                _rows[name].Add(row);
                progress.WriteLine($"{run + 1}/{runs}  {RowText.Of(row)}");
            }
        }
    }

    private async Task<ResultRow> RunOnceAsync(string name, int run, CancellationToken cancellation)
    {
        string directory = Path.Combine(workDirectory, $"{name}-{run}");
        Directory.CreateDirectory(directory);
        SystemUnderTest system = SystemCatalog.Make(name)!;
        string? history = system.IsRecordable ? HistoryOf(run) : null;
        string what = $"{settings.Scenario.ToString().ToLowerInvariant()}  {name}  run {run + 1}/{runs}";
        using LiveLine line = new(progress, isTerminal, what, () => Console.WindowWidth);
        try
        {
            string[] prefix = settings.Pin ? ["taskset", "-c", "0"] : [];
            WorkPlan plan = scenario.Plan(settings);
            await system.StartAsync(new SystemSettings(directory, settings.Transport, prefix) { HistoryFile = history }, plan, cancellation).ConfigureAwait(false);
            await system.PrepareAsync(plan, cancellation).WaitAsync(cancellation).ConfigureAwait(false);
            FlushCounter flushes = new(directory);

            // The generator's processor time is its thread's: everything measured happens on one thread of its own. Who interrupts does not wait for it: it loses its server and then the process.
            TaskCompletionSource<ResultRow> done = new();
            Thread generator = new(() => Generate(system, flushes, done)) { Name = "generator", IsBackground = true };
            generator.Start();
            ResultRow row = await done.Task.WaitAsync(cancellation).ConfigureAwait(false);
            return history is null ? row : await EndHistoryAsync(system, row, history, cancellation).ConfigureAwait(false);
        }
        finally
        {
            RunGauge.Clear();
            await system.DisposeAsync().ConfigureAwait(false);
            Directory.Delete(directory, recursive: true);
        }
    }

    // Every run has a new store, and histories of two stores contradict one another.
    private string? HistoryOf(int run) =>
        settings.History is { } file && runs > 1 ? string.Create(CultureInfo.InvariantCulture, $"{file}.{run + 1}") : settings.History;

    private static async Task<ResultRow> EndHistoryAsync(SystemUnderTest system, ResultRow row, string file, CancellationToken cancellation)
    {
        string? what = await system.EndHistoryAsync(cancellation).ConfigureAwait(false);
        await Console.Error.WriteLineAsync($"     history: {what}; ./fastchat check-history {file}").ConfigureAwait(false);
        const string slower = "recorded: no figures to compare";
        return row with { Note = row.Note.Length == 0 ? slower : $"{row.Note}; {slower}" };
    }

    private void Generate(SystemUnderTest system, FlushCounter flushes, TaskCompletionSource<ResultRow> done)
    {
        try
        {
            Libc.WaitPrecisely();
            if (settings.Pin)
            {
                Libc.PinThread(1);
            }

            done.SetResult(scenario.Run(system, settings, flushes));
        }
        catch (Exception failure)
        {
            done.SetException(failure);
        }
    }

    private static ResultRow MedianRow(List<ResultRow> rows)
    {
        double? Of(Func<ResultRow, double?> figure) => Median(rows.Select(figure));
        return rows[^1] with
        {
            Rate = Of(row => row.Rate),
            P50Us = Of(row => row.P50Us),
            P99Us = Of(row => row.P99Us),
            P999Us = Of(row => row.P999Us),
            P9999Us = Of(row => row.P9999Us),
            FdatasyncP50Us = Of(row => row.FdatasyncP50Us),
            FdatasyncP99Us = Of(row => row.FdatasyncP99Us),
            CpuUsPerOp = Of(row => row.CpuUsPerOp),
            CpuPercent = Of(row => row.CpuPercent),
            RssKbPerSession = Of(row => row.RssKbPerSession),
            FlushesPerAck = Of(row => row.FlushesPerAck),
            Resumed99S = Of(row => row.Resumed99S),
            MbPerS = Of(row => row.MbPerS),
            OneReaderRate = Of(row => row.OneReaderRate),
            LiveP99Ratio = Of(row => row.LiveP99Ratio),
            FlushRate = Of(row => row.FlushRate),
            GrowthRatio = Of(row => row.GrowthRatio),
            StormFrames = Of(row => row.StormFrames),
            PresenceBytesPerS = Of(row => row.PresenceBytesPerS),
            ConnectionBytesPerS = Of(row => row.ConnectionBytesPerS),
            BurstS = Of(row => row.BurstS),
            KnownP50Us = Of(row => row.KnownP50Us),
            WholeListP50Us = Of(row => row.WholeListP50Us),
            ColdUs = Of(row => row.ColdUs),
            AckRatio = Of(row => row.AckRatio),
            CpuRatio = Of(row => row.CpuRatio),
            RateRatio = Of(row => row.RateRatio),
            BytesPerQuiet = Of(row => row.BytesPerQuiet),
            BytesPerOnceActive = Of(row => row.BytesPerOnceActive),
            Headroom = Of(row => row.Headroom),
            Broken = [.. rows.SelectMany(row => row.Broken ?? []).Distinct()],
            Errors = rows.Sum(row => row.Errors),
            Note = string.Join("; ", rows.Select(row => row.Note).Where(note => note.Length > 0).Distinct()),
        };
    }

    private static double? Ratio(ResultRow first, ResultRow second) =>
        first.Rate is null && second.Rate is null ? second.RssKbPerSession / first.RssKbPerSession : first.Rate / second.Rate;

    private static double? Median(IEnumerable<double?> values)
    {
        double[] sorted = values.Where(value => value.HasValue).Select(value => value!.Value).Order().ToArray();
        return sorted.Length == 0 ? null : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
