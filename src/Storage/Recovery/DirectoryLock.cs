namespace FastChat.Storage;

/// <summary>
/// Holds a data directory for one instance: an exclusive lock on its file <c>lock</c>, which the kernel releases when the process ends,
/// however it ends. Two writers on one store would each acknowledge what the other overwrites.
/// </summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <exception cref="StoreOpenException">Another process or another instance in this one holds the directory.</exception>
    public static DirectoryLock Acquire(string directory)
    {
        string path = Path.Combine(directory, "lock");
        try
        {
            return new DirectoryLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException held)
        {
            throw new StoreOpenException($"The data directory {directory} is in use by another FastChat process.", held);
        }
        catch (UnauthorizedAccessException refused)
        {
            throw new StoreOpenException($"The data directory {directory} cannot be written by this user.", refused);
        }
    }

    public void Dispose() => _file.Dispose();
}
