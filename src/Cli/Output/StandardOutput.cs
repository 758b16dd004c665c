using Microsoft.Win32.SafeHandles;

namespace FastChat.Cli;

/// <summary>
/// The process's stdout as a plain stream. <see cref="Console.OpenStandardOutput()"/> swallows a closed pipe, so that
/// <c>tail | head -1</c> would write into nothing for ever; this one fails, and the verb ends.
/// </summary>
internal static class StandardOutput
{
    private const int Handle = 1;

    /// <summary>Opens stdout; the handle stays the process's.</summary>
    public static Stream Open() => OperatingSystem.IsWindows()
        ? Console.OpenStandardOutput()
        : new FileStream(new SafeFileHandle(Handle, ownsHandle: false), FileAccess.Write, bufferSize: 0);
}
