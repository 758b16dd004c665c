using System.Globalization;

namespace FastChat.Bench.Report.Pages;

/// <summary>Numbers as people read them: three digits that matter, and the unit that keeps them short.</summary>
internal static class Quantity
{
    /// <summary>A value of a figure in its unit: <c>134 k/s</c>, <c>2.50 ms</c>, <c>6.1 KB</c>.</summary>
    public static string Text(double value, string unit) => unit switch
    {
        "µs" => Micros(value),
        "/s" => Count(value) + "/s",
        "" => Count(value),
        "×" => Ratio(value),
        _ => $"{Plain(value)} {unit}",
    };

    /// <summary>A duration of so many µs.</summary>
    public static string Micros(double micros) => micros switch
    {
        >= 999_500 => Plain(micros / 1e6) + " s",
        >= 999.5 => Plain(micros / 1e3) + " ms",
        _ => Plain(micros) + " µs",
    };

    /// <summary>A round value beside an axis: as <see cref="Text"/>, without zeros that say nothing.</summary>
    public static string Tick(double value, string unit)
    {
        string[] words = Text(value, unit).Split(' ', 2);
        words[0] = words[0].Contains('.', StringComparison.Ordinal) ? words[0].TrimEnd('0').TrimEnd('.') : words[0];
        return value == 0 ? "0" : string.Join(' ', words);
    }

    /// <summary>A count for below an axis: <c>0</c>, <c>1 k</c>, <c>3.2 M</c>.</summary>
    public static string Short(double count) => count switch
    {
        >= 999_500 => (count / 1e6).ToString("0.#", CultureInfo.InvariantCulture) + " M",
        >= 1000 => (count / 1e3).ToString("0.#", CultureInfo.InvariantCulture) + " k",
        _ => count.ToString("0", CultureInfo.InvariantCulture),
    };

    /// <summary>A ratio with its sign.</summary>
    public static string Ratio(double ratio) => Plain(ratio) + "×";

    /// <summary>A bound as it was set, without trailing zeros.</summary>
    public static string Bound(double bound) => bound.ToString("#,0.##", CultureInfo.InvariantCulture);

    private static string Count(double value) => value switch
    {
        >= 999_500_000 => Plain(value / 1e9) + " G",
        >= 999_500 => Plain(value / 1e6) + " M",
        >= 9_995 => Plain(value / 1e3) + " k",
        _ => value.ToString(value < 10 ? "0.##" : "N0", CultureInfo.InvariantCulture),
    };

    private static string Plain(double value) => value.ToString(
        Math.Abs(value) switch { >= 99.95 => "N0", >= 9.995 => "0.0", _ => "0.00" }, CultureInfo.InvariantCulture);
}
