using System.Runtime.InteropServices;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>Turns RocksDB's error strings, which the caller owns, into this project's exceptions.</summary>
internal static class RocksDbError
{
    /// <summary>Reads and frees the text.</summary>
    public static string TakeText(nint error)
    {
        string text = Marshal.PtrToStringUTF8(error) ?? "no reason given";
        Native.Instance.rocksdb_free(error);
        return text;
    }

    /// <summary>The exception for a failed operation; damage that RocksDB's own checksums found is corruption here too, and a full disk a full disk.</summary>
    public static StorageException Take(nint error, string operation)
    {
        string text = TakeText(error);
        return text.StartsWith("Corruption", StringComparison.Ordinal) ? new CorruptRecordException($"RocksDB found damage: {text}")
            : text.StartsWith("IO error: No space left on device", StringComparison.Ordinal) ? new StorageFullException($"RocksDB could not {operation}: {text}")
            : new StorageException($"RocksDB could not {operation}: {text}");
    }

    /// <summary>Throws when an operation left an error.</summary>
    public static void ThrowIfAny(nint error, string operation)
    {
        if (error != 0)
        {
            throw Take(error, operation);
        }
    }
}
