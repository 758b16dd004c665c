using System.Globalization;
using System.Text.Json;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The disk's own figures are the disk's, and they reach the row.</summary>
public sealed class SyncProbeTests
{
    [Test]
    public void The_probe_syncs_as_often_as_it_says_and_leaves_nothing_behind()
    {
        string directory = Directory.CreateTempSubdirectory("fastchat-probe-").FullName;
        try
        {
            FlushCounter flushes = new(directory);
            long? before = flushes.Count;
            Latencies latencies = SyncProbe.Run(directory, seconds: 0.5);
            Assert.That(latencies.Count, Is.GreaterThan(2));
            Assert.That(latencies.Percentile(50), Is.GreaterThan(1).And.LessThanOrEqualTo(latencies.Percentile(99)!.Value));
            Assert.That(latencies.Count * latencies.Percentile(1), Is.LessThan(2_000_000), "they were made one after the other, in little more than half a second");
            Assert.That(Directory.GetFileSystemEntries(directory), Is.Empty);
            Assert.That(flushes.Count - before, Is.Null.Or.GreaterThanOrEqualTo(latencies.Count));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [TestCase(Scenario.Durable)]
    [TestCase(Scenario.Latency)]
    public async Task A_row_whose_latency_depends_on_the_disk_has_the_disks_figures(Scenario kind)
    {
        string directory = Path.Combine(SourceTree.Root, "artifacts", "bench", "run-" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        IScenario scenario = kind == Scenario.Durable ? new DurableScenario() : new LatencyScenario();
        RunSettings settings = new() { Scenario = kind, Connections = 1, Outstanding = 1, Rate = 50, Seconds = 0.5, WarmUpSeconds = 0 };
        try
        {
            Comparison comparison = new(scenario, settings, ["limit"], runs: 1, directory, TextWriter.Null);
            await comparison.RunAsync(CancellationToken.None);
            ResultRow row = comparison.Results[0];
            Assert.That(row.FdatasyncP50Us, Is.GreaterThan(1).And.LessThanOrEqualTo(row.FdatasyncP99Us!.Value));
            using JsonDocument line = JsonDocument.Parse(ResultJson.Of(comparison, settings, MachineFacts.Read(), withRuns: false));
            JsonElement result = line.RootElement.GetProperty("results")[0];
            Assert.That(result.GetProperty("fdatasync_p50_us").GetDouble(), Is.EqualTo(row.FdatasyncP50Us));
            Assert.That(result.GetProperty("fdatasync_p99_us").GetDouble(), Is.EqualTo(row.FdatasyncP99Us));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public void The_text_says_how_many_syncs_an_acknowledgement_takes()
    {
        string text = RowText.Of(new ResultRow { System = "limit", Version = "1", P50Us = 300, P99Us = 1000, FdatasyncP50Us = 200, FdatasyncP99Us = 500 });
        Assert.That(text, Does.Contain("fdatasync p50 200 µs  fdatasync p99 500 µs  ack/fdatasync p50 1.50  ack/fdatasync p99 2.00"));
        Assert.That(RowText.Of(new ResultRow { System = "limit", Version = "1", P50Us = 300 }), Does.Not.Contain("fdatasync"));
    }
}
