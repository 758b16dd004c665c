using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Plots;

/// <summary>Memory that idle sessions add, over their number: the slopes that were measured, and the one that is the goal.</summary>
internal static class SlopePlot
{
    private const double Top = 16;
    private const double Plot = 220;
    private const double Bottom = 46;

    /// <summary>Draws it; false when no system has a slope.</summary>
    public static bool Draw(Markup markup, LoadResult result, ScenarioSheet sheet)
    {
        ResultRow[] rows = [.. result.Rows.Where(row => row[Figure.KbPerSession] > 0)];
        if (rows.Length == 0)
        {
            return false;
        }

        double sessions = result.Setting("connections") is > 0 and var set ? set : 18_000;
        string label = "Memory added by idle sessions: " + string.Join(", ", rows.Select(row => $"{SystemName.Full(row.System)} {Quantity.Text(row[Figure.KbPerSession]!.Value, "KB")} for each"));
        Svg.Both(markup, _ => Top + Plot + Bottom, label, (svg, width) => Draw(svg, width, sheet, rows, sessions));
        return true;
    }

    private static void Draw(Svg svg, double width, ScenarioSheet sheet, ResultRow[] rows, double sessions)
    {
        bool isNarrow = width < 500;
        (double left, double right) = isNarrow ? (56, 106) : (72, 170);
        double? goal = sheet.Goals.FirstOrDefault(candidate => candidate.Figure == Figure.KbPerSession)?.Bound;
        double Megabytes(double kilobytes) => kilobytes * sessions / 1024;
        Axis x = Axis.FromZero(sessions, left, width - right, isNarrow ? 3 : 6);
        Axis y = Axis.FromZero(Megabytes(Math.Max(goal ?? 0, rows.Max(row => row[Figure.KbPerSession]!.Value))), Top + Plot, Top, 5);
        foreach (double tick in y.Ticks)
        {
            svg.Line(left, y.Place(tick), width - right, y.Place(tick), tick == 0 ? "axis" : "grid");
            svg.Text(left - 6, y.Place(tick) + 4, $"{Quantity.Bound(tick)} MB", "tick", "end");
        }

        foreach (double tick in x.Ticks)
        {
            svg.Text(x.Place(tick), Top + Plot + 16, Quantity.Bound(tick), "tick", "middle");
        }

        svg.Text(isNarrow ? width / 2 : (left + width - right) / 2, Top + Plot + 38, "idle sessions; memory that they add to the server", "title", "middle");
        List<(double Y, string Text, string Class)> labels = [];
        if (goal is { } bound)
        {
            svg.Line(x.Place(0), y.Place(0), x.Place(sessions), y.Place(Megabytes(bound)), "goal");
            labels.Add((y.Place(Megabytes(bound)), $"goal {Quantity.Bound(bound)} KB", "goaltext"));
        }

        foreach (ResultRow row in rows.OrderBy(row => row.System == LoadResult.Ours))
        {
            double slope = row[Figure.KbPerSession]!.Value;
            double end = y.Place(Megabytes(slope));
            svg.Line(x.Place(0), y.Place(0), x.Place(sessions), end, SystemMark.Class(row.System, "curve"));
            svg.Path(SystemMark.Marker(row.System, x.Place(sessions), end), SystemMark.Class(row.System, "marker"));
            labels.Add((end, $"{SystemName.Short(row.System)} {Quantity.Text(slope, "KB")}", SystemMark.Class(row.System, "label coloured")));
        }

        EndLabels.Draw(svg, x.Place(sessions) + 9, Top, Top + Plot, labels);
    }
}
