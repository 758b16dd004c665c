using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;
using FastChat.Bench.Report;
using FastChat.Bench.Report.Results;

using NUnit.Framework;

using LoadRow = FastChat.Bench.Load.Reports.ResultRow;

namespace FastChat.Load.Tests;

/// <summary>The report reads what the harness writes, and says of anything else in one line that it cannot.</summary>
public sealed class ReportReaderTests
{
    [Test]
    public void What_the_harness_writes_is_read_by_the_same_names()
    {
        RunSettings settings = new() { Scenario = Scenario.Durable, Connections = 64, Outstanding = 64 };
        Comparison comparison = new(new DurableScenario(), settings, ["fastchat", "redis"], runs: 2, "nowhere", TextWriter.Null);
        foreach (double rate in (double[])[100, 300])
        {
            comparison.Rows["fastchat"].Add(new LoadRow { System = "fastchat", Version = "1", Rate = rate, P50Us = 5, P9999Us = 7, CpuUsPerOp = 2, RssKbPerSession = 3, Resumed99S = 4, Headroom = 0.5 });
            comparison.Rows["redis"].Add(new LoadRow { System = "redis", Version = "2", Rate = 50, Errors = 1, Note = "stores nothing" });
        }

        LoadResult result = ReportFile.Read(ResultJson.Of(comparison, settings, MachineFacts.Read(), withRuns: true));

        FastChat.Bench.Report.Results.ResultRow ours = result.Row("fastchat")!;
        (string, double)[] expected =
        [
            (Figure.Rate, 200), (Figure.P50, 5), (Figure.P9999, 7), (Figure.Cpu, 2), (Figure.KbPerSession, 3), (Figure.Resumed99, 4), (Figure.Headroom, 0.5), (Figure.Errors, 0),
        ];
        Assert.That(expected.Select(pair => (pair.Item1, ours[pair.Item1] ?? double.NaN)), Is.EqualTo(expected));
        Assert.That(result.Row("redis")!.Note, Is.EqualTo("stores nothing"));
        Assert.That(result.Row("redis")![Figure.Errors], Is.EqualTo(2), "errors add up");
        Assert.That(result.Range("fastchat", Figure.Rate), Is.EqualTo((100.0, 300.0)));
        Assert.That(result.RateRatio("redis"), Is.EqualTo(4));
        Assert.That(result.Setting("outstanding"), Is.EqualTo(64));
        Assert.That(result.Machine["cores"], Is.EqualTo(Environment.ProcessorCount.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Test]
    public void Systems_without_a_rate_or_at_a_standstill_have_no_ratio_and_a_file_all_the_same()
    {
        RunSettings settings = new() { Scenario = Scenario.Idle, Connections = 100 };
        Comparison comparison = new(new DurableScenario(), settings, ["fastchat", "redis", "nats-core"], runs: 1, "nowhere", TextWriter.Null);
        comparison.Rows["fastchat"].Add(new LoadRow { System = "fastchat", Version = "1", RssKbPerSession = 7, Rate = 5 });
        comparison.Rows["redis"].Add(new LoadRow { System = "redis", Version = "2", RssKbPerSession = 3.5 });
        comparison.Rows["nats-core"].Add(new LoadRow { System = "nats-core", Version = "2", RssKbPerSession = 3.5, Rate = 0 });

        LoadResult result = ReportFile.Read(ResultJson.Of(comparison, settings, MachineFacts.Read(), withRuns: true));

        Assert.That(result.Ratios, Is.Empty);
        Assert.That(result.Ratio("redis", Figure.KbPerSession), Is.EqualTo(2));
    }

    [TestCase("", "it is not JSON")]
    [TestCase("{\"scenario\":", "it is not JSON")]
    [TestCase("[]", "it is not an object")]
    [TestCase("{\"packages\":[]}", "it names no scenario")]
    [TestCase("{\"scenario\":3,\"results\":[]}", "it names no scenario")]
    [TestCase("{\"scenario\":\"durable\"}", "it has no results")]
    [TestCase("{\"scenario\":\"durable\",\"results\":[]}", "its results are empty")]
    [TestCase("{\"scenario\":\"durable\",\"results\":[7]}", "a row names no system")]
    [TestCase("{\"scenario\":\"durable\",\"results\":[{}]}", "a row names no system")]
    [TestCase("{\"scenario\":\"durable\",\"results\":[{\"system\":\"a\"}],\"runs\":{\"a\":3}}", "its runs are not lists of rows")]
    [TestCase("{\"scenario\":\"\\ud800\",\"results\":[{\"system\":\"a\"}]}", "a string in it is broken")]
    public void A_foreign_file_is_refused_in_one_line_that_names_it(string json, string reason)
    {
        UnreadableResultException? refused = Assert.Throws<UnreadableResultException>(() => ReportFile.Read(json, "foreign.json"));
        Assert.That(refused!.Message, Is.EqualTo("foreign.json is not a result of bench/load.sh: " + reason));
    }

    [Test]
    public void Missing_or_odd_figures_are_absent_not_wrong()
    {
        LoadResult result = ReportFile.Read("{\"scenario\":\"durable\",\"results\":[{\"system\":\"fastchat\",\"rate\":1e999,\"p50_us\":\"5\",\"p99_us\":null,\"odd\":{}}]}");
        Assert.That(result.Rows[0].Figures, Is.Empty);
        Assert.That(result.Setting("connections"), Is.Null);
        Assert.That(result.RateRatio("redis"), Is.Null);
    }

    [Test]
    public void Exit_codes_are_0_for_a_page_1_for_a_foreign_file_and_2_for_no_file()
    {
        string directory = Directory.CreateTempSubdirectory("fastchat-report-").FullName;
        try
        {
            string good = Path.Combine(directory, "good.json");
            string bad = Path.Combine(directory, "bad.json");
            string page = Path.Combine(directory, "new", "page.html");
            File.WriteAllText(good, new ReportFile("durable").Row("fastchat", "", ("rate", 100)).Json());
            File.WriteAllText(bad, "not JSON");

            Assert.That(ReportCommand.Make().Parse([good, bad, "-o", page]).Invoke(), Is.EqualTo(1));
            Assert.That(File.Exists(page), Is.False, "half a report is none");
            Assert.That(ReportCommand.Make().Parse([good, "-o", page]).Invoke(), Is.Zero);
            Assert.That(File.ReadAllText(page), Does.StartWith("<!DOCTYPE html>"));
            Assert.That(ReportCommand.Make().Parse([]).Errors, Is.Not.Empty, "wrong usage is 2");
            Assert.That(ReportCommand.Make().Parse([Path.Combine(directory, "missing.json")]).Errors.Select(error => error.Message), Has.One.Contains("there is no file"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
