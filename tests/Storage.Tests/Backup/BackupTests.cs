using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Storage.Tests;

/// <summary>What a directory of backups holds, keeps and refuses.</summary>
[TestFixture]
internal sealed class BackupTests
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private TemporaryDirectory _data = null!;
    private TemporaryDirectory _backups = null!;
    private RocksDbConversationLog _log = null!;
    private ConversationWriter _room = null!;
    private FakeTimeProvider _time = null!;

    [SetUp]
    public void Open()
    {
        _data = new TemporaryDirectory();
        _backups = new TemporaryDirectory();
        _log = RocksDbConversationLog.Open(_data.Options);
        _room = new ConversationWriter(new ConversationId(1000));
        _time = new FakeTimeProvider(Noon);
        Commit(20);
    }

    [TearDown]
    public void Close()
    {
        _log.Dispose();
        _data.Dispose();
        _backups.Dispose();
    }

    [Test]
    public void SecondBackupCopiesOnlyWhatIsNew()
    {
        _log.Settle();
        BackupResult first = Take();
        BackupResult second = Take();
        Commit(1);
        _log.Settle();
        BackupResult third = Take();

        Assert.That(first.CopiedBytes, Is.EqualTo(first.Info.Bytes), "everything is new to an empty directory");
        Assert.That(second.Info.Bytes, Is.GreaterThanOrEqualTo(first.Info.Bytes));
        Assert.That(second.CopiedBytes, Is.LessThan(first.CopiedBytes / 3));
        Assert.That(third.CopiedBytes, Is.GreaterThan(second.CopiedBytes).And.LessThan(first.CopiedBytes / 3));
        Assert.That(new[] { first, second, third }.Select(backup => backup.Info.Number), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public void ListSaysWhatIsThere()
    {
        BackupInfo first = Take().Info;
        _time.Advance(TimeSpan.FromHours(1));
        Commit(3);
        BackupInfo second = Take().Info;

        Assert.That(StoreBackup.List(_backups.Path), Is.EqualTo(new[] { new BackupListing(1, first, null), new BackupListing(2, second, null) }));
        Assert.That((first.TakenAt, first.Epoch, first.Commit, first.StoreVersion), Is.EqualTo((Noon, 1u, 20ul, StoreFormat.JournalVersion)));
        Assert.That((second.TakenAt, second.Commit), Is.EqualTo((Noon.AddHours(1), 23ul)));
    }

    [Test]
    public void OldBackupsAreDroppedWithTheTablesThatNobodyElseHas()
    {
        _log.Settle();
        Take();

        // What the first one has is merged into another table, and belongs to it alone from now on.
        Commit(5);
        Compact();
        int tables = Tables();
        Take();
        Assert.That(Tables(), Is.GreaterThan(tables));
        Commit(1);
        BackupResult last = Take(keep: 2);

        Assert.That(last.Dropped, Is.EqualTo(1));
        Assert.That(StoreBackup.List(_backups.Path).Select(backup => backup.Number), Is.EqualTo(new[] { 2, 3 }));
        Assert.That(Directory.EnumerateFiles(Path.Combine(_backups.Path, "tables")), Is.EquivalentTo(Needed()));
        Assert.That(RestoredCommit(new BackupChoice(2, null)), Is.EqualTo(25));
        Assert.That(RestoredCommit(new BackupChoice(3, null)), Is.EqualTo(26));
    }

    [Test]
    public void InterruptedBackupIsNoneAndItsTablesServeTheNext()
    {
        _log.Settle();
        using CancellationTokenSource stop = new();
        Assert.That(() => StoreBackup.Take(_log, _backups.Path, 0, false, _time, _ => CutWhenATableIsHere(), stop.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(StoreBackup.List(_backups.Path), Is.Empty);
        Assert.That(Directory.Exists(Path.Combine(_data.Path, "outgoing")), Is.False);
        int copied = Tables();
        Assert.That(copied, Is.Positive);

        BackupResult next = Take();
        Assert.That(next.Info.Number, Is.EqualTo(1), "what is no backup has no number");
        Assert.That(next.CopiedBytes, Is.LessThan(next.Info.Bytes));
        Assert.That(RestoredCommit(default), Is.EqualTo(20));

        void CutWhenATableIsHere()
        {
            if (Tables() > 0)
            {
                stop.Cancel();
            }
        }
    }

    [Test]
    public void BackupIsChosenByNumberOrTime()
    {
        Take();
        _time.Advance(TimeSpan.FromHours(1));
        Commit(1);
        Take();
        _time.Advance(TimeSpan.FromHours(1));
        Commit(1);
        Take();

        Assert.That(RestoredCommit(default), Is.EqualTo(22), "the newest");
        Assert.That(RestoredCommit(new BackupChoice(1, null)), Is.EqualTo(20));
        Assert.That(RestoredCommit(new BackupChoice(null, Noon.AddHours(1))), Is.EqualTo(21), "taken at this time");
        Assert.That(RestoredCommit(new BackupChoice(null, Noon.AddMinutes(119))), Is.EqualTo(21), "or before");
        Assert.That(() => RestoredCommit(new BackupChoice(7, null)), Refused("There is no backup 7"));
        Assert.That(() => RestoredCommit(new BackupChoice(null, Noon.AddSeconds(-1))), Refused("was taken by then"));
    }

    [Test]
    public void DirectoriesThatAreSomethingElseAreRefused()
    {
        using TemporaryDirectory other = new();
        File.WriteAllText(Path.Combine(other.Path, "letter.txt"), "dear ada");
        Assert.That(() => Take(other.Path), Refused("neither empty nor a directory of backups"));
        Assert.That(() => Take(Path.Combine(_data.Path, "backups")), Refused("lie in one another"));
        Assert.That(() => Take(_data.Path), Refused("lie in one another"));
        Assert.That(() => Take(Path.GetDirectoryName(_data.Path)!), Refused("lie in one another"));
        Assert.That(() => Take("backups"), Refused("no absolute path"));
        Assert.That(Directory.EnumerateFileSystemEntries(other.Path).Count(), Is.EqualTo(1));
        Assert.That(() => StoreBackup.List(other.Path), Refused("no directory of backups"));
        File.WriteAllText(Path.Combine(other.Path, "fastchat-backups"), "FastChat backups, layout 2\n");
        Assert.That(() => Take(other.Path), Refused("later layout"));
    }

    [Test]
    public void OneBackupAtATime()
    {
        Exception? refused = null;
        StoreBackup.Take(_log, _backups.Path, 0, false, _time, _ => refused ??= OnAnotherThread(() => Take()));
        Assert.That(refused, Is.InstanceOf<BackupException>().With.Message.Contains("Another backup of this store is under way"));

        using TemporaryDirectory otherData = new();
        using RocksDbConversationLog other = RocksDbConversationLog.Open(otherData.Options);
        refused = null;
        StoreBackup.Take(_log, _backups.Path, 0, false, _time, _ => refused ??= OnAnotherThread(() => StoreBackup.Take(other, _backups.Path, 0, false, _time)));
        Assert.That(refused, Is.InstanceOf<BackupException>().With.Message.Contains($"Another backup into {_backups.Path} is under way"));
    }

    [Test]
    public void DirectoryIsItsOwnersAlone()
    {
        string made = Path.Combine(_backups.Path, "made");
        Take(made);
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(made), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
        }
    }

    [Test]
    public void WhatAKilledBackupLeftInTheDataDirectoryGoesAtTheNextStart()
    {
        _log.Dispose();
        Directory.CreateDirectory(Path.Combine(_data.Path, "outgoing", "rocksdb"));
        File.WriteAllText(Path.Combine(_data.Path, "outgoing", "rocksdb", "000009.sst"), "left");
        _log = RocksDbConversationLog.Open(_data.Options);
        Assert.That(Directory.Exists(Path.Combine(_data.Path, "outgoing")), Is.False);
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Refused(string reason) => Throws.TypeOf<BackupException>().With.Message.Contains(reason);

    private static Exception? OnAnotherThread(Action action)
    {
        Exception? thrown = null;
        Thread thread = new(() =>
        {
            try
            {
                action();
            }
            catch (BackupException refused)
            {
                thrown = refused;
            }
        });
        thread.Start();
        thread.Join();
        return thrown;
    }

    private BackupResult Take(string? directory = null, int keep = 0) => StoreBackup.Take(_log, directory ?? _backups.Path, keep, isPaced: false, _time);

    private void Commit(int count)
    {
        for (int i = 0; i < count; i++)
        {
            CommitBatch batch = new(_log.Epoch);
            _room.Append(batch, ConversationWriter.Body((int)_room.Sequence, 20_000));
            _log.Commit([batch]);
        }
    }

    /// <summary>Merges the tables, as RocksDB does in the background when there are enough of them.</summary>
    private unsafe void Compact()
    {
        _log.Settle();
        RocksDbSharp.Native.Instance.rocksdb_compact_range_cf(_log.Store.Database, _log.Store.Family(Table.Log), (byte*)null, (nuint)0, null, (nuint)0);
    }

    private int Tables() => Directory.EnumerateFiles(Path.Combine(_backups.Path, "tables"), "*.sst").Count();

    private IEnumerable<string> Needed() => BackupDirectory.List(_backups.Path)
        .SelectMany(backup => backup.Manifest!.Files)
        .Where(file => file.Stored.StartsWith("tables/", StringComparison.Ordinal))
        .Select(file => Path.Combine(_backups.Path, file.Stored))
        .Distinct();

    private ulong RestoredCommit(BackupChoice choice)
    {
        using TemporaryDirectory target = new();
        StoreRestore.Restore(_backups.Path, choice, target.Path, _time);
        Assert.That(StoreVerifier.Verify(target.Options).Problems, Is.Empty);
        using RocksDbConversationLog restored = RocksDbConversationLog.Open(target.Options);
        Assert.That(restored.ReadHead(_room.Conversation).Sequence, Is.EqualTo(restored.CommitNumber));
        return restored.CommitNumber;
    }
}
