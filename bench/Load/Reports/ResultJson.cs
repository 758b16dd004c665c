using System.Text.Json;
using System.Text.Json.Serialization;

using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Scenarios;

namespace FastChat.Bench.Load.Reports;

/// <summary>The last line of a run, and the file that the report is made of.</summary>
internal static class ResultJson
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>The line: scenario, machine, settings, the median row of each system, the ratios, and every run.</summary>
    public static string Of(Comparison comparison, RunSettings settings, MachineFacts machine, bool withRuns)
    {
        Dictionary<string, object> line = new()
        {
            ["scenario"] = settings.Scenario.ToString().ToLowerInvariant(),
            ["machine"] = machine,
            ["settings"] = settings,
            ["results"] = comparison.Results,
            ["ratios"] = comparison.Ratios.ToDictionary(pair => pair.Key, pair => Math.Round(pair.Value, 3)),
        };
        if (withRuns)
        {
            line["runs"] = comparison.Rows;
        }

        return JsonSerializer.Serialize(line, s_options);
    }
}
