using System.Text;

namespace FastChat.Cli;

/// <summary>
/// Makes the name of a file of what somebody else calls an attachment: a name and no path, nothing hidden, nothing that a terminal or a file system takes for something else. What cannot be kept becomes <c>_</c>.
/// </summary>
internal static class DownloadName
{
    /// <summary>Bytes of a name: what common file systems take, less room for what is put behind it.</summary>
    private const int SizeMax = 220;

    private const string Fallback = "attachment";

    private static readonly HashSet<string> DeviceNames = new(
        ["CON", "PRN", "AUX", "NUL", .. Enumerable.Range(0, 10).SelectMany(static number => new[] { $"COM{number}", $"LPT{number}" })], StringComparer.OrdinalIgnoreCase);

    /// <summary>The name; never empty, <c>.</c> or <c>..</c>, and without a separator of any system.</summary>
    public static string Of(string name)
    {
        StringBuilder kept = new();
        int size = 0;
        string extension = Path.GetExtension(name) is { Length: > 1 and <= 16 } last && last.All(static sign => sign == '.' || char.IsAsciiLetterOrDigit(sign)) ? last : string.Empty;
        foreach (Rune rune in name.AsSpan(0, name.Length - extension.Length).EnumerateRunes())
        {
            bool isHarmful = SafeText.IsHarmful(rune) || rune == Rune.ReplacementChar || rune.Value is '/' or '\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|';
            Rune sign = isHarmful ? new Rune('_') : rune;
            size += sign.Utf8SequenceLength;
            if (size > SizeMax - extension.Length)
            {
                break;
            }

            kept.Append(sign);
        }

        string stem = kept.ToString().Trim(' ');
        if (extension.Length == 0)
        {
            stem = stem.TrimEnd('.', ' ');
        }

        if (stem.Length == 0)
        {
            stem = Fallback;
        }

        // Hidden files, and those that a shell takes for options.
        if (stem[0] is '.' or '-' || DeviceNames.Contains(stem.Split('.')[0].Trim(' ')))
        {
            stem = $"_{stem[(stem[0] == '.' ? 1 : 0)..]}";
        }

        return stem + extension;
    }

    /// <summary>A name that is not among those taken, beginning with the one given.</summary>
    public static string Distinct(string name, IReadOnlySet<string> taken)
    {
        string stem = Path.GetFileNameWithoutExtension(name);
        string extension = Path.GetExtension(name);
        string distinct = name;
        for (int number = 2; taken.Contains(distinct); number++)
        {
            distinct = $"{stem} ({number}){extension}";
        }

        return distinct;
    }
}
