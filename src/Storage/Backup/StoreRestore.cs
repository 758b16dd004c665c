namespace FastChat.Storage;

/// <summary>Which backup is to be restored; both null = the newest.</summary>
/// <param name="Number">The one with this number.</param>
/// <param name="Before">The newest that was taken at this time or before.</param>
public readonly record struct BackupChoice(int? Number, DateTimeOffset? Before);

/// <summary>What was restored.</summary>
/// <param name="Info">The backup.</param>
/// <param name="Epoch">The restored store's epoch, which no store before had.</param>
public sealed record RestoreResult(BackupInfo Info, uint Epoch);

/// <summary>
/// Makes a data directory of a backup. Every checksum is compared twice: before anything is written, so that a damaged backup is refused with the name of the file, and of the bytes that are
/// copied. The format marker comes last; until then another text stands in its place, which no start takes for a store, so that a restore that was cut off is not served.
/// <para>
/// The restored store begins a new epoch, always: what was acknowledged after the backup is missing, and who saw it must learn so, and not take other records for it that get the same sequences.
/// Nobody can tell here which epochs were given out since (by another restore of the same backup, for one), so the new one is the time, in seconds: greater than any before, and
/// never twice the same.
/// </para>
/// One thread; blocks for as long as it takes.
/// </summary>
public sealed class StoreRestore
{
    private const string LockName = "lock";

    private readonly string _backups;
    private readonly string _data;
    private readonly BackupManifest _manifest;
    private readonly CheckedCopy _copy;

    private StoreRestore(string backups, string data, BackupManifest manifest, CheckedCopy copy)
    {
        _backups = backups;
        _data = data;
        _manifest = manifest;
        _copy = copy;
    }

    /// <summary>Restores a backup into a data directory that is empty or absent, or holds nothing but a restore that was cut off.</summary>
    /// <param name="directory">The directory of backups; it is only read.</param>
    /// <param name="choice">Which one.</param>
    /// <param name="dataDirectory">The data directory to make.</param>
    /// <param name="time">Gives the new epoch.</param>
    /// <param name="progress">Called after each mebibyte that was checked or copied, on the calling thread.</param>
    /// <param name="cancellation">Ends it; the data directory is emptied again.</param>
    /// <exception cref="BackupException">There is no such backup, it is damaged, or the data directory cannot be used. Nothing is left in it.</exception>
    public static RestoreResult Restore(
        string directory, BackupChoice choice, string dataDirectory, TimeProvider time, Action<BackupProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(time);
        string backups = Path.GetFullPath(directory);
        string data = Path.GetFullPath(dataDirectory);
        try
        {
            BackupManifest manifest = Choose(backups, choice);
            if (manifest.StoreVersion > StoreFormat.CurrentVersion)
            {
                throw new BackupException(
                    $"Backup {manifest.Number} holds a store of format {manifest.StoreVersion}; this version of FastChat reads up to {StoreFormat.CurrentVersion}. Use a newer FastChat.");
            }

            CheckedCopy? copying = null;
            long total = 2 * manifest.Info.Bytes;
            using CheckedCopy copy = copying = new CheckedCopy(time, isPaced: false, cancellation) { Stepped = () => progress?.Invoke(new BackupProgress(copying!.DoneBytes, total)) };
            StoreRestore restore = new(backups, data, manifest, copy);
            restore.RequireEmpty();
            restore.Check();
            return new RestoreResult(manifest.Info, restore.Write(time));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"The restore into {data} failed: {failure.Message}", failure);
        }
    }

    private static BackupManifest Choose(string backups, BackupChoice choice)
    {
        IReadOnlyList<(int Number, BackupManifest? Manifest, string? Damage)> all = BackupDirectory.List(backups);
        (int number, BackupManifest? manifest, string? damage) = choice.Number is { } wanted ? all.FirstOrDefault(backup => backup.Number == wanted)

            // One that does not say when it was taken may be the one that is meant: it is not passed over in silence.
            : all.LastOrDefault(backup => choice.Before is not { } before || backup.Manifest is null || backup.Manifest.TakenAt <= before);
        return manifest ?? throw new BackupException(
            damage is not null ? $"Backup {number} cannot be restored: {damage}"
            : choice.Number is not null ? $"There is no backup {choice.Number} in {backups}."
            : choice.Before is not null ? $"No backup in {backups} was taken by then."
            : $"There is no backup in {backups}.");
    }

    private void RequireEmpty()
    {
        if (Directory.Exists(_data) && !StoreFormat.IsUnfinishedRestore(_data) && !PrivateDirectory.IsEmpty(_data, LockName))
        {
            throw new BackupException($"{_data} is not empty: a backup is restored into a directory of its own, which is put into the old one's place when it is complete.");
        }
    }

    /// <summary>Compares every file with its checksum.</summary>
    private void Check()
    {
        foreach (BackupFile file in _manifest.Files)
        {
            string stored = Path.Combine(_backups, file.Stored);
            if (!File.Exists(stored))
            {
                throw new BackupException($"Backup {_manifest.Number} is damaged: {stored} is missing.");
            }

            if (new FileInfo(stored).Length != file.Bytes)
            {
                throw new BackupException($"Backup {_manifest.Number} is damaged: {stored} has {new FileInfo(stored).Length} bytes instead of {file.Bytes}.");
            }

            RequireSame(file, _copy.Hash(stored));
        }
    }

    private uint Write(TimeProvider time)
    {
        bool isOurs = !Directory.Exists(_data);
        if (isOurs)
        {
            PrivateDirectory.Create(_data);
        }

        using DirectoryLock held = DirectoryLock.Acquire(_data);
        StoreFormat.WriteUnfinishedRestore(_data);
        Clear();
        try
        {
            foreach (string part in (ReadOnlySpan<string>)["rocksdb", "journal"])
            {
                StableFile.CreateDirectory(Path.Combine(_data, part));
            }

            foreach (BackupFile file in _manifest.Files)
            {
                string stored = Path.Combine(_backups, file.Stored);
                RequireSame(file, _copy.Copy(stored, Path.Combine(_data, file.Path)));
            }

            StableFile.SyncDirectory(Path.Combine(_data, "rocksdb"));
            StableFile.SyncDirectory(Path.Combine(_data, "journal"));
            uint epoch = Math.Max(checked(_manifest.Epoch + 1), checked((uint)time.GetUtcNow().ToUnixTimeSeconds()));
            CommitWitness.Create(_data, epoch, _manifest.Commit);
            new StoreFormat(_manifest.StoreVersion, epoch).Write(_data);
            return epoch;
        }
        catch
        {
            Clear();
            File.Delete(Path.Combine(_data, StoreFormat.FileName));
            if (isOurs)
            {
                Directory.Delete(_data, recursive: true);
            }

            throw;
        }
    }

    /// <summary>Removes what this or an earlier restore wrote, but for the text that says so.</summary>
    private void Clear()
    {
        foreach (string part in (ReadOnlySpan<string>)["rocksdb", "journal"])
        {
            if (Directory.Exists(Path.Combine(_data, part)))
            {
                Directory.Delete(Path.Combine(_data, part), recursive: true);
            }
        }

        File.Delete(Path.Combine(_data, CommitWitness.FileName));
    }

    private void RequireSame(BackupFile file, string hash)
    {
        if (hash != file.Hash)
        {
            throw new BackupException($"Backup {_manifest.Number} is damaged: {Path.Combine(_backups, file.Stored)} is not what was written.");
        }
    }
}
