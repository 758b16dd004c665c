using System.Runtime.InteropServices;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Storage;

/// <summary>
/// Small files that must be there, whole, after a power cut: written beside, synced, renamed over, and the directory synced, because a
/// rename is an entry in the directory and as volatile as any other write until then.
/// </summary>
internal static partial class StableFile
{
    private const int ReadOnlyDirectory = 0x10000;
    private const int Interrupted = 4;

    /// <summary>Replaces <paramref name="path"/> by a file with these bytes; after a crash it is the old file or the new one.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        string draft = path + ".new";
        using (FileStream file = new(draft, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Makes a directory and brings its entry in the parent to stable storage.</summary>
    public static void CreateDirectory(string path)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            return;
        }

        string? parent = Path.GetDirectoryName(full);
        if (parent is not null)
        {
            CreateDirectory(parent);
        }

        Directory.CreateDirectory(full);
        if (parent is not null)
        {
            SyncDirectory(parent);
        }
    }

    /// <summary>fsync of a directory. Windows has no such thing: its file systems journal entries on their own.</summary>
    /// <exception cref="IOException">The directory could not be synced.</exception>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        int descriptor = Open(path, OperatingSystem.IsLinux() ? ReadOnlyDirectory : 0);
        if (descriptor < 0)
        {
            throw new IOException($"Cannot open directory {path}: error {Marshal.GetLastPInvokeError()}.");
        }

        int result = Sync(descriptor);
        int error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        if (result != 0)
        {
            throw new IOException($"Cannot sync directory {path}: error {error}.", error);
        }
    }

    /// <summary>fdatasync: the bytes, and of the file's description only what reading them needs.</summary>
    /// <exception cref="IOException">The device failed; what was written before may be lost or not.</exception>
    public static void SyncData(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }

        while (FdataSync(file) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                throw new IOException($"fdatasync failed: error {error}.", error);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FdataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
