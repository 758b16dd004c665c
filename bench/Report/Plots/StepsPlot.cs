using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Plots;

/// <summary>The rate over what is stored, by its logarithm: flat is what a broker promises that does not slow down as it grows.</summary>
internal static class StepsPlot
{
    private const double Top = 16;
    private const double Plot = 220;
    private const double Bottom = 46;

    /// <summary>Draws it; false when no system has two steps.</summary>
    public static bool Draw(Markup markup, LoadResult result, ScenarioSheet sheet)
    {
        ResultRow[] rows = [.. result.Rows.Where(row => row.Steps.Count(step => step.Size > 0) >= 2)];
        if (rows.Length == 0)
        {
            return false;
        }

        string label = "Rate by size: " + string.Join(
            "; ", rows.Select(row => SystemName.Full(row.System) + string.Concat(row.Steps.Select(step => $", {Quantity.Text(step.Rate, "/s")} at {Quantity.Bound(step.Size)} {step.Unit}"))));
        Svg.Both(markup, _ => Top + Plot + Bottom, label, (svg, width) => Draw(svg, width, sheet, rows));
        return true;
    }

    private static void Draw(Svg svg, double width, ScenarioSheet sheet, ResultRow[] rows)
    {
        bool isNarrow = width < 500;
        (double left, double right) = isNarrow ? (56, 84) : (72, 120);
        GrowthStep[] all = [.. rows.SelectMany(row => row.Steps).Where(step => step.Size > 0)];
        Axis x = Axis.Logarithmic(all.Min(step => step.Size), all.Max(step => step.Size), left, width - right);
        Axis y = Axis.FromZero(all.Max(step => step.Rate), Top + Plot, Top, 5);
        foreach (double tick in y.Ticks)
        {
            svg.Line(left, y.Place(tick), width - right, y.Place(tick), tick == 0 ? "axis" : "grid");
            svg.Text(left - 6, y.Place(tick) + 4, tick == 0 ? "0" : Quantity.Text(tick, "/s"), "tick", "end");
        }

        double before = double.NegativeInfinity;
        foreach (double tick in x.Ticks)
        {
            svg.Line(x.Place(tick), Top, x.Place(tick), Top + Plot, "grid");
            if (x.Place(tick) - before >= 42)
            {
                before = x.Place(tick);
                svg.Text(before, Top + Plot + 16, Quantity.Text(tick, ""), "tick", "middle");
            }
        }

        svg.Text((left + width - right) / 2, Top + Plot + 38, $"{all[0].Unit} (logarithmic); {(isNarrow ? "rate" : sheet.KeyTitle.Replace(" at the largest step", "", StringComparison.Ordinal))}", "title", "middle");
        List<(double Y, string Text, string Class)> labels = [];
        foreach (ResultRow row in rows.OrderBy(row => row.System == LoadResult.Ours))
        {
            (double X, double Y)[] points = [.. row.Steps.Where(step => step.Size > 0).OrderBy(step => step.Size).Select(step => (x.Place(step.Size), y.Place(step.Rate)))];
            svg.Curve(points, SystemMark.Class(row.System, "curve"));
            foreach ((double pointX, double pointY) in points)
            {
                svg.Path(SystemMark.Marker(row.System, pointX, pointY), SystemMark.Class(row.System, "marker"));
            }

            labels.Add((points[^1].Y, SystemName.Short(row.System), SystemMark.Class(row.System, "label coloured")));
        }

        EndLabels.Draw(svg, width - right + 8, Top, Top + Plot, labels);
    }
}
