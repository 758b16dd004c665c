using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// One long conversation, written beforehand, is read from its beginning: by one reader, then by many at once. Meanwhile a message now and then goes through another conversation to somebody
/// who reads along: history for the one is not to be paid with delay for the other. What is read was written a moment ago, so it comes from memory as far as the system keeps it there.
/// </summary>
internal sealed class CatchUpScenario : IScenario
{
    /// <summary>The conversation that is read; the live pair has the other.</summary>
    private const int LongConversation = 0;
    private const int LiveConversation = 1;

    private const int WriterConnections = 4;
    private const int WriterOutstanding = 1024;
    private const int Messages = 1_000_000;
    private const int Readers = 50;
    private const int LiveRate = 200;
    private const double WritePatienceSeconds = 900;
    private const double ReadPatienceSeconds = 180;

    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Messages = settings.Messages > 0 ? settings.Messages : Messages,
        Readers = settings.Readers > 0 ? settings.Readers : Readers,
        Rate = settings.Rate > 0 ? settings.Rate : LiveRate,
        Conversations = 2,
    };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 2, LiveIndex(settings) + 2, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        using Fleet fleet = new(system, settings);
        long checksum = Write(fleet, settings);
        using CatchUpLive live = new(system, settings, LiveConversation, LiveIndex(settings));
        fleet.RunFor(settings.WarmUpSeconds);
        live.Enter(CatchUpPhase.Before);
        fleet.RunFor(Math.Max(1, settings.Seconds / 2));
        Reading one = Read(fleet, system, flushes, readers: 1, () => live.Enter(CatchUpPhase.OneReader));
        live.Enter(CatchUpPhase.Pause);
        fleet.RunFor(0.5);
        Reading all = Read(fleet, system, flushes, settings.Readers, () => live.Enter(CatchUpPhase.ManyReaders));
        live.End();
        foreach (CatchUpReader reader in one.Readers.Concat(all.Readers).Where(reader => reader.HasEnded))
        {
            reader.Check(settings.Messages, checksum);
        }

        double? before = live.Of(CatchUpPhase.Before).Percentile(99);
        Latencies during = live.Of(CatchUpPhase.ManyReaders);
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = all.Rate,
            OneReaderRate = one.Rate,
            MbPerS = all.Rate * settings.Size / 1e6,
            P50Us = during.Percentile(50),
            P99Us = during.Percentile(99),
            P999Us = during.Percentile(99.9),
            LiveP99Ratio = during.Percentile(99) / before,
            CpuUsPerOp = all.Used.ServerSeconds * 1e6 / Math.Max(1, all.Delivered),
            Headroom = all.Used.Headroom,
            Errors = fleet.Errors + live.Errors,
            Note = string.Join("; ", Notes(system, settings, fleet, live, before, one, all)),
        };
    }

    // Behind the writers, the reader that is alone, and the many.
    private static int LiveIndex(RunSettings settings) => WriterConnections + 1 + settings.Readers;

    /// <summary>Fills the conversation; returns what every reader must have added up when it is at the end.</summary>
    private static long Write(Fleet fleet, RunSettings settings)
    {
        CatchUpWriter.Work work = new(LongConversation, settings.Messages, WriterOutstanding);
        fleet.Open(Enumerable.Range(0, WriterConnections).Select(_ => new CatchUpWriter(work)));
        if (!fleet.RunWhile(() => fleet.Acknowledged < settings.Messages, WritePatienceSeconds) || fleet.Errors > 0)
        {
            throw new RunFailedException($"{fleet.Acknowledged} of {settings.Messages} messages were written: {fleet.FirstError ?? "then the time was over"}");
        }

        return work.Checksum;
    }

    private static Reading Read(Fleet fleet, SystemUnderTest system, FlushCounter flushes, int readers, Action begins)
    {
        CatchUpReader[] members = Enumerable.Range(0, readers).Select(_ => new CatchUpReader()).ToArray();
        fleet.Open(members);
        long before = fleet.Delivered;
        begins();
        Usage usage = new(system.Server, flushes);
        foreach (CatchUpReader reader in members)
        {
            reader.Begin(LongConversation);
        }

        int ended = 0;
        bool isWhole = fleet.RunWhile(() => (ended = CatchUpReader.Ended(members, ended)) < readers, ReadPatienceSeconds);
        UsedResources used = usage.End();
        foreach (CatchUpReader reader in members)
        {
            fleet.Reactor.Cut(reader.Link);
        }

        return new Reading(fleet.Delivered - before, used, isWhole, members);
    }

    private static IEnumerable<string> Notes(SystemUnderTest system, RunSettings settings, Fleet fleet, CatchUpLive live, double? before, Reading one, Reading all)
    {
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"live p99 {before:0} µs before, {live.Of(CatchUpPhase.OneReader).Percentile(99):0} µs with one reader, {live.Of(CatchUpPhase.ManyReaders).Percentile(99):0} µs with {settings.Readers}; headroom with one reader {100 * one.Used.Headroom:0} %");
        if (!one.IsWhole || !all.IsWhole)
        {
            yield return $"stopped after {ReadPatienceSeconds:0} s with {one.Delivered} of {settings.Messages} and {all.Delivered} of {(long)settings.Messages * settings.Readers} messages read";
        }

        foreach (string text in new[] { system.Caveat(settings.Scenario), fleet.FirstError ?? live.FirstError ?? string.Empty }.Where(text => text.Length > 0))
        {
            yield return text;
        }
    }

    /// <summary>What came of one reading.</summary>
    private sealed record Reading(long Delivered, UsedResources Used, bool IsWhole, IReadOnlyList<CatchUpReader> Readers)
    {
        public double Rate => Delivered / Used.Seconds;
    }
}
