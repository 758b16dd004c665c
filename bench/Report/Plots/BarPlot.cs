using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Plots;

/// <summary>The key figure of each system as a bar of its median, with a whisker from the least to the most of its runs and a point for each run.</summary>
internal static class BarPlot
{
    private const double RowHeight = 34;
    private const double BarHeight = 18;
    private const double Top = 18;
    private const double Bottom = 44;

    // Of the page's font at the size of the plots, wide enough for any system's.
    private const double LetterWidth = 7;

    /// <summary>Draws it; false when no system has the figure.</summary>
    public static bool Draw(Markup markup, LoadResult result, ScenarioSheet sheet)
    {
        ResultRow[] rows = [.. result.Rows.Where(row => row[sheet.KeyFigure] is not null)];
        if (rows.Length == 0)
        {
            return false;
        }

        string label = $"{sheet.KeyTitle}: " + string.Join(", ", rows.Select(row => $"{SystemName.Full(row.System)} {Quantity.Text(row[sheet.KeyFigure]!.Value, sheet.KeyUnit)}"));
        Svg.Both(markup, _ => Top + (rows.Length * RowHeight) + Bottom, label, (svg, width) => Draw(svg, width, result, sheet, rows));
        return true;
    }

    private static void Draw(Svg svg, double width, LoadResult result, ScenarioSheet sheet, ResultRow[] rows)
    {
        bool isNarrow = width < 500;
        double left = isNarrow ? 84 : 128;
        double right = 20 + (LetterWidth * rows.Max(row => ValueText(row, sheet).Length));
        double foot = Top + (rows.Length * RowHeight);
        double? goal = GoalValue(result, sheet);
        double most = rows.Max(row => Math.Max(row[sheet.KeyFigure]!.Value, result.Range(row.System, sheet.KeyFigure)?.Most ?? 0));
        bool showsGoal = goal > 0 && goal <= 3 * most;
        Axis axis = Axis.FromZero(showsGoal ? Math.Max(most, goal!.Value) : most, left, width - right, isNarrow ? 3 : 6);
        foreach (double tick in axis.Ticks)
        {
            svg.Line(axis.Place(tick), Top, axis.Place(tick), foot, tick == 0 ? "axis" : "grid");
            svg.Text(axis.Place(tick), foot + 16, Quantity.Tick(tick, Bare(sheet.KeyUnit)), "tick", "middle");
        }

        if (showsGoal)
        {
            double x = axis.Place(goal!.Value);
            svg.Line(x, Top - 4, x, foot, "goal");
            svg.Text(x, Top - 7, sheet.IsMoreBetter ? "goals from here" : "goal: to here", "goaltext", x > width - 120 ? "end" : "middle");
        }

        for (int i = 0; i < rows.Length; i++)
        {
            DrawRow(svg, result, sheet, rows[i], axis, left, Top + (i * RowHeight) + (RowHeight / 2));
        }

        svg.Text(isNarrow ? width / 2 : (left + width - right) / 2, foot + 36, $"{sheet.KeyTitle} ({(sheet.IsMoreBetter ? "more" : "less")} is better)", "title", "middle");
    }

    private static void DrawRow(Svg svg, LoadResult result, ScenarioSheet sheet, ResultRow row, Axis axis, double left, double y)
    {
        double value = row[sheet.KeyFigure]!.Value;
        double end = axis.Place(value);
        svg.Text(left - 8, y + 4, SystemName.Short(row.System), row.System == LoadResult.Ours ? "label ours" : "label", "end");
        svg.Rectangle(left, y - (BarHeight / 2), end - left, BarHeight, SystemMark.Class(row.System, row.Disqualification is null ? "bar" : "bar hollow"));
        if (result.Range(row.System, sheet.KeyFigure) is { } range && range.Most > range.Least)
        {
            (double least, double most) = (axis.Place(range.Least), axis.Place(range.Most));
            svg.Line(least, y, most, y, "whisker");
            svg.Line(least, y - 5, least, y + 5, "whisker");
            svg.Line(most, y - 5, most, y + 5, "whisker");
            end = Math.Max(end, most);
        }

        svg.Text(end + 7, y + 4, ValueText(row, sheet), row.System == LoadResult.Ours ? "value ours" : "value");
    }

    private static string ValueText(ResultRow row, ScenarioSheet sheet)
    {
        string text = Quantity.Text(row[sheet.KeyFigure]!.Value, sheet.KeyUnit);
        return row.Disqualification is { } reason ? $"{text} {reason}" : text;
    }

    /// <summary>Where our bar must end for every goal about this figure; null when there is none that can be told: a peer may be missing or void.</summary>
    private static double? GoalValue(LoadResult result, ScenarioSheet sheet)
    {
        if (!sheet.HasGoalShape(result))
        {
            return null;
        }

        // Ratios are turn by turn: the bar that reaches a goal is ours, scaled by what the ratio lacks.
        double? ours = result.Row(LoadResult.Ours)?[sheet.KeyFigure];
        IEnumerable<double?> ends = sheet.Goals.Where(goal => goal.Figure == sheet.KeyFigure && (goal.Peer is null || result.Row(goal.Peer) is { IsVoid: false }))
            .Select(goal => goal.Measure(result) is > 0 and var measured ? ours * goal.Bound / measured : null);
        return sheet.IsMoreBetter ? ends.Max() : ends.Min();
    }

    private static string Bare(string unit) => unit == "/s" ? "" : unit;
}
