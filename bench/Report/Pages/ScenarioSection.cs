using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Plots;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Pages;

/// <summary>One result: what is measured, plots, rows, goals, runs, and how to repeat it.</summary>
internal static class ScenarioSection
{
    /// <summary>Writes it.</summary>
    public static void Write(Markup markup, LoadResult result, ScenarioSheet sheet, string anchor)
    {
        using (markup.Element("section", ("id", anchor)))
        {
            markup.Leaf("h2", sheet.Title);
            markup.Leaf("p", sheet.Sentence, ("class", "sentence"));
            markup.Leaf("p", Shape(result, sheet), ("class", "shape"));
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
    public static string Shape(LoadResult result, ScenarioSheet sheet)
    {
        IEnumerable<string> parts = sheet.Sizes.Where(size => result.Setting(size.Setting) > 0).Select(size => Counted(result.Setting(size.Setting)!.Value, size.Words));
        return string.Join(" · ", result.Settings.TryGetValue("transport", out string? transport) ? parts.Append(transport) : parts);
    }

    private static string Counted(double count, string words) => $"{Quantity.Bound(count)} {(count == 1 ? words.TrimEnd('s') : words)}";

    private static void Draw(Markup markup, LoadResult result, ScenarioSheet sheet, PlotKind plot) => _ = plot switch
    {
        PlotKind.Bars => BarPlot.Draw(markup, result, sheet),
        PlotKind.Percentiles => PercentilePlot.Draw(markup, result, sheet),
        PlotKind.Slope => SlopePlot.Draw(markup, result, sheet),
        _ => StepsPlot.Draw(markup, result),
    };

    private static void WriteOrigin(Markup markup, LoadResult result)
    {
        using (markup.Element("div", ("class", "origin")))
        {
            markup.Leaf("pre", RepeatCommand.Of(result));
            string[] parts =
            [
                result.Runs.Count > 0 ? Counted(result.Runs.Values.Max(runs => runs.Count), "turns") : string.Empty,
                result.Setting("seconds") is { } seconds ? $"{Quantity.Bound(seconds)} s measured" : string.Empty,
                result.Setting("warm_up_seconds") is { } warmUp ? $"after {Quantity.Bound(warmUp)} s" : string.Empty,
                result.Machine.GetValueOrDefault("date") ?? string.Empty,
                result.File,
            ];
            markup.Leaf("p", string.Join(" · ", parts.Where(part => part.Length > 0)), ("class", "quiet"));
        }
    }
}
