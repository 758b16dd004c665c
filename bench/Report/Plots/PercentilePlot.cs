using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Pages;
using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Plots;

/// <summary>
/// Latencies over percentiles, both by their logarithm: every nine of the percentile is one step, so that the tail has the room it deserves. Whiskers are the least and the most of the runs; the
/// disk's own fdatasync, where the run measured it, lies below as a dotted line.
/// </summary>
internal static class PercentilePlot
{
    private const double Top = 14;
    private const double Plot = 220;
    private const double Bottom = 46;

    private static readonly (string Figure, double Percent, string Text)[] s_points =
        [(Figure.P50, 50, "p50"), (Figure.P99, 99, "p99"), (Figure.P999, 99.9, "p99.9"), (Figure.P9999, 99.99, "p99.99")];

    private static readonly (string Figure, double Percent)[] s_disk = [(Figure.SyncP50, 50), (Figure.SyncP99, 99)];

    /// <summary>Draws it; false when no system has two of the percentiles.</summary>
    public static bool Draw(Markup markup, LoadResult result, ScenarioSheet sheet)
    {
        ResultRow[] rows = [.. result.Rows.Where(row => s_points.Count(point => row[point.Figure] > 0) >= 2)];
        if (rows.Length == 0)
        {
            return false;
        }

        string label = $"{sheet.LatencyTitle}, by percentile: " + string.Join(
            "; ", rows.Select(row => SystemName.Full(row.System) + string.Concat(Points(row).Select(point => $", {point.Text} {Quantity.Micros(row[point.Figure]!.Value)}"))));
        Svg.Both(markup, _ => Top + Plot + Bottom, label, (svg, width) => Draw(svg, width, result, sheet, rows));
        return true;
    }

    private static void Draw(Svg svg, double width, LoadResult result, ScenarioSheet sheet, ResultRow[] rows)
    {
        bool isNarrow = width < 500;
        (double left, double right) = isNarrow ? (56, 84) : (72, 120);
        (double Percent, double Micros)[] disk = Disk(result);
        double[] all =
        [
            .. rows.SelectMany(row => Points(row).SelectMany(point => new[] { row[point.Figure]!.Value, result.Range(row.System, point.Figure)?.Least ?? 0, result.Range(row.System, point.Figure)?.Most ?? 0 })),
            .. disk.Select(point => point.Micros),
        ];
        Axis y = Axis.Logarithmic(all.Where(value => value > 0).Min(), all.Max(), Top + Plot, Top);
        (string Figure, double Percent, string Text)[] shown = [.. s_points.Where(point => rows.Any(row => row[point.Figure] > 0))];
        double first = Nines(shown[0].Percent);
        double last = Nines(shown[^1].Percent);
        double X(double percent) => left + 14 + ((Nines(percent) - first) / Math.Max(1e-9, last - first) * (width - right - left - 28));

        foreach (double tick in y.Ticks)
        {
            svg.Line(left, y.Place(tick), width - right, y.Place(tick), "grid");
            svg.Text(left - 6, y.Place(tick) + 4, Quantity.Tick(tick, "µs"), "tick", "end");
        }

        foreach ((_, double percent, string text) in shown)
        {
            svg.Line(X(percent), Top, X(percent), Top + Plot, "grid");
            svg.Text(X(percent), Top + Plot + 16, text, "tick", "middle");
        }

        svg.Line(left, Top + Plot, width - right, Top + Plot, "axis");
        svg.Text(isNarrow ? width / 2 : (left + width - right) / 2, Top + Plot + 38, isNarrow ? sheet.LatencyTitle : $"{sheet.LatencyTitle} (logarithmic)", "title", "middle");
        List<(double Y, string Text, string Class)> labels = [];
        if (disk.Length > 0)
        {
            svg.Curve(disk.Select(point => (X(point.Percent), y.Place(point.Micros))), "curve disk");
            svg.Text(X(disk[^1].Percent) + 8, y.Place(disk[^1].Micros) + 12, "fdatasync", "tick");
        }

        // Ours comes last and so lies on top.
        foreach (ResultRow row in rows.OrderBy(row => row.System == LoadResult.Ours))
        {
            labels.Add((DrawCurve(svg, result, row, X, y), SystemName.Short(row.System), SystemMark.Class(row.System, "label coloured")));
        }

        EndLabels.Draw(svg, width - right + 2, Top, Top + Plot, labels);
    }

    private static double DrawCurve(Svg svg, LoadResult result, ResultRow row, Func<double, double> x, Axis y)
    {
        (double X, double Y)[] points = [.. Points(row).Select(point => (x(point.Percent), y.Place(row[point.Figure]!.Value)))];
        foreach ((string figure, double percent, _) in Points(row))
        {
            if (result.Range(row.System, figure) is { } range && range.Most > range.Least)
            {
                svg.Line(x(percent), y.Place(range.Least), x(percent), y.Place(range.Most), SystemMark.Class(row.System, "spread"));
            }
        }

        svg.Curve(points, SystemMark.Class(row.System, "curve"));
        foreach ((double pointX, double pointY) in points)
        {
            svg.Path(SystemMark.Marker(row.System, pointX, pointY), SystemMark.Class(row.System, "marker"));
        }

        return points[^1].Y;
    }

    private static IEnumerable<(string Figure, double Percent, string Text)> Points(ResultRow row) => s_points.Where(point => row[point.Figure] > 0);

    /// <summary>The disk's own figures: ours, or those of the first row that has them.</summary>
    private static (double Percent, double Micros)[] Disk(LoadResult result)
    {
        ResultRow? row = new[] { result.Row(LoadResult.Ours) }.Concat(result.Rows).FirstOrDefault(candidate => s_disk.All(point => candidate?[point.Figure] > 0));
        return row is null ? [] : [.. s_disk.Select(point => (point.Percent, row[point.Figure]!.Value))];
    }

    private static double Nines(double percent) => -Math.Log10(1 - (percent / 100));
}
