using System.ComponentModel;
using System.Diagnostics;

namespace FastChat.Bench.Compare;

/// <summary>What an installed program says of its version.</summary>
internal static class ProgramVersion
{
    /// <summary>The first word of its output that fits.</summary>
    /// <exception cref="UnavailableException">It is not installed, or says nothing that fits.</exception>
    public static string Of(string program, string argument, Func<string, bool> fits)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, argument) { RedirectStandardOutput = true })!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(fits)
                ?? throw new UnavailableException($"{program} {argument} names no version");
        }
        catch (Win32Exception)
        {
            throw new UnavailableException($"{program} is not installed: run bench/setup.sh");
        }
    }
}
