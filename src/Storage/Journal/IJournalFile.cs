using Microsoft.Win32.SafeHandles;

namespace FastChat.Storage;

/// <summary>What a journal's file is to the commits in it: bytes that are written, and are on stable storage when they are synced. A simulated world has files of its own.</summary>
internal interface IJournalFile : IDisposable
{
    /// <summary>Writes into the length that the file has.</summary>
    /// <exception cref="IOException">The device failed.</exception>
    void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>Returns when everything that was written is on stable storage.</summary>
    /// <exception cref="IOException">The device failed; what was written before may be lost or not.</exception>
    void Sync();
}

/// <summary>A file of the file system.</summary>
internal sealed class JournalFile(SafeFileHandle file) : IJournalFile
{
    public void Write(ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(file, bytes, offset);

    public void Sync() => StableFile.SyncData(file);

    public void Dispose() => file.Dispose();
}
