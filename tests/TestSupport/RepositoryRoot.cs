using System.Diagnostics.CodeAnalysis;

namespace FastChat.TestSupport;

/// <summary>Where the tests find the repository's files, from wherever they run inside it.</summary>
public static class RepositoryRoot
{
    /// <summary>The directory that holds protocol.md and global.json.</summary>
    public static string Directory { get; } = Find();

    /// <summary>A file or directory of the repository.</summary>
    public static string PathOf(params string[] parts) => Path.Combine([Directory, .. parts]);

    /// <summary>
    /// A file or directory of the data that lies beside the repository in <c>../shared/data</c> (real chat logs, for example). False with the sentence to
    /// skip with when it is absent.
    /// </summary>
    public static bool TryFindSharedData(string name, out string path, [NotNullWhen(false)] out string? reason)
    {
        string relative = Path.Combine("..", "shared", "data", name);
        path = Path.GetFullPath(relative, Directory);
        reason = Path.Exists(path) ? null : $"needs {relative} (relative to the repository's root), which is not there";
        return reason is null;
    }

    private static string Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "protocol.md")) && File.Exists(Path.Combine(directory.FullName, "global.json")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no repository above {AppContext.BaseDirectory}");
    }
}
