using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Plots;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Pages;

/// <summary>One result: what is measured, plots, rows, goals, runs, and how to repeat it.</summary>
internal static class ScenarioSection
{
    // Settings that tell one size of a scenario from another, in words.
    private static readonly (string Name, string Words)[] s_sizes =
        [("connections", "connections"), ("outstanding", "outstanding"), ("conversations", "conversations"), ("messages", "messages"), ("readers", "readers"), ("rate", "planned/s"), ("size", "B")];

    /// <summary>Writes it.</summary>
    public static void Write(Markup markup, LoadResult result, ScenarioSheet sheet, string anchor)
    {
        using (markup.Element("section", ("id", anchor)))
        {
            markup.Leaf("h2", sheet.Title);
            markup.Leaf("p", sheet.Sentence, ("class", "sentence"));
            markup.Leaf("p", Shape(result), ("class", "shape"));
            foreach (PlotKind plot in sheet.Plots)
            {
                using (markup.Element("div", ("class", "figure")))
                {
                    Draw(markup, result, sheet, plot);
                }
            }

            RowTable.WriteMedians(markup, result);
            GoalTable.Write(markup, result, sheet);
            RowTable.WriteRuns(markup, result);
            WriteOrigin(markup, result);
        }
    }

    /// <summary>The size of the work in one line.</summary>
    public static string Shape(LoadResult result)
    {
        string[] parts = [.. s_sizes.Where(size => result.Setting(size.Name) > 0).Select(size => $"{Quantity.Bound(result.Setting(size.Name)!.Value)} {size.Words}")];
        string transport = result.Settings.TryGetValue("transport", out string? name) ? name : string.Empty;
        return string.Join(" · ", transport.Length > 0 ? [.. parts, transport] : parts);
    }

    private static void Draw(Markup markup, LoadResult result, ScenarioSheet sheet, PlotKind plot) => _ = plot switch
    {
        PlotKind.Bars => BarPlot.Draw(markup, result, sheet),
        PlotKind.Percentiles => PercentilePlot.Draw(markup, result, sheet),
        PlotKind.Slope => SlopePlot.Draw(markup, result, sheet),
        _ => StepsPlot.Draw(markup, result, sheet),
    };

    private static void WriteOrigin(Markup markup, LoadResult result)
    {
        using (markup.Element("div", ("class", "origin")))
        {
            markup.Leaf("pre", RepeatCommand.Of(result));
            string[] parts =
            [
                result.Runs.Count > 0 ? $"{result.Runs.Values.Max(runs => runs.Count)} turns" : string.Empty,
                result.Setting("seconds") is { } seconds ? $"{Quantity.Bound(seconds)} s measured" : string.Empty,
                result.Setting("warm_up_seconds") is { } warmUp ? $"after {Quantity.Bound(warmUp)} s" : string.Empty,
                result.Machine.GetValueOrDefault("date") ?? string.Empty,
                result.File,
            ];
            markup.Leaf("p", string.Join(" · ", parts.Where(part => part.Length > 0)), ("class", "quiet"));
        }
    }
}
