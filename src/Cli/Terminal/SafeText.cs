using System.Globalization;
using System.Text;

namespace FastChat.Cli;

/// <summary>
/// Makes text harmless for a terminal. A message may hold every code point (protocol.md §5.2), among them those that move the cursor, rename the window,
/// answer on the reader's behalf or turn the reading direction. Each is shown as a sign of its own instead of being obeyed.
/// </summary>
internal static class SafeText
{
    private const char FirstControlPicture = '\u2400';
    private const char DeletePicture = '\u2421';
    private const string TabSpaces = "    ";

    /// <summary>The text on one line: line breaks are shown as ↵.</summary>
    public static string OneLine(string text) => Replace(text, keepLineBreaks: false);

    /// <summary>The text with its line feeds kept; a carriage return before one disappears into it.</summary>
    public static string Lines(string text) => Replace(text.Replace("\r\n", "\n", StringComparison.Ordinal), keepLineBreaks: true);

    /// <summary>True when a terminal would do something else than print the rune.</summary>
    public static bool IsHarmful(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => true,
        UnicodeCategory.Format => rune.Value is not (0x200D or 0x200C or 0x00AD) && !IsTag(rune),
        _ => false,
    };

    private static string Replace(string text, bool keepLineBreaks)
    {
        bool clean = true;
        foreach (Rune rune in text.EnumerateRunes())
        {
            clean &= !IsHarmful(rune) && rune != Rune.ReplacementChar;
        }

        if (clean)
        {
            return text;
        }

        StringBuilder result = new(text.Length + 16);
        foreach (Rune rune in text.EnumerateRunes())
        {
            Append(result, rune, keepLineBreaks);
        }

        return result.ToString();
    }

    private static void Append(StringBuilder result, Rune rune, bool keepLineBreaks)
    {
        switch (rune.Value)
        {
            case '\n' when keepLineBreaks:
                result.Append('\n');
                break;
            case '\n':
                result.Append('↵');
                break;
            case '\t':
                result.Append(TabSpaces);
                break;
            case < 0x20:
                result.Append((char)(FirstControlPicture + rune.Value));
                break;
            case 0x7F:
                result.Append(DeletePicture);
                break;
            default:
                if (IsHarmful(rune))
                {
                    result.Append(CultureInfo.InvariantCulture, $"‹{rune.Value:X4}›");
                }
                else
                {
                    result.Append(rune.ToString());
                }

                break;
        }
    }

    // Tag characters spell the flags of England, Scotland and Wales and are invisible otherwise.
    private static bool IsTag(Rune rune) => rune.Value is >= 0xE0020 and <= 0xE007F;
}
