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
    public static Stream Open()
    {
        if (OperatingSystem.IsWindows())
        {
            return Console.OpenStandardOutput();
        }

        FileStream pipe = new(new SafeFileHandle(Handle, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        if (!pipe.CanSeek)
        {
            return pipe;
        }

        // A file that other processes append to as well: FileStream would write at its own idea of the position, the console's stream does not.
        pipe.Dispose();
        return Console.OpenStandardOutput();
    }
}
