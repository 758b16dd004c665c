using System.Diagnostics;
using System.Text.RegularExpressions;

namespace FastChat.Bench.Compare;

/// <summary>
/// A server's program on this machine: what the system has, or what bench/setup.sh unpacked under artifacts/bench/programs where the system's is too old for something. The directories of
/// system programs are searched even when the user's PATH does not name them.
/// </summary>
/// <param name="Path">The file to run.</param>
public sealed partial record InstalledProgram(string Path)
{
    /// <summary>Finds a program.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="newest">True: an unpacked one goes before the system's; false: it is only taken when the system has none.</param>
    /// <exception cref="UnavailableException">It is not installed.</exception>
    public static InstalledProgram Find(string name, bool newest = false)
    {
        IEnumerable<string> system = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Append("/usr/sbin").Append("/usr/bin");
        string? found = (newest ? Unpacked(name).Concat(system) : system.Concat(Unpacked(name)))
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
        string programs = System.IO.Path.Combine(SourceTree.Root, "artifacts", "bench", "programs", name, "usr");
        return [System.IO.Path.Combine(programs, "sbin"), System.IO.Path.Combine(programs, "bin")];
    }

    [GeneratedRegex(@"\d+(\.\d+)+")]
    private static partial Regex DottedNumber();
}
