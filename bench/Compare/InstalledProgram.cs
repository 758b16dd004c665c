using System.Diagnostics;
using System.Text.RegularExpressions;

namespace FastChat.Bench.Compare;

/// <summary>
/// A server's program on this machine. What bench/setup.sh unpacked under artifacts/bench/programs goes before what the system has, because it is unpacked only where the system's is too
/// old; the directories of system programs are searched even when the user's PATH does not name them.
/// </summary>
/// <param name="Path">The file to run.</param>
public sealed partial record InstalledProgram(string Path)
{
    /// <summary>Finds a program.</summary>
    /// <exception cref="UnavailableException">It is not installed.</exception>
    public static InstalledProgram Find(string name)
    {
        IEnumerable<string> directories = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':', StringSplitOptions.RemoveEmptyEntries);
        string? found = Unpacked(name).Concat(directories).Append("/usr/sbin").Append("/usr/bin")
            .Select(directory => System.IO.Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);
        return found is null ? throw new UnavailableException($"{name} is not installed: run bench/setup.sh {name}") : new InstalledProgram(found);
    }

    /// <summary>The first number with dots that the program prints when it is asked with this argument; "unknown" when it prints none.</summary>
    public async Task<string> VersionAsync(string argument, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(Path, argument) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using Process process = Process.Start(start)!;
        // Read together: a program that fills the one pipe while nobody empties it would never end.
        string[] said = await Task.WhenAll(
            process.StandardOutput.ReadToEndAsync(cancellation), process.StandardError.ReadToEndAsync(cancellation)).ConfigureAwait(false);
        await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        Match version = DottedNumber().Match(string.Concat(said));
        return version.Success ? version.Value : "unknown";
    }

    private static IEnumerable<string> Unpacked(string name)
    {
        for (DirectoryInfo? place = new(AppContext.BaseDirectory); place is not null; place = place.Parent)
        {
            string programs = System.IO.Path.Combine(place.FullName, "artifacts", "bench", "programs", name, "usr");
            if (Directory.Exists(programs))
            {
                return [System.IO.Path.Combine(programs, "sbin"), System.IO.Path.Combine(programs, "bin")];
            }
        }

        return [];
    }

    [GeneratedRegex(@"\d+(\.\d+)+")]
    private static partial Regex DottedNumber();
}
