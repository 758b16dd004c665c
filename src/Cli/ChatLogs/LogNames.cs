using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Which names a chat log's nicks and files get here. Both are functions of the bytes alone, so every replay finds the same users and conversations.</summary>
internal static class LogNames
{
    // A nick that begins with this sign is escaped too, so an escaped name never equals another nick.
    private const string EscapeMark = "\u241B";
    private const int EscapedSizeMax = 3;
    private const int HashDigits = 8;

    private static readonly string[] Suffixes = [".raw.txt", ".txt"];

    /// <summary>
    /// The name of the imported user for a nick: the nick itself where it is a valid external name; otherwise ␛ and the bytes, those outside printable
    /// ASCII (and %) as %XX. What would be too long then ends in a hash of the nick: distinct, though no longer reversible.
    /// </summary>
    public static string UserName(ReadOnlySpan<byte> nick)
    {
        if (Utf8.IsValid(nick))
        {
            string name = Encoding.UTF8.GetString(nick);
            if (Names.IsExternalName(name) && !name.StartsWith(EscapeMark, StringComparison.Ordinal))
            {
                return name;
            }
        }

        StringBuilder escaped = new();
        foreach (byte value in nick)
        {
            _ = value is >= 0x20 and < 0x7F and not (byte)'%' ? escaped.Append((char)value) : escaped.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
        }

        int room = ProtocolLimits.NameSizeMax - Encoding.UTF8.GetByteCount(EscapeMark);
        return EscapeMark + (escaped.Length <= room ? escaped.ToString() : Shorten(escaped.ToString(), nick, room));
    }

    /// <summary>The nick behind a name that <see cref="UserName"/> made; null when it was shortened.</summary>
    public static byte[]? NickOf(string name)
    {
        if (!name.StartsWith(EscapeMark, StringComparison.Ordinal))
        {
            return Encoding.UTF8.GetBytes(name);
        }

        List<byte> nick = [];
        for (int i = EscapeMark.Length; i < name.Length; i++)
        {
            if (name[i] != '%')
            {
                nick.Add((byte)name[i]);
                continue;
            }

            if (i + EscapedSizeMax > name.Length || !byte.TryParse(name.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                return null;
            }

            nick.Add(value);
            i += EscapedSizeMax - 1;
        }

        return [.. nick];
    }

    /// <summary>The conversation for a file: prefix and file name without .raw.txt or .txt, other characters than names may have replaced by '_'.</summary>
    public static string ConversationName(string path, string prefix)
    {
        string file = Path.GetFileName(path);
        foreach (string suffix in Suffixes)
        {
            if (file.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) && file.Length > suffix.Length)
            {
                file = file[..^suffix.Length];
                break;
            }
        }

        StringBuilder name = new();
        foreach (char character in prefix + file)
        {
            name.Append(char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-' ? character : '_');
        }

        if (!char.IsAsciiLetterOrDigit(name[0]))
        {
            name.Insert(0, 'x');
        }

        return name.Length <= ProtocolLimits.NameSizeMax
            ? name.ToString()
            : Shorten(name.ToString(), Encoding.UTF8.GetBytes(prefix + file), ProtocolLimits.NameSizeMax, separator: '-');
    }

    private static string Shorten(string text, ReadOnlySpan<byte> whole, int lengthMax, char separator = '%')
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(whole))[..HashDigits];
        return string.Concat(text.AsSpan(0, lengthMax - HashDigits - 2), $"{separator}{separator}", hash);
    }
}
