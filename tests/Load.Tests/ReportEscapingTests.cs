using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A file may say what it likes: on the page it is text.</summary>
public sealed class ReportEscapingTests
{
    private const string Attack = "\"'></pre></svg></title><script>alert(1)</script><img src=x onerror=alert(2)>&lt;";

    [Test]
    public void Every_string_of_a_file_is_text_on_the_page()
    {
        XElement body = ReportFile.Body(Hostile("durable"), Hostile("latency"), Hostile("idle"), Hostile("growth"), Hostile(Attack));

        string[] names = [.. body.DescendantsAndSelf().Select(element => element.Name.LocalName).Distinct()];
        Assert.That(names, Has.None.EqualTo("script").And.None.EqualTo("img"));
        XAttribute[] attributes = [.. body.DescendantsAndSelf().Attributes()];
        Assert.That(attributes.Select(attribute => attribute.Name.LocalName), Has.None.StartsWith("on").And.None.EqualTo("src").And.None.EqualTo("style"));
        Assert.That(attributes.Where(attribute => attribute.Name == "class").Select(attribute => attribute.Value), Has.All.Match("^[a-z -]+$"), "no class comes from a file");
        Assert.That(attributes.Where(attribute => attribute.Name == "href").Select(attribute => attribute.Value), Has.All.Match("^#s[0-9]+$"), "links stay on the page");
        Assert.That(body.Value, Does.Contain(Attack), "shown, though");
    }

    [Test]
    public void What_cannot_be_seen_changes_nothing_that_can()
    {
        Markup markup = new();
        markup.Leaf("p", "a\0b\u001bc\u202ed\u2066e", ("title", "\u0085"));
        Assert.That(markup.ToString().TrimEnd(), Is.EqualTo("<p title=\"\ufffd\">a\ufffdb\ufffdc\ufffdd\ufffde</p>"));
    }

    [Test]
    public void The_page_loads_nothing_and_forbids_itself_to()
    {
        string page = Page.Of([new ReportFile("durable").Row("fastchat", "", ("rate", 100), ("p50_us", 5), ("p99_us", 9)).Read()]);
        Assert.That(page, Does.Contain("http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"));
        Assert.That(page, Does.Not.Contain("://").And.Not.Contain("url(").And.Not.Contain("@import").And.Not.Contain("<script").And.Not.Contain("<link"));
    }

    [Test]
    public void The_command_that_repeats_a_result_is_one_command_whatever_the_file_says()
    {
        LoadResult result = new ReportFile("durable; rm -rf x").With("rate", "1 $(reboot) 'x'").With("pin", true).Row("fastchat", "", ("rate", 1)).Row("redis", "", ("rate", 1)).Read();
        Assert.That(RepeatCommand.Of(result), Is.EqualTo(
            "bench/load.sh 'durable; rm -rf x' --system fastchat --vs redis --connections 64 --outstanding 64 --conversations 1000 --rate '1 $(reboot) '\\''x'\\''' --transport tcp --pin --runs 2"));
    }

    private static LoadResult Hostile(string scenario)
    {
        JsonObject Row() => new()
        {
            ["system"] = Attack,
            ["version"] = Attack,
            ["note"] = "not durable; 10 conversations with 0 messages 5/s; 100 conversations with 1,000 messages 4/s; " + Attack,
            ["rate"] = 5,
            ["p50_us"] = 5,
            ["p99_us"] = 6,
            ["rss_kb_per_session"] = 3,
            [Attack] = 7,
        };
        JsonObject file = new()
        {
            ["scenario"] = scenario,
            ["machine"] = new JsonObject { ["processor"] = Attack, ["date"] = Attack, ["kernel"] = Attack },
            ["settings"] = new JsonObject { ["transport"] = Attack, [Attack] = Attack, ["connections"] = 5 },
            ["results"] = new JsonArray(Row(), new JsonObject { ["system"] = "fastchat", ["rate"] = 4, ["p50_us"] = 5 }),
            ["ratios"] = new JsonObject { [Attack] = 2 },
            ["runs"] = new JsonObject { [Attack] = new JsonArray(Row()) },
        };
        return ReportFile.Read(file.ToJsonString(new JsonSerializerOptions()), Attack + ".json");
    }
}
