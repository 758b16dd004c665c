using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Storage.Tests;

/// <summary>A restore gives the whole backup in a new epoch, or nothing that a start would accept.</summary>
[TestFixture]
internal sealed class RestoreTests
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private TemporaryDirectory _data = null!;
    private TemporaryDirectory _backups = null!;
    private TemporaryDirectory _place = null!;
    private FakeTimeProvider _time = null!;

    [SetUp]
    public void TakeOne()
    {
        _data = new TemporaryDirectory();
        _backups = new TemporaryDirectory();
        _place = new TemporaryDirectory();
        _time = new FakeTimeProvider(Noon);
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_data.Options);
        ConversationWriter room = new(new ConversationId(1000));
        for (int i = 0; i < 8; i++)
        {
            CommitBatch batch = new(log.Epoch);
            room.Append(batch, ConversationWriter.Body(i, 5000));
            batch.Put(Table.State, "test"u8, [(byte)i]);
            log.Commit([batch]);
            if (i == 4)
            {
                log.Settle();
            }
        }

        StoreBackup.Take(log, _backups.Path, keep: 0, isPaced: false, _time);
    }

    [TearDown]
    public void Remove()
    {
        _data.Dispose();
        _backups.Dispose();
        _place.Dispose();
    }

    private string Target => Path.Combine(_place.Path, "data");

    [Test]
    public void EveryRestoreIsAnEpochOfItsOwn()
    {
        RestoreResult first = Restore();
        Assert.That(first.Epoch, Is.EqualTo((uint)Noon.ToUnixTimeSeconds()));
        uint grown = AcceptALoss();
        Assert.That(grown, Is.EqualTo(first.Epoch + 1));
        Directory.Delete(Target, recursive: true);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(Restore().Epoch, Is.GreaterThan(grown), "the same backup again: those who saw the first restored store must not take this one for it");
    }

    [Test]
    public void EpochGrowsThoughTheClockIsWrong()
    {
        _time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddSeconds(1));
        Assert.That(Restore().Epoch, Is.EqualTo(2));
    }

    /// <summary>Any bit of any file: none is without a checksum.</summary>
    [Test]
    public void DamagedFilesAreRefusedByName()
    {
        string[] files = Directory.EnumerateFiles(_backups.Path, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "lock").ToArray();
        Assert.That(files.Select(file => Path.GetExtension(file)), Does.Contain(".sst").And.Contain(".journal"));
        foreach (string file in files)
        {
            byte[] sound = File.ReadAllBytes(file);
            foreach (int at in sound.Length == 0 ? [] : new[] { 0, sound.Length / 2, sound.Length - 1 })
            {
                byte[] damaged = [.. sound];
                damaged[at] ^= 0x10;
                ExpectRefused(file, damaged);
            }

            ExpectRefused(file, [.. sound, 0]);
            ExpectRefused(file, null);
            File.WriteAllBytes(file, sound);
        }

        Restore();
    }

    [Test]
    public void DirectoryThatIsNotEmptyIsRefused()
    {
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Combine(Target, "letter.txt"), "dear ada");
        Assert.That(Restore, Throws.TypeOf<BackupException>().With.Message.Contains("is not empty"));
        Assert.That(Directory.EnumerateFileSystemEntries(Target).Count(), Is.EqualTo(1));
        Assert.That(() => StoreRestore.Restore(_backups.Path, default, _data.Path, _time), Throws.TypeOf<BackupException>().With.Message.Contains("is not empty"), "a store");
    }

    [Test]
    public void EmptyDirectoryIsTaken()
    {
        Directory.CreateDirectory(Path.Combine(Target, "lost+found"));
        Restore();
        Assert.That(StoreVerifier.Verify(new StorageOptions { Directory = Target }).Problems, Is.Empty);
    }

    [Test]
    public void CancelledRestoreLeavesNothing()
    {
        using CancellationTokenSource stop = new();
        long half = 0;
        Assert.That(
            () => StoreRestore.Restore(
                _backups.Path, default, Target, _time,
                progress =>
                {
                    half = progress.TotalBytes / 2;
                    if (progress.DoneBytes > half + 1)
                    {
                        stop.Cancel();
                    }
                },
                stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(half, Is.Positive);
        Assert.That(Directory.Exists(Target), Is.False);
    }

    /// <summary>What a killed restore leaves, at each file that it may have come to.</summary>
    [Test]
    public void RestoreThatWasCutOffIsNotServedAndCanBeRepeated()
    {
        Restore();
        string[] files = Directory.EnumerateFiles(Target, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) is not ("format" or "lock")).ToArray();
        for (int count = 0; count <= files.Length; count++)
        {
            string half = Path.Combine(_place.Path, "half");
            Directory.CreateDirectory(half);
            StoreFormat.WriteUnfinishedRestore(half);
            foreach (string file in files.Take(count))
            {
                string copy = Path.Combine(half, Path.GetRelativePath(Target, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            StorageOptions options = new() { Directory = half };
            Assert.That(() => RocksDbConversationLog.Open(options), Throws.TypeOf<StoreOpenException>().With.Message.Contains("was cut off: repeat it"));
            Assert.That(() => RocksDbConversationLog.Open(options with { AcceptLoss = true }), Throws.TypeOf<StoreOpenException>());
            Assert.That(() => StoreVerifier.Verify(options), Throws.TypeOf<StoreOpenException>());
            StoreRestore.Restore(_backups.Path, default, half, _time);
            Assert.That(StoreVerifier.Verify(options).Problems, Is.Empty);
            Directory.Delete(half, recursive: true);
        }
    }

    [Test]
    public void ManifestCannotLeadOutOfTheDirectories()
    {
        string backup = Path.Combine(_backups.Path, "backups", "00000001");
        BackupManifest manifest = BackupManifest.Read(backup);
        foreach ((string path, string stored) in new[] { ("rocksdb/../../x", "tables/a.sst"), ("/etc/x", "tables/a.sst"), ("witness", "tables/a.sst"), ("rocksdb/x", "../x"), ("rocksdb/x", "tables/../../x") })
        {
            (manifest with { Files = [.. manifest.Files, new BackupFile(path, 1, new string('0', 64), stored)] }).Write(backup);
            Assert.That(Restore, Throws.TypeOf<BackupException>().With.Message.Contains("is no file of a store"), path);
        }
    }

    [Test]
    public void BackupOfALaterFormatIsRefused()
    {
        string backup = Path.Combine(_backups.Path, "backups", "00000001");
        (BackupManifest.Read(backup) with { StoreVersion = StoreFormat.CurrentVersion + 1 }).Write(backup);
        Assert.That(Restore, Throws.TypeOf<BackupException>().With.Message.Contains("Use a newer FastChat"));
    }

    private RestoreResult Restore() => StoreRestore.Restore(_backups.Path, default, Target, _time);

    private uint AcceptALoss()
    {
        File.Delete(Path.Combine(Target, "witness"));
        using RocksDbConversationLog log = RocksDbConversationLog.Open(new StorageOptions { Directory = Target, AcceptLoss = true });
        return log.Epoch;
    }

    private void ExpectRefused(string file, byte[]? content)
    {
        if (content is null)
        {
            File.Delete(file);
        }
        else
        {
            File.WriteAllBytes(file, content);
        }

        // Without its manifest a backup is none; without the marker the directory is none.
        string named = content is null && Path.GetFileName(file) == "manifest" ? "There is no backup" : content is null && Path.GetFileName(file) == "fastchat-backups" ? "no directory of backups" : file;
        Assert.That(Restore, Throws.TypeOf<BackupException>().With.Message.Contains(named), file);
        Assert.That(Directory.Exists(Target), Is.False, "nothing is left that a start would accept");
    }
}
