namespace FastChat.Storage;

/// <summary>The device or the store failed. What was not acknowledged before may or may not be on disk.</summary>
public class StorageException : Exception
{
    /// <summary>Makes the exception with its reason.</summary>
    public StorageException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>The disk has no room. Nothing of the call has happened, nothing is lost, and the same call succeeds when there is room again.</summary>
public sealed class StorageFullException : StorageException
{
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    /// <summary>Makes the exception with its reason.</summary>
    public StorageFullException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>True when the operating system refused for want of room (ENOSPC, EDQUOT).</summary>
    internal static bool IsCause(IOException failure) => !OperatingSystem.IsWindows() && failure.HResult is NoSpace or QuotaExceeded;
}

/// <summary>Bytes on disk are not the ones that were written. Never retried, never served.</summary>
public sealed class CorruptRecordException : StorageException
{
    /// <summary>Makes the exception with its reason.</summary>
    public CorruptRecordException(string message)
        : base(message)
    {
    }
}

/// <summary>The directory cannot be opened as it is: locked by another process, a newer format, or acknowledged records are missing.</summary>
public sealed class StoreOpenException : StorageException
{
    /// <summary>Makes the exception with its reason.</summary>
    public StoreOpenException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
