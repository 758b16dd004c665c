using System.Globalization;
using System.Text;

namespace FastChat.Cli;

/// <summary>
/// How many columns text takes on a terminal. Measured by grapheme cluster, because that is what the cursor moves over and what is never cut in two.
/// Terminals differ on young emoji; the ranges are those of East Asian Width W and F, and of emoji shown as pictures by default.
/// </summary>
internal static class TextWidth
{
    private static readonly (int First, int Last)[] Wide =
    [
        (0x1100, 0x115F), (0x231A, 0x231B), (0x2329, 0x232A), (0x23E9, 0x23EC), (0x23F0, 0x23F0), (0x23F3, 0x23F3), (0x25FD, 0x25FE),
        (0x2614, 0x2615), (0x2648, 0x2653), (0x267F, 0x267F), (0x2693, 0x2693), (0x26A1, 0x26A1), (0x26AA, 0x26AB), (0x26BD, 0x26BE),
        (0x26C4, 0x26C5), (0x26CE, 0x26CE), (0x26D4, 0x26D4), (0x26EA, 0x26EA), (0x26F2, 0x26F3), (0x26F5, 0x26F5), (0x26FA, 0x26FA),
        (0x26FD, 0x26FD), (0x2705, 0x2705), (0x270A, 0x270B), (0x2728, 0x2728), (0x274C, 0x274C), (0x274E, 0x274E), (0x2753, 0x2755),
        (0x2757, 0x2757), (0x2795, 0x2797), (0x27B0, 0x27B0), (0x27BF, 0x27BF), (0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55),
        (0x2E80, 0x303E), (0x3041, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF), (0xA960, 0xA97F), (0xAC00, 0xD7A3),
        (0xF900, 0xFAFF), (0xFE10, 0xFE19), (0xFE30, 0xFE6F), (0xFF00, 0xFF60), (0xFFE0, 0xFFE6), (0x16FE0, 0x18CFF), (0x1AFF0, 0x1B2FF),
        (0x1F004, 0x1F004), (0x1F0CF, 0x1F0CF), (0x1F18E, 0x1F18E), (0x1F191, 0x1F19A), (0x1F1E6, 0x1F202), (0x1F210, 0x1F23B),
        (0x1F240, 0x1F248), (0x1F250, 0x1F251), (0x1F260, 0x1F265), (0x1F300, 0x1F320), (0x1F32D, 0x1F335), (0x1F337, 0x1F37C),
        (0x1F37E, 0x1F393), (0x1F3A0, 0x1F3CA), (0x1F3CF, 0x1F3D3), (0x1F3E0, 0x1F3F0), (0x1F3F4, 0x1F3F4), (0x1F3F8, 0x1F43E),
        (0x1F440, 0x1F440), (0x1F442, 0x1F4FC), (0x1F4FF, 0x1F53D), (0x1F54B, 0x1F54E), (0x1F550, 0x1F567), (0x1F57A, 0x1F57A),
        (0x1F595, 0x1F596), (0x1F5A4, 0x1F5A4), (0x1F5FB, 0x1F64F), (0x1F680, 0x1F6C5), (0x1F6CC, 0x1F6CC), (0x1F6D0, 0x1F6D2),
        (0x1F6D5, 0x1F6D7), (0x1F6DC, 0x1F6DF), (0x1F6EB, 0x1F6EC), (0x1F6F4, 0x1F6FC), (0x1F7E0, 0x1F7EB), (0x1F7F0, 0x1F7F0),
        (0x1F90C, 0x1F93A), (0x1F93C, 0x1F945), (0x1F947, 0x1F9FF), (0x1FA70, 0x1FAFF), (0x20000, 0x2FFFD), (0x30000, 0x3FFFD),
    ];

    /// <summary>Columns of a text without control characters.</summary>
    public static int Of(ReadOnlySpan<char> text)
    {
        int width = 0;
        while (!text.IsEmpty)
        {
            int length = ClusterLength(text);
            width += OfCluster(text[..length]);
            text = text[length..];
        }

        return width;
    }

    /// <summary>Length in UTF-16 units of the grapheme cluster that <paramref name="text"/> begins with.</summary>
    public static int ClusterLength(ReadOnlySpan<char> text) =>
        text.Length == 1 || (char.IsAscii(text[0]) && char.IsAscii(text[1])) ? 1 : StringInfo.GetNextTextElementLength(text);

    /// <summary>Columns of one grapheme cluster: 0, 1 or 2.</summary>
    public static int OfCluster(ReadOnlySpan<char> cluster)
    {
        if (cluster.Length == 1 && char.IsAscii(cluster[0]))
        {
            return 1;
        }

        // U+FE0F asks for the picture form of a sign that is narrow by itself (❤ becomes ❤️).
        if (cluster.Length > 1 && cluster.Contains('\uFE0F'))
        {
            return 2;
        }

        foreach (Rune rune in cluster.EnumerateRunes())
        {
            int width = OfRune(rune);
            if (width > 0)
            {
                return width;
            }
        }

        return 0;
    }

    /// <summary>The longest beginning of <paramref name="text"/> that takes at most <paramref name="columns"/>, cut between clusters.</summary>
    public static int Fit(ReadOnlySpan<char> text, int columns, out int width)
    {
        int length = 0;
        width = 0;
        while (length < text.Length)
        {
            int cluster = ClusterLength(text[length..]);
            int clusterWidth = OfCluster(text.Slice(length, cluster));
            if (width + clusterWidth > columns)
            {
                break;
            }

            width += clusterWidth;
            length += cluster;
        }

        return length;
    }

    private static int OfRune(Rune rune)
    {
        if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format)
        {
            return rune.Value == 0x00AD ? 1 : 0;
        }

        int low = 0;
        int high = Wide.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (rune.Value > Wide[middle].Last)
            {
                low = middle + 1;
            }
            else if (rune.Value < Wide[middle].First)
            {
                high = middle - 1;
            }
            else
            {
                return 2;
            }
        }

        return 1;
    }
}
