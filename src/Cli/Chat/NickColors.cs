namespace FastChat.Cli;

/// <summary>A colour per name, the same in every room and at every start: people recognise each other by it before they read.</summary>
internal static class NickColors
{
    // Of the 256-colour palette, those that are readable on a dark and on a light background and differ from one another.
    private static readonly byte[] Palette = [33, 35, 37, 39, 61, 63, 67, 71, 75, 79, 97, 99, 103, 107, 129, 131, 133, 135, 137, 139, 141, 161, 163, 167, 169, 171, 173, 175, 179, 202, 204, 208];

    /// <summary>The colour of a name.</summary>
    public static TextStyle StyleOf(string name)
    {
        // FNV-1a: string.GetHashCode differs from process to process.
        uint hash = 2166136261;
        foreach (char character in name)
        {
            hash = (hash ^ char.ToLowerInvariant(character)) * 16777619;
        }

        return new TextStyle(Color: Palette[(hash >> 8) % (uint)Palette.Length]);
    }
}
