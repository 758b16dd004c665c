using System.Runtime.InteropServices;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Bench.Compare.Kernel;

/// <summary>The one thing about files that the runtime does not offer.</summary>
public static partial class Disk
{
    /// <summary>Returns when everything written to the file is on stable storage. Unlike <see cref="RandomAccess.FlushToDisk"/> (fsync) it leaves out what no reader needs, such as the time of the last change.</summary>
    public static void Sync(SafeFileHandle file)
    {
        if (DataSync(file) != 0)
        {
            throw new IOException($"fdatasync failed: errno {Marshal.GetLastPInvokeError()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);
}
