using System.Text.Json;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;
using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The last line is one JSON object with the names that other programs rely on.</summary>
public sealed class ResultJsonTests
{
    [TestCase(Scenario.Durable, "durable")]
    [TestCase(Scenario.FanOut, "fanout")]
    [TestCase(Scenario.Latency, "latency")]
    public void The_last_line_names_the_scenario_as_the_command_line_does(Scenario scenario, string name)
    {
        RunSettings settings = new() { Scenario = scenario, Connections = 64 };
        Comparison comparison = new(new DurableScenario(), settings, ["fastchat", "redis"], runs: 1, "nowhere", TextWriter.Null);
        comparison.Rows["fastchat"].Add(new ResultRow { System = "fastchat", Version = "1", Rate = 300, P50Us = 1 });
        comparison.Rows["redis"].Add(new ResultRow { System = "redis", Version = "2", Rate = 100, P50Us = 2 });

        string line = ResultJson.Of(comparison, settings, MachineFacts.Read(), withRuns: false);

        Assert.That(line, Does.Not.Contain('\n'));
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement root = document.RootElement;
        Assert.That(root.GetProperty("scenario").GetString(), Is.EqualTo(name));
        Assert.That(root.GetProperty("machine").GetProperty("cores").GetInt32(), Is.EqualTo(Environment.ProcessorCount));
        Assert.That(root.GetProperty("settings").GetProperty("connections").GetInt32(), Is.EqualTo(64));
        Assert.That(root.GetProperty("results").EnumerateArray().Select(row => row.GetProperty("p50_us").GetDouble()), Is.EqualTo(new[] { 1.0, 2.0 }));
        Assert.That(root.GetProperty("ratios").GetProperty("redis").GetDouble(), Is.EqualTo(3));
    }

    [Test]
    public void Ratios_are_taken_turn_by_turn_and_the_median_counts()
    {
        Comparison comparison = new(new DurableScenario(), new RunSettings(), ["fastchat", "redis"], runs: 3, "nowhere", TextWriter.Null);
        foreach ((double ours, double theirs) in ((double, double)[])[(100, 100), (10, 5), (900, 300)])
        {
            comparison.Rows["fastchat"].Add(new ResultRow { System = "fastchat", Version = "1", Rate = ours });
            comparison.Rows["redis"].Add(new ResultRow { System = "redis", Version = "2", Rate = theirs });
        }

        Assert.That(comparison.Ratios["redis"], Is.EqualTo(2), "of 1, 2 and 3; the medians of the rates would say 1");
    }
}
