using System.Text;

namespace FastChat.Protocol;

/// <summary>
/// What may stand in a profile (protocol.md §4.8). Names and fields are shown next to other people's: nothing in them may move the cursor, colour a terminal or turn the direction of the text
/// around them, so control characters and bidirectional formatting are refused rather than shown harmlessly by every client.
/// </summary>
public static class ProfileRules
{
    /// <summary>What is wrong with a change, as a sentence for its maker; null when nothing is.</summary>
    public static string? FindFault(ProfileChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return Text("display_name", change.DisplayName, PeopleLimits.DisplayNameSizeMax)
            ?? Text("avatar", change.Avatar, PeopleLimits.AvatarSizeMax)
            ?? (change.Locale is null or "" || IsLocale(change.Locale) ? null : "locale: a language tag as in BCP 47, of at most 35 bytes, is expected")
            ?? Fields(change.Fields);
    }

    /// <summary>Bytes that a profile counts: those of its texts and of the keys of its fields.</summary>
    public static int SizeOf(string? displayName, string? avatar, string? locale, ProfileFields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return Size(displayName) + Size(avatar) + Size(locale) + fields.All.Sum(field => Size(field.Key) + Size(field.Value));
    }

    /// <summary>True for the shape of a language tag: 2–8 letters, then parts of 1–8 letters or digits behind hyphens. Whether the language exists is nobody's business here.</summary>
    public static bool IsLocale(string tag)
    {
        ArgumentNullException.ThrowIfNull(tag);
        string[] parts = tag.Length > PeopleLimits.LocaleSizeMax ? [] : tag.Split('-');
        return parts.Length > 0
            && parts[0].Length is >= 2 and <= 8
            && parts[0].All(char.IsAsciiLetter)
            && parts.Skip(1).All(static part => part.Length is >= 1 and <= 8 && part.All(char.IsAsciiLetterOrDigit));
    }

    /// <summary>True when a text has no control characters, no bidirectional formatting and no lone surrogate.</summary>
    public static bool IsHarmless(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i]) || text[i] is '\u061C' or '\u200E' or '\u200F' or '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069'))
            {
                return false;
            }

            if (char.IsSurrogate(text[i]) && !(char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[++i])))
            {
                return false;
            }
        }

        return true;
    }

    private static string? Fields(ProfileFields? fields)
    {
        if (fields is null)
        {
            return null;
        }

        foreach ((string key, string value) in fields.All)
        {
            if (key.Length == 0 || Size(key) > PeopleLimits.FieldKeySizeMax || !IsHarmless(key))
            {
                return "fields: a key has 1–64 bytes without control characters";
            }

            if (Text("fields", value, PeopleLimits.FieldValueSizeMax) is { } fault)
            {
                return fault;
            }
        }

        return null;
    }

    private static string? Text(string key, string? text, int sizeMax) =>
        text is null || (IsHarmless(text) && Size(text) <= sizeMax) ? null : $"{key}: at most {sizeMax} bytes without control characters are expected";

    private static int Size(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);
}
