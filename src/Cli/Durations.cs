using System.Globalization;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Times as people write them: <c>30</c> or <c>30s</c>, <c>10m</c>, <c>2h</c>, <c>7d</c>.</summary>
internal static class Durations
{
    /// <summary>How help calls one.</summary>
    public const string HelpName = "30s|10m|2h|7d";

    /// <summary>Reads one; null stays null.</summary>
    /// <exception cref="CliException">It is none, or shorter than a second, or longer than ten years.</exception>
    public static TimeSpan? Parse(string? text)
    {
        if (text is null)
        {
            return null;
        }

        (string number, long factor) = text.Length == 0 ? (text, 0L) : text[^1] switch
        {
            's' => (text[..^1], 1L),
            'm' => (text[..^1], 60L),
            'h' => (text[..^1], 60L * 60),
            'd' => (text[..^1], 24L * 60 * 60),
            _ => (text, 1L),
        };
        return uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out uint count) && count > 0 && count * factor <= ProtocolLimits.DurationDaysMax * 24L * 60 * 60
            ? TimeSpan.FromSeconds(count * factor)
            : throw CliException.Usage($"'{SafeText.OneLine(text)}' is no time: {HelpName}, up to {ProtocolLimits.DurationDaysMax}d");
    }

    /// <summary>Writes one, in the largest unit that holds it whole.</summary>
    public static string Format(TimeSpan duration)
    {
        long seconds = (long)duration.TotalSeconds;
        return seconds switch
        {
            _ when seconds % 86_400 == 0 && seconds > 0 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 86_400}d"),
            _ when seconds % 3600 == 0 && seconds > 0 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}h"),
            _ when seconds % 60 == 0 && seconds > 0 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60}m"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{seconds}s"),
        };
    }
}
