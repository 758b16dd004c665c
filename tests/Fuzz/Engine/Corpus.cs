using FastChat.TestSupport;

namespace FastChat.Fuzz;

/// <summary>What a target's inputs descend from: its own seeds, then the files of <c>tests/Fuzz/corpus/NAME</c> in the order of their names. Fixed for a campaign.</summary>
internal static class Corpus
{
    /// <summary>Where the files of a target lie; the directory need not exist.</summary>
    public static string DirectoryOf(string target) => RepositoryRoot.PathOf("tests", "Fuzz", "corpus", target);

    /// <summary>The files of a target.</summary>
    public static IReadOnlyList<string> FilesOf(string target)
    {
        string directory = DirectoryOf(target);
        return Directory.Exists(directory) ? [.. Directory.GetFiles(directory, "*.bin").Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>Seeds and files, each input once.</summary>
    public static byte[][] Load(IFuzzTarget target)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        return
        [
            .. target.Seeds()
                .Concat(FilesOf(target.Name).Select(File.ReadAllBytes))
                .Where(input => input.Length <= target.SizeMax && seen.Add(Convert.ToHexString(input))),
        ];
    }
}
