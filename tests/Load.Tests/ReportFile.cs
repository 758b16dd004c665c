using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

namespace FastChat.Load.Tests;

/// <summary>A result file as the harness would write it, to be changed by a test, and the page that is made of it.</summary>
internal sealed class ReportFile(string scenario)
{
    private readonly JsonObject _settings = new() { ["connections"] = 64, ["outstanding"] = 64, ["conversations"] = 1000, ["rate"] = 0, ["transport"] = "tcp" };
    private readonly JsonArray _results = [];
    private readonly JsonObject _runs = [];
    private readonly JsonObject _ratios = [];

    public string Name { get; init; } = "result.json";

    /// <summary>Adds or changes a setting.</summary>
    public ReportFile With(string setting, JsonNode value)
    {
        _settings[setting] = value;
        return this;
    }

    /// <summary>Adds a system's row, and two runs that lie 10 % below and above it.</summary>
    public ReportFile Row(string system, string note, params (string Figure, double Value)[] figures)
    {
        JsonObject Make(double factor)
        {
            JsonObject row = new() { ["system"] = system, ["version"] = "1.2.3", ["errors"] = 0, ["headroom"] = 0.6, ["note"] = note };
            foreach ((string figure, double value) in figures)
            {
                row[figure] = figure is "headroom" or "errors" ? value : value * factor;
            }

            return row;
        }

        _results.Add(Make(1));
        _runs[system] = new JsonArray(Make(0.9), Make(1.1));
        return this;
    }

    /// <summary>Adds a ratio.</summary>
    public ReportFile Ratio(string system, double ratio)
    {
        _ratios[system] = ratio;
        return this;
    }

    public string Json() => new JsonObject
    {
        ["scenario"] = scenario,
        ["machine"] = new JsonObject { ["processor"] = "a processor", ["cores"] = 2, ["date"] = "2026-11-24 13:35Z" },
        ["settings"] = _settings.DeepClone(),
        ["results"] = _results.DeepClone(),
        ["ratios"] = _ratios.DeepClone(),
        ["runs"] = _runs.DeepClone(),
    }.ToJsonString(new JsonSerializerOptions());

    public LoadResult Read() => Read(Json(), Name);

    public static LoadResult Read(string json, string name = "result.json") => ResultReader.Read(name, Encoding.UTF8.GetBytes(json));

    /// <summary>The body of the page of some results. Parsing it is a test by itself: what is not well formed throws.</summary>
    public static XElement Body(params LoadResult[] results)
    {
        string page = Page.Of(results);
        return XElement.Parse(page[page.IndexOf("<body>", StringComparison.Ordinal)..page.IndexOf("</html>", StringComparison.Ordinal)], LoadOptions.PreserveWhitespace);
    }
}
