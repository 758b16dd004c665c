namespace FastChat.Storage;

/// <summary>What a backup says about itself (docs/backup-format.md).</summary>
/// <param name="Number">Its number in its directory, from 1; later ones are greater.</param>
/// <param name="TakenAt">When it was begun: everything acknowledged before is in it.</param>
/// <param name="StoreVersion">Format of the store that it holds.</param>
/// <param name="Epoch">The store's epoch at that time.</param>
/// <param name="Commit">The last commit in it; it has every commit up to this one and none behind.</param>
/// <param name="Files">Files that a restore brings back.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record BackupInfo(int Number, DateTimeOffset TakenAt, uint StoreVersion, uint Epoch, ulong Commit, int Files, long Bytes);

/// <summary>A backup that was taken now.</summary>
/// <param name="Info">What it is.</param>
/// <param name="CopiedBytes">Bytes that were written for it; the rest was in the directory already.</param>
/// <param name="Dropped">Older backups that were dropped, because only so many are kept.</param>
public sealed record BackupResult(BackupInfo Info, long CopiedBytes, int Dropped);

/// <summary>A backup as a directory lists it: what it is, or why that cannot be told.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Info">What it is; null when it is damaged.</param>
/// <param name="Damage">Why it cannot be restored, as far as its manifest tells; null when that is sound.</param>
public sealed record BackupListing(int Number, BackupInfo? Info, string? Damage);

/// <summary>How far a backup or a restore has come.</summary>
/// <param name="DoneBytes">Bytes that were copied or checked so far.</param>
/// <param name="TotalBytes">Bytes that are to be; 0 while that is not known yet.</param>
public readonly record struct BackupProgress(long DoneBytes, long TotalBytes);

/// <summary>A backup could not be taken, or not be restored; the message is one sentence for an operator. The store is as it was.</summary>
public sealed class BackupException : StorageException
{
    /// <summary>Makes the exception with its reason.</summary>
    public BackupException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
