namespace FastChat.Cli;

/// <summary>Names of the usual reactions, for keyboards without pictures. What is none of them is a reaction as it was typed. Pure.</summary>
internal static class ReactionNames
{
    private static readonly (string Name, string Reaction)[] Table =
    [
        ("+1", "👍"), ("-1", "👎"), ("heart", "❤️"), ("smile", "😄"), ("laugh", "😂"), ("wow", "😮"), ("sad", "😢"), ("angry", "😠"),
        ("thanks", "🙏"), ("party", "🎉"), ("eyes", "👀"), ("fire", "🔥"), ("ok", "👌"), ("yes", "✅"), ("no", "❌"), ("wave", "👋"),
    ];

    /// <summary>The names, for the Tab key.</summary>
    public static IEnumerable<string> All => Table.Select(static one => one.Name);

    /// <summary>The reaction of a name, with or without colons around it; another text is itself.</summary>
    public static string ReactionOf(string text)
    {
        string name = text is [':', .., ':'] && text.Length > 2 ? text[1..^1] : text;
        return Array.Find(Table, one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Reaction ?? text;
    }
}
