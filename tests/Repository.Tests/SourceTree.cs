using System.Diagnostics;
using System.Text.RegularExpressions;

using FastChat.TestSupport;

namespace FastChat.Repository.Tests;

/// <summary>The repository's files as the tests see them: what is tracked, or would be with the next <c>git add</c>.</summary>
internal static partial class SourceTree
{
    private static readonly string[] Generated = ["bin", "obj", ".git", "node_modules", "artifacts", "TestResults", "BenchmarkDotNet.Artifacts"];

    /// <summary>Paths relative to the root, with '/'.</summary>
    public static IReadOnlyList<string> Files { get; } = ListByGit() ?? ListByWalking();

    /// <summary>The C# files below src, or below a part of it.</summary>
    public static IEnumerable<string> Sources(string part = "") =>
        Files.Where(file => file.StartsWith("src/" + part, StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal));

    /// <summary>A file's text.</summary>
    public static string Read(string file) => File.ReadAllText(RepositoryRoot.PathOf(file));

    /// <summary>A C# file's text without its comments, which may speak of what code may not know. Line numbers stay.</summary>
    public static string ReadCode(string file) => Comment().Replace(Read(file), match => new string('\n', match.Value.Count(letter => letter == '\n')));

    private static string[]? ListByGit()
    {
        try
        {
            ProcessStartInfo start = new("git") { WorkingDirectory = RepositoryRoot.Directory, RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (string argument in new[] { "ls-files", "-z", "--cached", "--others", "--exclude-standard" })
            {
                start.ArgumentList.Add(argument);
            }

            using Process git = Process.Start(start)!;
            string output = git.StandardOutput.ReadToEnd();
            git.WaitForExit();
            string[] files = output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(file => File.Exists(RepositoryRoot.PathOf(file))).ToArray();
            return git.ExitCode == 0 && files.Length > 0 ? files : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // No git here: an archive of the sources is tested like a clone.
        }
    }

    private static string[] ListByWalking() => Directory.EnumerateFiles(RepositoryRoot.Directory, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(RepositoryRoot.Directory, path).Replace('\\', '/'))
        .Where(file => !file.Split('/').Any(Generated.Contains))
        .ToArray();

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();
}
