using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Storage.Tests;

/// <summary>What opening a directory finds, accepts and refuses.</summary>
[TestFixture]
internal sealed class RecoveryTests
{
    private static readonly ConversationId Room = new(42);

    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void Create() => _directory = new TemporaryDirectory();

    [TearDown]
    public void Remove() => _directory.Dispose();

    [Test]
    public void KilledProcessLeavesEverythingAcknowledged()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        ConversationWriter room = Fill(log, 50);

        using TemporaryDirectory copy = _directory.CopyLive();
        using RocksDbConversationLog recovered = RocksDbConversationLog.Open(copy.Options);
        Assert.That(recovered.CommitNumber, Is.EqualTo(50));
        Assert.That(recovered.Epoch, Is.EqualTo(1));
        Assert.That(recovered.ReadHead(Room), Is.EqualTo(new LogHead(50, room.Chain)));
    }

    [Test]
    public void SecondInstanceIsRefusedWithTheReason()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);

        Assert.That(
            () => RocksDbConversationLog.Open(_directory.Options),
            Throws.TypeOf<StoreOpenException>().With.Message.Contains("in use by another FastChat process"));
        Assert.That(() => StoreVerifier.Verify(_directory.Options), Throws.TypeOf<StoreOpenException>());
        Assert.That(log.CommitNumber, Is.Zero);
    }

    [Test]
    public void NewerFormatIsRefusedWithTheReason()
    {
        RocksDbConversationLog.Open(_directory.Options).Dispose();
        new StoreFormat(StoreFormat.CurrentVersion + 1, 1).Write(_directory.Path);

        Assert.That(
            () => RocksDbConversationLog.Open(_directory.Options),
            Throws.TypeOf<StoreOpenException>().With.Message.Contains($"has format {StoreFormat.CurrentVersion + 1}").And.Message.Contains("newer FastChat"));
    }

    [TestCase(0)]
    [TestCase(12)]
    [TestCase(17)]
    public void DamagedFormatMarkerIsRefused(int offset)
    {
        RocksDbConversationLog.Open(_directory.Options).Dispose();
        Damage("format", offset);

        Assert.That(() => RocksDbConversationLog.Open(_directory.Options), Throws.TypeOf<StoreOpenException>());
    }

    [Test]
    public void DatabaseWithoutMarkerIsRefused()
    {
        RocksDbConversationLog.Open(_directory.Options).Dispose();
        File.Delete(Path.Combine(_directory.Path, "format"));

        Assert.That(
            () => RocksDbConversationLog.Open(_directory.Options), Throws.TypeOf<StoreOpenException>().With.Message.Contains("no format marker"));
    }

    [TestCase(1)]
    [TestCase(2)]
    public void InterruptedCreationOpens(int filesMade)
    {
        new StoreFormat(StoreFormat.CurrentVersion, 1).Write(_directory.Path);
        if (filesMade > 1)
        {
            CommitWitness.Create(_directory.Path, 1, 0);
        }

        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        Fill(log, 1);
        Assert.That(log.CommitNumber, Is.EqualTo(1));
    }

    [Test]
    public void LostCommitIsRefusedUntilTheLossIsAccepted()
    {
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            Fill(log, 5);
        }

        // An older copy of the database beside the newer witness: what a log cut on a record's border leaves.
        using TemporaryDirectory older = _directory.CopyLive();
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            Put(log, "later");
        }

        File.Copy(Path.Combine(_directory.Path, "witness"), Path.Combine(older.Path, "witness"), overwrite: true);
        Assert.That(
            () => RocksDbConversationLog.Open(older.Options),
            Throws.TypeOf<StoreOpenException>().With.Message.Contains("Acknowledged records are missing")
                .And.Message.Contains("recovered to commit 5, though commit 6"));
        Assert.That(StoreVerifier.Verify(older.Options).Problems, Has.One.Contains("commit 6 was acknowledged"));

        using (RocksDbConversationLog accepted = RocksDbConversationLog.Open(older.Options with { AcceptLoss = true }))
        {
            Assert.That(accepted.Epoch, Is.EqualTo(2));
            Assert.That(accepted.ReadHead(Room).Sequence, Is.EqualTo(5));
            Put(accepted, "after");
        }

        using RocksDbConversationLog again = RocksDbConversationLog.Open(older.Options with { AcceptLoss = true });
        Assert.That(again.Epoch, Is.EqualTo(2), "an epoch is taken for a loss, not for the permission");
        Assert.That(again.CommitNumber, Is.EqualTo(6));
    }

    [Test]
    public void MissingWitnessIsRefusedUntilTheLossIsAccepted()
    {
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            Fill(log, 2);
        }

        File.Delete(Path.Combine(_directory.Path, "witness"));
        Assert.That(() => RocksDbConversationLog.Open(_directory.Options), Throws.TypeOf<StoreOpenException>().With.Message.Contains("witness"));
        using RocksDbConversationLog accepted = RocksDbConversationLog.Open(_directory.Options with { AcceptLoss = true });
        Assert.That(accepted.Epoch, Is.EqualTo(2));
    }

    [Test]
    public void VanishedDatabaseIsRefused()
    {
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            Fill(log, 2);
        }

        Directory.Delete(Path.Combine(_directory.Path, "rocksdb"), recursive: true);
        Assert.That(() => RocksDbConversationLog.Open(_directory.Options), Throws.TypeOf<StoreOpenException>().With.Message.Contains("its database is gone"));
    }

    [Test]
    public void TornWitnessSlotLeavesTheOther()
    {
        CommitWitness.Create(_directory.Path, 3, 0);
        using (CommitWitness witness = CommitWitness.Open(_directory.Path, TimeProvider.System, TimeSpan.FromHours(1)))
        {
            witness.Record(7);
            witness.Record(8);
        }

        Assert.That(CommitWitness.TryRead(_directory.Path, out uint epoch, out ulong commit), Is.True);
        Assert.That((epoch, commit), Is.EqualTo((3u, 8ul)));

        // 7 went to the second slot, 8 to the first.
        Damage("witness", 8);
        Assert.That(CommitWitness.TryRead(_directory.Path, out _, out commit), Is.True);
        Assert.That(commit, Is.EqualTo(7));

        Damage("witness", 2048 + 9);
        Assert.That(CommitWitness.TryRead(_directory.Path, out _, out _), Is.False);
    }

    [Test]
    public void WitnessIsSyncedInTheBackgroundWhenItChanged()
    {
        FakeTimeProvider time = new();
        CommitWitness.Create(_directory.Path, 1, 0);
        using CommitWitness witness = CommitWitness.Open(_directory.Path, time, TimeSpan.FromSeconds(1));
        witness.Record(1);
        Assert.That(witness.IsDirty, Is.True);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(witness.IsDirty, Is.False);
    }

    [Test]
    public void CommitOutlivesACrashBeforeItsWitness()
    {
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            Fill(log, 3);
        }

        // The process ended between the sync and the witness: more than promised is no loss.
        CommitWitness.Create(_directory.Path, 1, 2);
        using RocksDbConversationLog recovered = RocksDbConversationLog.Open(_directory.Options);
        Assert.That(recovered.CommitNumber, Is.EqualTo(3));
        Assert.That(CommitWitness.TryRead(_directory.Path, out _, out ulong commit), Is.True);
        Assert.That(commit, Is.EqualTo(3));
    }

    [Test]
    public void InMemoryCrashLosesWhatWasNotSynced([Values] bool keepUnsynced)
    {
        InMemoryConversationLog log = new();
        Put(log, "one");
        log.BeforeSync = () => throw new IOException("power");
        Assert.That(() => Put(log, "two"), Throws.TypeOf<StorageException>());
        Assert.That(log.Get(Table.State, "two"u8), Is.Null, "readers never see what a crash could take back");

        InMemoryConversationLog left = log.Crash(keepUnsynced);
        Assert.That(left.Get(Table.State, "one"u8), Is.Not.Null);
        Assert.That(left.Get(Table.State, "two"u8), keepUnsynced ? Is.Not.Null : Is.Null);
        Assert.That(left.CommitNumber, Is.EqualTo(keepUnsynced ? 2 : 1));
        Assert.That(left.Failure, Is.Null);
        Assert.That(() => log.Get(Table.State, "one"u8), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(InMemoryConversationLog.AcceptLoss(left).Epoch, Is.EqualTo(2));
    }

    [Test]
    public void InMemoryHooksStandAtTheBordersOfACommit()
    {
        InMemoryConversationLog log = new();
        List<string> seen = [];
        log.BeforeWrite = () => seen.Add($"write {log.CommitNumber}");
        log.BeforeSync = () => seen.Add($"sync {log.CommitNumber}");
        log.AfterSync = () => seen.Add($"synced {log.CommitNumber}");
        Put(log, "one");
        Assert.That(seen, Is.EqualTo(["write 0", "sync 0", "synced 1"]));

        log.AfterSync = () => throw new IOException("killed before anyone was told");
        Assert.That(() => Put(log, "two"), Throws.TypeOf<StorageException>());
        Assert.That(log.Crash().Get(Table.State, "two"u8), Is.Not.Null);
    }

    private static ConversationWriter Fill(RocksDbConversationLog log, int commits)
    {
        ConversationWriter room = new(Room);
        for (int i = 0; i < commits; i++)
        {
            CommitBatch batch = new(log.Epoch);
            room.Append(batch, ConversationWriter.Body(i, 30));
            log.Commit([batch]);
        }

        return room;
    }

    private static void Put(IConversationLog log, string key)
    {
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.State, System.Text.Encoding.ASCII.GetBytes(key), "v"u8);
        log.Commit([batch]);
    }

    private void Damage(string file, int offset)
    {
        string path = Path.Combine(_directory.Path, file);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[offset] ^= 0x40;
        File.WriteAllBytes(path, bytes);
    }
}
