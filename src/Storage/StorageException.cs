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
