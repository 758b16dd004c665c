using System.Globalization;

namespace FastChat.Cli;

/// <summary>Sizes as people write them: <c>4096</c>, <c>64KiB</c>, <c>10MiB</c>, <c>1GiB</c>, <c>2TiB</c>.</summary>
internal static class Sizes
{
    /// <summary>How help calls one.</summary>
    public const string HelpName = "64KiB|10MiB|1GiB";

    private static readonly string[] s_units = ["KiB", "MiB", "GiB", "TiB"];

    /// <summary>Reads one.</summary>
    /// <exception cref="CliException">It is none, or 0, or more than there can be.</exception>
    public static long Parse(string text)
    {
        string number = text;
        int shift = 0;
        for (int i = 0; i < s_units.Length; i++)
        {
            if (text.EndsWith(s_units[i], StringComparison.OrdinalIgnoreCase))
            {
                (number, shift) = (text[..^s_units[i].Length], 10 * (i + 1));
            }
        }

        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long count) && count > 0 && count <= long.MaxValue >> shift
            ? count << shift
            : throw CliException.Usage($"'{SafeText.OneLine(text)}' is no size: a number of bytes, or {HelpName}");
    }

    /// <summary>Writes one, in the largest unit that holds it whole.</summary>
    public static string Format(long bytes)
    {
        int unit = -1;
        for (; unit + 1 < s_units.Length && bytes > 0 && bytes % 1024 == 0; unit++)
        {
            bytes >>= 10;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes}{(unit < 0 ? " bytes" : s_units[unit])}");
    }
}
