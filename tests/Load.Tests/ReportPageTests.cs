using System.Xml.Linq;

using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Results;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>What a visitor sees: every scenario, in a sensible order, with every row, and what speaks against it.</summary>
public sealed class ReportPageTests
{
    private static readonly string[] s_scenarios = ["durable", "latency", "fanout", "rooms", "idle", "catchup", "storm", "corpus", "growth"];

    [TestCaseSource(nameof(s_scenarios))]
    public void Every_scenario_has_a_heading_a_sentence_a_plot_for_each_width_and_all_rows(string scenario)
    {
        XElement section = Sections(ReportFile.Body(Full(scenario).Read()))[0];

        Assert.That(section.Element("h2")!.Value, Is.Not.EqualTo(scenario), "a scenario that the catalogue knows has a title");
        Assert.That(WithClass(section, "sentence").Single().Value, Has.Length.GreaterThan(40));
        Assert.That(WithClass(section, "plot wide"), Is.Not.Empty);
        Assert.That(WithClass(section, "plot narrow").Count(), Is.EqualTo(WithClass(section, "plot wide").Count()));
        Assert.That(section.Descendants("svg").Attributes("aria-label").Select(label => label.Value), Has.All.Contains("FastChat"));
        XElement medians = WithClass(section, "rows").First();
        Assert.That(medians.Descendants("tr").Skip(1).Select(row => row.Descendants("span").First(span => (string?)span.Attribute("class") == "name").Value), Is.EqualTo(new[] { "FastChat", "Redis" }));
        Assert.That(section.Descendants("summary").Single().Value, Is.EqualTo("All 4 runs"));
        Assert.That(section.Descendants("pre").Single().Value, Does.StartWith($"bench/load.sh {scenario} --system fastchat --vs redis "));
    }

    [Test]
    public void A_scenario_that_nobody_has_described_is_shown_all_the_same()
    {
        XElement body = ReportFile.Body(new ReportFile("weather").Row("fastchat", "", ("rate", 12_345), ("degrees", 21.5)).Read());
        Assert.That(Sections(body)[0].Value, Does.Contain("weather").And.Contain("12,345").And.Contain("degrees").And.Contain("21.5"));
    }

    [Test]
    public void Sections_stand_in_the_order_of_the_catalogue_whatever_the_order_of_the_files()
    {
        LoadResult one = new ReportFile("durable").With("connections", 1).With("outstanding", 1).Row("fastchat", "", ("rate", 9)).Read();
        LoadResult[] results = [Full("growth").Read(), new ReportFile("weather").Row("fastchat", "", ("rate", 9)).Read(), one, Full("idle").With("transport", "ws").Read(), Full("idle").Read(), Full("durable").Read()];
        string[] titles = [.. Sections(ReportFile.Body(results)).Select(section => section.Element("h2")!.Value)];
        Assert.That(titles, Is.EqualTo(new[]
        {
            "Durable publishes", "Durable publishes, one at a time", "Idle sessions", "Idle sessions over WebSocket", "Cost of growth", "weather", "The machine",
        }));
        string[] links = [.. ReportFile.Body(results).Descendants("a").Select(link => link.Value)];
        Assert.That(links, Is.EqualTo(titles[..^1]), "the summary is the table of contents");
    }

    [Test]
    public void A_row_that_does_not_hold_says_so_in_the_plot_the_table_and_the_summary()
    {
        ReportFile file = new ReportFile("durable").Row("fastchat", "", ("rate", 100), ("headroom", 0.19)).Row("redis", "NOT DURABLE: fewer flushes", ("rate", 50)).Row("nats", "", ("rate", 5), ("errors", 3));
        XElement body = ReportFile.Body(file.Read());
        XElement medians = WithClass(Sections(body)[0], "rows").First();
        Assert.That(WithClass(medians, "badge bad").Select(badge => badge.Value), Is.EqualTo(new[] { "VOID", "NOT DURABLE", "3 ERRORS" }));
        Assert.That(WithClass(Sections(body)[0], "plot wide").First().Value, Does.Contain("void").And.Contain("not durable").And.Contain("errors"));
        Assert.That(WithClass(Sections(body)[0], "notes").Single().Value, Does.Contain("NATS").Or.Contain("NOT DURABLE: fewer flushes"));
        Assert.That(WithClass(body, "summary").Single().Value, Does.Contain("void"));
    }

    [Test]
    public void One_void_run_among_good_ones_is_told_beside_the_median()
    {
        LoadResult result = ReportFile.Read("""
            {"scenario":"durable","results":[{"system":"fastchat","rate":5,"headroom":0.5}],"runs":{"fastchat":[{"system":"fastchat","rate":5,"headroom":0.5},{"system":"fastchat","rate":6,"headroom":0.1}]}}
            """);
        Assert.That(WithClass(ReportFile.Body(result), "badge bad").Select(badge => badge.Value), Is.EqualTo(new[] { "1 of 2 runs VOID", "VOID" }));
    }

    [Test]
    public void The_best_peer_is_the_best_that_holds_and_never_the_machine()
    {
        ReportFile file = new ReportFile("fanout").Row("fastchat", "", ("rate", 100)).Row("limit", "", ("rate", 900)).Row("redis", "", ("rate", 80), ("headroom", 0.1)).Row("mosquitto", "", ("rate", 20));
        LoadResult result = file.Read();
        Assert.That(FastChat.Bench.Report.Pages.SummaryTable.BestPeer(result, SheetCatalog.For(result))!.System, Is.EqualTo("mosquitto"));
        LoadResult storm = new ReportFile("storm").Row("fastchat", "", ("resumed_99_s", 4)).Row("redis", "", ("resumed_99_s", 3)).Row("mosquitto", "", ("resumed_99_s", 9)).Read();
        Assert.That(FastChat.Bench.Report.Pages.SummaryTable.BestPeer(storm, SheetCatalog.For(storm))!.System, Is.EqualTo("redis"), "less is better");
    }

    [Test]
    public void A_file_with_one_bare_row_still_gives_a_page()
    {
        XElement body = ReportFile.Body(ReportFile.Read("{\"scenario\":\"durable\",\"results\":[{\"system\":\"redis\"}]}"));
        Assert.That(body.Descendants("svg"), Is.Empty, "nothing to draw");
        Assert.That(Sections(body)[0].Value, Does.Contain("version unknown").And.Contain("FastChat was not measured").And.Contain("medians only"));
    }

    private static ReportFile Full(string scenario) => new ReportFile(scenario)
        .Row("fastchat", "", ("rate", 5000), ("p50_us", 500), ("p99_us", 900), ("p999_us", 4000), ("rss_kb_per_session", 7), ("resumed_99_s", 4), ("growth_ratio", 0.9))
        .Row("redis", "stores nothing", ("rate", 4000), ("p50_us", 600), ("p99_us", 700), ("p999_us", 800), ("rss_kb_per_session", 4), ("resumed_99_s", 6), ("growth_ratio", 0.9))
        .Ratio("redis", 1.25);

    private static XElement[] Sections(XElement body) => [.. body.Descendants("section")];

    private static IEnumerable<XElement> WithClass(XElement element, string name) => element.Descendants().Where(candidate => (string?)candidate.Attribute("class") == name);
}
