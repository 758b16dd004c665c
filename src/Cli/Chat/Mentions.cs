using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The @names in a text. Pure.</summary>
internal static class Mentions
{
    private static readonly string[] Everyone = ["all", "everyone"];

    /// <summary>Where they are, the @ included, from left to right. A name ends before punctuation that no name ends with.</summary>
    public static IEnumerable<(int Start, int Length)> Places(string text)
    {
        for (int at = text.IndexOf('@', StringComparison.Ordinal); at >= 0; at = text.IndexOf('@', at + 1))
        {
            int end = at + 1;
            while (end < text.Length && IsOfName(text[end]))
            {
                end++;
            }

            while (text[end - 1] is '.' or '-')
            {
                end--;
            }

            bool beginsWord = at == 0 || !IsOfName(text[at - 1]);
            if (beginsWord && end > at + 1)
            {
                yield return (at, end - at);
            }
        }
    }

    /// <summary>The names, without the @, each once whatever its case.</summary>
    public static IEnumerable<string> Names(string text) =>
        Places(text).Select(place => text.Substring(place.Start + 1, place.Length - 1)).Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>True for the words that stand for all of a conversation.</summary>
    public static bool IsEveryone(string name) => Everyone.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>What a message with this text says of whom it mentions; null when it mentions nobody that is known.</summary>
    /// <param name="text">The text.</param>
    /// <param name="find">The user of a name; none when it is nobody's.</param>
    /// <param name="maySayEveryone">True when the sender has the right to mention everyone; without it the word is a word.</param>
    public static MessageAttributes? AttributesOf(string text, Func<string, UserId> find, bool maySayEveryone)
    {
        string[] names = [.. Names(text)];
        UserId[] users = [.. names.Select(find).Where(static user => !user.IsNone).Distinct().Take(ProtocolLimits.MentionsMax)];
        bool everyone = maySayEveryone && Array.Exists(names, IsEveryone);
        return users.Length == 0 && !everyone ? null : new MessageAttributes { Mentions = users, MentionsAll = everyone };
    }

    private static bool IsOfName(char character) => char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-';
}
