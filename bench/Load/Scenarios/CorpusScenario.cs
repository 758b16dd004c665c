using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Real chat logs, a conversation each, replayed as fast as the windows allow; then every conversation is read from its beginning through a fresh connection and compared with its log. Whatever was
/// lost, is there twice or is out of order is printed and counts as an error.
/// </summary>
internal sealed class CorpusScenario : IScenario
{
    private const double PatienceSeconds = 60;

    private string? _directory;
    private CorpusLogs? _corpus;

    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Connections = settings.Connections > 0 ? settings.Connections : 64,
        Outstanding = settings.Outstanding > 0 ? settings.Outstanding : 64,
        Corpus = settings.Corpus ?? CorpusLogs.DefaultDirectory,
    };

    public WorkPlan Plan(RunSettings settings)
    {
        // One conversation more, for the warm-up.
        CorpusLogs corpus = Load(settings);
        return new WorkPlan(settings.Scenario, corpus.Logs.Count + 1, Math.Min(settings.Connections, corpus.Logs.Count) + 1, corpus.BytesMax);
    }

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        CorpusLogs corpus = Load(settings);
        using Fleet fleet = new(system, settings);
        UsedResources used = Replay(fleet, corpus, system, settings, flushes);
        if (fleet.Latencies.Count == 0)
        {
            throw new RunFailedException($"{system.Name}: no line was acknowledged: {fleet.FirstError ?? "nothing happened for a minute"}");
        }

        CorpusFindings findings = ReadBack(corpus, system, settings, out string? failure);
        long done = fleet.Latencies.Count;
        string[] notes =
        [
            string.Create(
                CultureInfo.InvariantCulture,
                $"{corpus.Lines} lines of {corpus.Logs.Count} logs: {findings.Lost} lost, {findings.Duplicated} duplicated, {findings.Reordered} reordered"),
            system.Caveat(settings.Scenario),
            fleet.FirstError ?? failure ?? string.Empty,
        ];
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = done / used.Seconds,
            P50Us = fleet.Latencies.Percentile(50),
            P99Us = fleet.Latencies.Percentile(99),
            P999Us = fleet.Latencies.Percentile(99.9),
            CpuUsPerOp = used.ServerSeconds * 1e6 / Math.Max(1, done),
            FlushRate = used.Flushes / used.Seconds,
            Headroom = used.Headroom,
            Errors = fleet.Errors + findings.Total + (failure is null ? 0 : 1),
            Note = string.Join("; ", notes.Where(text => text.Length > 0)),
        };
    }

    private static UsedResources Replay(Fleet fleet, CorpusLogs corpus, SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        int connections = Math.Min(settings.Connections, corpus.Logs.Count);
        CorpusWriter[] writers = Enumerable.Range(0, connections)
            .Select(i => new CorpusWriter(corpus.Logs, [.. Enumerable.Range(0, corpus.Logs.Count).Where(log => log % connections == i)], settings.Outstanding))
            .ToArray();
        fleet.Open(writers);
        Array.ForEach(writers, writer => writer.Enter(CorpusPhase.WarmingUp));
        fleet.RunFor(settings.WarmUpSeconds);
        Array.ForEach(writers, writer => writer.Enter(CorpusPhase.Waiting));
        fleet.RunUntil(() => fleet.Acknowledged == fleet.Payloads.Next, "the warm-up's last acknowledgements");
        fleet.Latencies.Clear();
        long wanted = fleet.Acknowledged + corpus.Lines;
        Usage usage = new(system.Server, flushes);
        Array.ForEach(writers, writer => writer.Enter(CorpusPhase.Replaying));
        RunWhile(fleet, () => fleet.Acknowledged < wanted, () => fleet.Acknowledged);
        return usage.End();
    }

    private static CorpusFindings ReadBack(CorpusLogs corpus, SystemUnderTest system, RunSettings settings, out string? failure)
    {
        using Fleet fleet = new(system, settings);
        CorpusReader reader = new(corpus.Logs.Count);
        fleet.Open([reader]);
        RunWhile(fleet, () => !reader.IsDone, () => fleet.Delivered);
        failure = fleet.FirstError ?? (reader.IsDone ? null : "the logs were not read back to their ends");
        return corpus.Logs.Zip(reader.Read).Aggregate(default(CorpusFindings), (sum, pair) => sum + CorpusFindings.Of(pair.First, pair.Second));
    }

    /// <summary>As long as it takes, unless nothing comes for a minute: a slow system is not cut short, and one that stands still has its row, which tells what is missing.</summary>
    private static void RunWhile(Fleet fleet, Func<bool> condition, Func<long> progress)
    {
        (long seen, long since) = (progress(), Stopwatch.GetTimestamp());
        while (condition() && fleet.Errors == 0 && Stopwatch.GetElapsedTime(since).TotalSeconds < PatienceSeconds)
        {
            fleet.Reactor.Poll(Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 100));
            if (progress() != seen)
            {
                (seen, since) = (progress(), Stopwatch.GetTimestamp());
            }
        }
    }

    private CorpusLogs Load(RunSettings settings)
    {
        if (_corpus is null || _directory != settings.Corpus)
        {
            (_directory, _corpus) = (settings.Corpus, CorpusLogs.Load(settings.Corpus!));
        }

        return _corpus;
    }
}
