using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Plots;

/// <summary>The rate at each step of growth: flat is what a broker promises that does not slow down as it fills. Steps stand side by side, because two sizes grow at once and the first store is empty.</summary>
internal static class StepsPlot
{
    private const double Top = 16;
    private const double Plot = 220;
    private const double Bottom = 62;

    /// <summary>Draws it; false when no system has two steps.</summary>
    public static bool Draw(Markup markup, LoadResult result)
    {
        (string System, IReadOnlyList<GrowthStep> Steps)[] curves = [.. result.Rows.Select(row => (row.System, result.Steps(row.System))).Where(curve => curve.Item2.Count >= 2)];
        if (curves.Length == 0)
        {
            return false;
        }

        string label = "Acknowledgements per second by what is stored: " + string.Join("; ", curves.Select(curve => SystemName.Full(curve.System) + string.Concat(curve.Steps.Select(Describe))));
        Svg.Both(markup, _ => Top + Plot + Bottom, label, (svg, width) => Draw(svg, width, curves));
        return true;
    }

    private static void Draw(Svg svg, double width, (string System, IReadOnlyList<GrowthStep> Steps)[] curves)
    {
        bool isNarrow = width < 500;
        (double left, double right) = isNarrow ? (56, 84) : (72, 120);
        IReadOnlyList<GrowthStep> longest = curves.MaxBy(curve => curve.Steps.Count).Steps;
        Axis y = Axis.FromZero(curves.SelectMany(curve => curve.Steps).Max(step => step.Rate), Top + Plot, Top, 5);
        double X(int step) => left + 20 + (step * (width - right - left - 40) / (longest.Count - 1));
        foreach (double tick in y.Ticks)
        {
            svg.Line(left, y.Place(tick), width - right, y.Place(tick), tick == 0 ? "axis" : "grid");
            svg.Text(left - 6, y.Place(tick) + 4, Quantity.Tick(tick, "/s"), "tick", "end");
        }

        for (int i = 0; i < longest.Count; i++)
        {
            svg.Line(X(i), Top, X(i), Top + Plot, "grid");
            svg.Text(X(i), Top + Plot + 16, Quantity.Short(longest[i].Messages), "tick", "middle");
            svg.Text(X(i), Top + Plot + 31, Quantity.Short(longest[i].Conversations), "tick", "middle");
        }

        svg.Text(isNarrow ? width / 2 : (left + width - right) / 2, Top + Plot + 54, isNarrow ? "stored messages, in conversations" : "stored messages, in so many conversations; acknowledgements per second", "title", "middle");
        List<(double Y, string Text, string Class)> labels = [];
        foreach ((string system, IReadOnlyList<GrowthStep> steps) in curves.OrderBy(curve => curve.System == LoadResult.Ours))
        {
            (double X, double Y)[] points = [.. steps.Select((step, i) => (X(i), y.Place(step.Rate)))];
            svg.Curve(points, SystemMark.Class(system, "curve"));
            foreach ((double pointX, double pointY) in points)
            {
                svg.Path(SystemMark.Marker(system, pointX, pointY), SystemMark.Class(system, "marker"));
            }

            labels.Add((points[^1].Y, SystemName.Short(system), SystemMark.Class(system, "label coloured")));
        }

        EndLabels.Draw(svg, width - right + 2, Top, Top + Plot, labels);
    }

    private static string Describe(GrowthStep step) =>
        $", {Quantity.Text(step.Rate, "/s")} with {Quantity.Bound(step.Messages)} messages in {Quantity.Bound(step.Conversations)} conversations";
}
