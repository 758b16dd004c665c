namespace FastChat.Storage;

/// <summary>Directories that hold a whole store's messages and password verifiers: their owner's alone when we make them.</summary>
internal static class PrivateDirectory
{
    /// <summary>Makes it, durably; its parents are made as usual.</summary>
    public static void Create(string path)
    {
        string? parent = Path.GetDirectoryName(path);
        if (parent is not null)
        {
            StableFile.CreateDirectory(parent);
        }

        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        if (parent is not null)
        {
            StableFile.SyncDirectory(parent);
        }
    }

    /// <summary>True when nothing is in it but files of the given names, and what a file system puts into its root.</summary>
    public static bool IsEmpty(string path, params string[] passedOver) =>
        Directory.EnumerateFileSystemEntries(path).Select(static entry => Path.GetFileName(entry)).Except([.. passedOver, "lost+found"]).FirstOrDefault() is null;
}
