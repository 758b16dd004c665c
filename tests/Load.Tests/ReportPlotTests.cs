using System.Globalization;
using System.Xml.Linq;

using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Plots;
using FastChat.Bench.Report.Results;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Plots show what the figures say: axes with round marks, bars as long as their values, whiskers over the runs.</summary>
public sealed class ReportPlotTests
{
    [TestCase(349_000, 6, new double[] { 0, 100_000, 200_000, 300_000, 400_000 })]
    [TestCase(1, 5, new[] { 0, 0.2, 0.4, 0.6, 0.8, 1 })]
    [TestCase(0, 4, new[] { 0, 0.5, 1 })]
    public void A_linear_axis_begins_at_zero_and_has_round_marks(double most, int ticks, double[] marks) =>
        Assert.That(Axis.FromZero(most, 0, 100, ticks).Ticks, Is.EqualTo(marks).Within(1e-9));

    [Test]
    public void A_logarithmic_axis_gives_every_decade_the_same_room()
    {
        Axis axis = Axis.Logarithmic(10, 100_000, 0, 400);
        Assert.That(axis.Ticks, Is.EqualTo(new double[] { 10, 100, 1000, 10_000, 100_000 }).Within(1e-6));
        Assert.That(axis.Ticks.Select(axis.Place), Is.EqualTo(new double[] { 0, 100, 200, 300, 400 }).Within(1e-6));
        Assert.That(axis.Place(0), Is.Zero, "what is beyond an end lies at it");
        Assert.That(axis.Place(1e9), Is.EqualTo(400));
    }

    [TestCase(5, 5)]
    [TestCase(0.003, 7e12)]
    [TestCase(0, 0)]
    public void A_logarithmic_axis_holds_whatever_it_is_given(double least, double most)
    {
        Axis axis = Axis.Logarithmic(least, most, 0, 100);
        Assert.That(axis.Ticks, Has.Count.InRange(2, 40));
        Assert.That(axis.Ticks, Is.Ordered.And.All.GreaterThan(0));
    }

    [Test]
    public void Bars_are_as_long_as_their_values_and_whiskers_reach_over_the_runs()
    {
        XElement plot = ReportFile.Body(new ReportFile("corpus").Row("fastchat", "", ("rate", 400)).Row("redis", "", ("rate", 100)).Read()).Descendants("svg").First();
        double[] bars = [.. plot.Elements("rect").Select(bar => Number(bar, "width"))];
        Assert.That(bars[0] / bars[1], Is.EqualTo(4).Within(0.01));
        XElement[] whiskers = [.. plot.Elements("line").Where(line => (string?)line.Attribute("class") == "whisker")];
        Assert.That(whiskers, Has.Length.EqualTo(6));
        Assert.That((Number(whiskers[0], "x2") - Number(whiskers[0], "x1")) / bars[0], Is.EqualTo(0.2).Within(0.01), "the runs lie 10 % below and above");
        Assert.That((string?)plot.Elements("rect").First().Attribute("class"), Is.EqualTo("bar c-fastchat ours"));
    }

    [Test]
    public void The_line_of_the_goals_stands_where_the_hardest_is_reached()
    {
        ReportFile file = new ReportFile("durable").Row("fastchat", "", ("rate", 150)).Row("limit", "", ("rate", 200)).Row("redis", "", ("rate", 100)).Ratio("limit", 0.75).Ratio("redis", 1.5);
        XElement plot = ReportFile.Body(file.Read()).Descendants("svg").First();
        double ours = Number(plot.Elements("rect").First(), "width");
        double left = Number(plot.Elements("rect").First(), "x");
        double goal = Number(plot.Elements("line").Single(line => (string?)line.Attribute("class") == "goal"), "x1");
        Assert.That((goal - left) / ours, Is.EqualTo(200 / 150.0).Within(0.01), "2 × Redis lies beyond half the limit");
    }

    [Test]
    public void Curves_never_leave_the_drawing()
    {
        ReportFile file = new ReportFile("latency").Row("fastchat", "", ("p50_us", 0.5), ("p99_us", 60_000_000), ("p999_us", 1e12)).Row("limit", "", ("p50_us", 3), ("p99_us", 4));
        foreach (XElement plot in ReportFile.Body(file.Read()).Descendants("svg"))
        {
            double[] box = [.. ((string)plot.Attribute("viewBox")!).Split(' ').Select(part => double.Parse(part, CultureInfo.InvariantCulture))];
            Assert.That(plot.Elements("text").Select(text => Number(text, "y")), Has.All.InRange(0, box[3]));
            Assert.That(plot.Elements("line").SelectMany(line => new[] { Number(line, "x1"), Number(line, "x2") }), Has.All.InRange(0, box[2]));
        }
    }

    [Test]
    public void The_growth_curve_is_the_median_of_the_runs_step_by_step()
    {
        string Note(int first, int last) => $"1,000 conversations with 0 messages {first:N0}/s, fan-out to 100 9/s; 1,000,000 conversations with 10,000,123 messages {last:N0}/s; 100 online of 100 members 7 µs CPU/message";
        LoadResult result = ReportFile.Read($$$"""
            {"scenario":"growth","results":[{"system":"fastchat","rate":1100,"note":"{{{Note(1000, 900)}}}; {{{Note(3000, 2700)}}}"}],
             "runs":{"fastchat":[{"system":"fastchat","note":"{{{Note(1000, 900)}}}"},{"system":"fastchat","note":"{{{Note(3000, 2700)}}}"},{"system":"fastchat","note":"{{{Note(1200, 1100)}}}"}]}}
            """);
        Assert.That(result.Steps("fastchat"), Is.EqualTo(new[] { new GrowthStep(1000, 0, 1200), new GrowthStep(1_000_000, 10_000_123, 1100) }));
        XElement plot = ReportFile.Body(result).Descendants("svg").Last(svg => ((string?)svg.Attribute("aria-label"))!.Contains("10,000,123 messages", StringComparison.Ordinal));
        Assert.That(plot.Elements("path").Count(path => ((string?)path.Attribute("class"))!.StartsWith("marker", StringComparison.Ordinal)), Is.EqualTo(2));
        Assert.That(plot.Elements("text").Select(text => text.Value), Is.SupersetOf(new[] { "0", "1 k", "10 M", "1 M" }));
    }

    [TestCase(999.4, "µs", "999 µs")]
    [TestCase(2500, "µs", "2.50 ms")]
    [TestCase(60_000_000, "µs", "60.0 s")]
    [TestCase(133_955, "/s", "134 k/s")]
    [TestCase(1783, "/s", "1,783/s")]
    [TestCase(3_400_000, "/s", "3.40 M/s")]
    [TestCase(0.384, "×", "0.38×")]
    [TestCase(59.1, "×", "59.1×")]
    [TestCase(7.4, "KB", "7.40 KB")]
    public void Quantities_keep_the_digits_that_matter(double value, string unit, string text) => Assert.That(Quantity.Text(value, unit), Is.EqualTo(text));

    [TestCase(0, "/s", "0")]
    [TestCase(50_000, "", "50 k")]
    [TestCase(2000, "µs", "2 ms")]
    [TestCase(0.25, "s", "0.25 s")]
    [TestCase(500, "µs", "500 µs")]
    public void Marks_of_an_axis_have_no_zeros_that_say_nothing(double value, string unit, string text) => Assert.That(Quantity.Tick(value, unit), Is.EqualTo(text));

    private static double Number(XElement element, string attribute) => double.Parse((string)element.Attribute(attribute)!, CultureInfo.InvariantCulture);
}
