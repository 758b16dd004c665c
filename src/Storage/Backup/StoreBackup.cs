using FastChat.Shared;

namespace FastChat.Storage;

/// <summary>
/// Takes backups of an open store, under full load if need be (docs/decisions/0019-backup.md): a snapshot of its files, of which those that the directory does not have are copied, each with its
/// checksum, synced, and listed in a manifest that is written last. What was acknowledged before it began is in it, and it is a prefix of the store's commits.
/// <para>Blocks for as long as copying takes: a thread of its own. One at a time for a store, and for a directory.</para>
/// </summary>
public static class StoreBackup
{
    /// <summary>Takes a backup.</summary>
    /// <param name="log">The store; it stays open meanwhile.</param>
    /// <param name="directory">The directory of backups; made when absent. An absolute path.</param>
    /// <param name="keep">How many backups the directory keeps, this one included: older ones are dropped when it is complete. 0 = all.</param>
    /// <param name="isPaced">Others need the device: at most half of the time is spent on copying.</param>
    /// <param name="time">Says when it was taken.</param>
    /// <param name="progress">Called after each mebibyte, on the calling thread.</param>
    /// <param name="cancellation">Ends it; what was copied of tables serves the next one.</param>
    /// <exception cref="BackupException">The directory cannot be used, or cannot be written. The store is as it was.</exception>
    /// <exception cref="StorageException">The store has failed.</exception>
    public static BackupResult Take(
        RocksDbConversationLog log, string directory, int keep, bool isPaced, TimeProvider time, Action<BackupProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        if (!Path.IsPathFullyQualified(directory))
        {
            throw new BackupException($"{directory} is no absolute path.");
        }

        if (!log.BackupGate.TryEnter())
        {
            throw new BackupException("Another backup of this store is under way.");
        }

        try
        {
            using BackupDirectory target = BackupDirectory.Open(Path.GetFullPath(directory), log.DirectoryPath);
            return Take(log, target, keep, isPaced, time, progress, cancellation);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"The backup into {directory} failed: {failure.Message}", failure);
        }
        finally
        {
            log.BackupGate.Exit();
        }
    }

    /// <summary>The backups in a directory, oldest first, each as its manifest says; their files are not looked at.</summary>
    /// <exception cref="BackupException">It is no directory of backups.</exception>
    public static IReadOnlyList<BackupListing> List(string directory) =>
        [.. BackupDirectory.List(Path.GetFullPath(directory)).Select(static backup => new BackupListing(backup.Number, backup.Manifest?.Info, backup.Damage))];

    private static BackupResult Take(
        RocksDbConversationLog log, BackupDirectory target, int keep, bool isPaced, TimeProvider time, Action<BackupProgress>? progress, CancellationToken cancellation)
    {
        int number = target.Begin();

        // Whole microseconds, as the lists show it: who asks for the one of that time means this one.
        DateTimeOffset takenAt = new(time.GetUtcNow().Ticks / TimeSpan.TicksPerMicrosecond * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero);
        using StoreSnapshot snapshot = log.TakeSnapshot();
        Failpoint.Reach("backup-snapshot");
        IReadOnlyList<(string Source, string Path)> sources = snapshot.Files();
        long total = sources.Sum(static file => new FileInfo(file.Source).Length);
        long passed = 0;
        CheckedCopy? copying = null;
        using CheckedCopy copy = copying = new CheckedCopy(time, isPaced, cancellation) { Stepped = () => progress?.Invoke(new BackupProgress(passed + copying!.DoneBytes, total)) };
        List<BackupFile> files = [];
        foreach ((string source, string path) in sources)
        {
            long before = copy.DoneBytes;
            BackupFile file = target.Add(number, source, path, copy);
            files.Add(file);
            passed += file.Bytes - (copy.DoneBytes - before);
            cancellation.ThrowIfCancellationRequested();
            Failpoint.Reach("backup-copied");
        }

        BackupManifest manifest = new(number, takenAt, log.FormatVersion, log.Epoch, snapshot.Commit, files);
        Failpoint.Reach("backup-unlisted");
        target.Complete(manifest);
        return new BackupResult(manifest.Info, copy.DoneBytes, target.Drop(keep));
    }
}
