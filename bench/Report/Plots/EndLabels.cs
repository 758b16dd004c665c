namespace FastChat.Bench.Report.Plots;

/// <summary>Names beside the ends of curves, moved apart where they would lie on each other: nobody has to look for a colour in a legend.</summary>
internal static class EndLabels
{
    private const double Height = 14;

    /// <summary>Writes them at a place, between a top and a bottom.</summary>
    public static void Draw(Svg svg, double x, double top, double bottom, IEnumerable<(double Y, string Text, string Class)> labels)
    {
        double next = top + 4;
        (double Y, string Text, string Class)[] sorted = [.. labels.OrderBy(label => label.Y)];
        for (int i = 0; i < sorted.Length; i++)
        {
            double room = bottom - (Height / 2) - ((sorted.Length - 1 - i) * Height);
            double place = Math.Min(Math.Max(sorted[i].Y, next), room);
            svg.Text(x, place + 4, sorted[i].Text, sorted[i].Class);
            next = place + Height;
        }
    }
}
