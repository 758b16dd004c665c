using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Plots;

/// <summary>What tells a system from the others wherever it appears: a colour (by the style sheet, one for light and one for dark) and, on curves, a shape, for those to whom colours are alike.</summary>
internal static class SystemMark
{
    private static readonly string[] s_known = [LoadResult.Ours, LoadResult.Limit, "redis", "nats", "nats-core", "rabbitmq", "mosquitto", "signalr", "ejabberd"];

    /// <summary>The class that sets the colour; a system that is not known gets a neutral one, never its own name.</summary>
    public static string Class(string system) => Array.IndexOf(s_known, system) is >= 0 and var place ? "c-" + s_known[place] : "c-other";

    /// <summary>The same with a class for the part that it colours, and one for the emphasis on ours.</summary>
    public static string Class(string system, string part) => system == LoadResult.Ours ? $"{part} {Class(system)} ours" : $"{part} {Class(system)}";

    /// <summary>A marker of about eight units around a point, as the data of an SVG path.</summary>
    public static string Marker(string system, double x, double y)
    {
        string at = Svg.Number(x) + " " + Svg.Number(y);
        return (Math.Max(0, Array.IndexOf(s_known, system)) % 5) switch
        {
            0 => $"M{at}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
            1 => $"M{at}m-4 -4h8v8h-8z",
            2 => $"M{at}m0 -5l5 8.5h-10z",
            3 => $"M{at}m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
            _ => $"M{at}m0 5l5 -8.5h-10z",
        };
    }
}
