using System.Diagnostics;
using System.Globalization;

namespace FastChat.History.Tests;

/// <summary>The checker's cost grows with the history's length and no faster. Counted in bytes allocated, not in time: a quadratic check would have to keep or copy something.</summary>
[NonParallelizable]
public sealed class ScaleTests
{
    [Test]
    public void A_million_events_take_four_times_the_room_of_a_quarter_of_a_million()
    {
        Check(20_000);
        long quarter = Check(250_000);
        long whole = Check(1_000_000);
        TestContext.Out.WriteLine($"allocated: {quarter >> 20} MiB for 250,000 events, {whole >> 20} MiB for 1,000,000");
        Assert.That(whole, Is.LessThan(quarter * 6), "four times the events, and hash tables that doubled once more at the worst");
        Assert.That(whole, Is.LessThan(256L << 20), "a history of ten million events fits into a few GiB");
    }

    /// <summary>Also the measurement of docs/history-format.md §4: with FASTCHAT_HISTORY_EVENTS=10000000 it writes 2.5 GB and prints what they take.</summary>
    [Test]
    public void A_file_of_any_length_is_checked()
    {
        long wanted = long.Parse(Environment.GetEnvironmentVariable("FASTCHAT_HISTORY_EVENTS") ?? "100000", CultureInfo.InvariantCulture);
        using TemporaryDirectory directory = new("long-history");
        string path = directory.PathOf("long.history");
        Stopwatch watch = Stopwatch.StartNew();
        long events = LongHistory.Write(File.Create(path), wanted);
        TimeSpan written = watch.Elapsed;
        watch.Restart();
        CheckReport report = HistoryChecker.Check([path]);
        TimeSpan read = watch.Elapsed;
        Assert.That(report.Violations, Is.Zero);
        Process self = Process.GetCurrentProcess();
        TestContext.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{events:N0} events, {new FileInfo(path).Length >> 20:N0} MiB: written in {written.TotalSeconds:F1} s ({events / written.TotalSeconds:N0}/s), checked in {read.TotalSeconds:F1} s ({events / read.TotalSeconds:N0}/s), peak memory {self.PeakWorkingSet64 >> 20:N0} MiB"));
    }

    private static long Check(long events)
    {
        MemoryStream file = new();
        LongHistory.Write(file, events);
        long before = GC.GetAllocatedBytesForCurrentThread();
        CheckReport report = HistoryChecker.Check([new HistoryReader(new MemoryStream(file.ToArray()), "long")]);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before - file.ToArray().Length;
        Assert.That(report.Details, Is.Empty);
        Assert.That(report.Events, Is.GreaterThanOrEqualTo(events));
        return allocated;
    }
}
