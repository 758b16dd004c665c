using System.Diagnostics.CodeAnalysis;

namespace FastChat.Cli;

/// <summary>Reads hexadecimal as people paste it: whitespace anywhere, upper or lower case, <c>#</c> comments to the end of the line, an optional 0x in front.</summary>
internal static class HexText
{
    /// <summary>The bytes; false with the place of the first character that is none of that.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out byte[]? bytes, out string reason)
    {
        List<byte> result = new(text.Length / 2);
        bytes = null;
        int high = -1;
        bool comment = false;
        int start = text.AsSpan().TrimStart().StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.IndexOf('0', StringComparison.Ordinal) + 2 : 0;
        for (int i = start; i < text.Length; i++)
        {
            char character = text[i];
            comment = character == '#' || (comment && character != '\n');
            if (comment || char.IsWhiteSpace(character))
            {
                continue;
            }

            if (!char.IsAsciiHexDigit(character))
            {
                reason = $"character {i + 1} ('{SafeText.OneLine(character.ToString())}') is not a hexadecimal digit";
                return false;
            }

            int digit = char.IsAsciiDigit(character) ? character - '0' : (character | 0x20) - 'a' + 10;
            if (high < 0)
            {
                high = digit;
                continue;
            }

            result.Add((byte)((high << 4) | digit));
            high = -1;
        }

        reason = high >= 0 ? "an odd number of hexadecimal digits" : result.Count == 0 ? "there are no hexadecimal digits" : string.Empty;
        bytes = reason.Length == 0 ? [.. result] : null;
        return bytes is not null;
    }
}
