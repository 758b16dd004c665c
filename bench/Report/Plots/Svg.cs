using System.Globalization;

using FastChat.Bench.Report.Pages;

namespace FastChat.Bench.Report.Plots;

/// <summary>The shapes that plots are made of. Colours and fonts are the style sheet's, so that a plot is right in light, dark and print.</summary>
internal sealed class Svg(Markup markup)
{
    /// <summary>Widths that every plot is drawn for: text in a drawing shrinks with it, so a phone gets a drawing of its own.</summary>
    public static readonly (string Class, double Width)[] Widths = [("wide", 720), ("narrow", 360)];

    /// <summary>Draws for both widths.</summary>
    /// <param name="markup">The page.</param>
    /// <param name="height">Height of the drawing at a width.</param>
    /// <param name="label">What who cannot see the drawing is told.</param>
    /// <param name="draw">Draws at a width.</param>
    public static void Both(Markup markup, Func<double, double> height, string label, Action<Svg, double> draw)
    {
        foreach ((string className, double width) in Widths)
        {
            using (markup.Element("svg", ("class", "plot " + className), ("viewBox", $"0 0 {Number(width)} {Number(height(width))}"), ("role", "img"), ("aria-label", label)))
            {
                draw(new Svg(markup), width);
            }
        }
    }

    /// <summary>A coordinate.</summary>
    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    public void Line(double x1, double y1, double x2, double y2, string className) =>
        markup.Empty("line", ("x1", Number(x1)), ("y1", Number(y1)), ("x2", Number(x2)), ("y2", Number(y2)), ("class", className));

    public void Rectangle(double x, double y, double width, double height, string className) =>
        markup.Empty("rect", ("x", Number(x)), ("y", Number(y)), ("width", Number(Math.Max(0, width))), ("height", Number(height)), ("rx", "2"), ("class", className));

    public void Path(string data, string className) => markup.Empty("path", ("d", data), ("class", className));

    /// <summary>A line through points.</summary>
    public void Curve(IEnumerable<(double X, double Y)> points, string className) =>
        Path("M" + string.Join("L", points.Select(point => Number(point.X) + " " + Number(point.Y))), className);

    /// <param name="anchor">start, middle or end.</param>
    public void Text(double x, double y, string text, string className, string anchor = "start") =>
        markup.Leaf("text", text, ("x", Number(x)), ("y", Number(y)), ("class", className), ("text-anchor", anchor));
}
