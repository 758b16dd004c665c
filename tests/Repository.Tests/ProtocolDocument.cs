using System.Globalization;
using System.Text.RegularExpressions;

namespace FastChat.Repository.Tests;

/// <summary>The tables of protocol.md.</summary>
internal static partial class ProtocolDocument
{
    /// <summary>The whole text.</summary>
    public static string Text { get; } = SourceTree.Read("protocol.md");

    /// <summary>The rows of the first table in a section: cells without their borders, head and rule left out.</summary>
    public static IReadOnlyList<string[]> Table(string section)
    {
        Match heading = Regex.Match(Text, $@"^#+ {Regex.Escape(section)}[. ].*$", RegexOptions.Multiline);
        Assert.That(heading.Success, Is.True, $"protocol.md has no section {section}");
        string body = Text[(heading.Index + heading.Length)..];

        // A table begins at its rule: lines of a drawing begin with a bar too.
        return body[..NextHeading(body)].Split('\n')
            .SkipWhile(line => !line.StartsWith("|---", StringComparison.Ordinal))
            .Skip(1)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim().Trim('|').Split('|').Select(cell => cell.Trim()).ToArray())
            .ToArray();
    }

    /// <summary>The whole numbers in a cell: "64, 500, 8" has three, "10,000 and 1 MiB" two.</summary>
    public static long[] Numbers(string cell) => WholeNumber().Matches(cell)
        .Select(match => long.Parse(match.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture) << (match.Groups[2].Success ? 20 : 0))
        .ToArray();

    /// <summary>A C# name as protocol.md writes codes: BodyTooLarge is BODY_TOO_LARGE.</summary>
    public static string Screaming(string name) => InnerCapital().Replace(name, "_$0").ToUpperInvariant();

    /// <summary>A C# name as files are named: FetchEnd is fetch-end.</summary>
    public static string Kebab(string name) => InnerCapital().Replace(name, "-$0").ToLowerInvariant();

    private static int NextHeading(string body)
    {
        Match next = Regex.Match(body, "^#+ ", RegexOptions.Multiline);
        return next.Success ? next.Index : body.Length;
    }

    [GeneratedRegex(@"(\d{1,3}(?:,\d{3})+|\d+)( MiB)?")]
    private static partial Regex WholeNumber();

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex InnerCapital();
}
