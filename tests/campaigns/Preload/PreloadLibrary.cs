using System.Diagnostics;

namespace FastChat.Campaigns;

/// <summary>The library that is preloaded into a broker: it keeps account of writes (<c>writes.c</c>) and does what a <see cref="FaultPage"/> says (<c>faults.c</c>).</summary>
internal static class PreloadLibrary
{
    private static readonly string[] s_sources = ["writes.c", "faults.c"];

    /// <summary>True where it can be made: Linux, and a C compiler.</summary>
    public static bool CanBuild => OperatingSystem.IsLinux() && System.Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(directory => File.Exists(Path.Combine(directory, "cc")));

    /// <summary>Where it lies in a directory.</summary>
    public static string PathIn(string directory) => Path.GetFullPath(Path.Combine(directory, "preload.so"));

    /// <summary>Compiles it; a C compiler is what it takes.</summary>
    /// <exception cref="InvalidOperationException">There is none, or it refused.</exception>
    public static void Build(string directory)
    {
        Directory.CreateDirectory(directory);
        string[] arguments =
        [
            "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", PathIn(directory), .. s_sources.Select(source => RepositoryRoot.PathOf("tests", "campaigns", "Preload", source)), "-ldl", "-lpthread",
        ];
        using Process compiler = Process.Start(new ProcessStartInfo("cc", arguments) { RedirectStandardError = true }) ?? throw new InvalidOperationException("cc did not start");
        string errors = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        if (compiler.ExitCode != 0)
        {
            throw new InvalidOperationException($"cc: {errors}");
        }
    }

    /// <summary>The environment in which a process has it and looks after the store.</summary>
    public static Dictionary<string, string> Environment(string directory, string dataDirectory) => new()
    {
        ["LD_PRELOAD"] = PathIn(directory),
        ["FASTCHAT_WRITES_OF"] = Path.GetFullPath(dataDirectory),
    };
}
