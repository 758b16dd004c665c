using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What is left on the disk of an erased body, and what a process that dies on the way leaves to its successor.</summary>
[TestFixture]
internal sealed class ErasingPassTests
{
    private static readonly byte[] Marker = StoredBytes.Marker(1);

    private TemporaryDirectory _directory = null!;
    private RocksDbConversationLog _log = null!;
    private ErasedRoom _room = null!;

    private StorageOptions Options => Small(_directory);

    [SetUp]
    public void Open()
    {
        _directory = new TemporaryDirectory();
        _log = RocksDbConversationLog.Open(Options);
        _room = new ErasedRoom(new ConversationId(42));
        Append(3);
    }

    [TearDown]
    public void Close()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    /// <summary>The body lies in the journal, in one table, in several that were merged, in files that were used again.</summary>
    [Test]
    public void NothingOfABodyIsLeftInAnyFile([Values(0, 1, 2, 3)] int where)
    {
        AppendMarker();
        ulong marked = _room.Head;
        for (int i = 0; i < where; i++)
        {
            _log.Settle();
            Append(2);
        }

        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Not.Empty, "a test that cannot find it proves nothing");
        Commit(batch => _room.Erase(batch, marked));
        _room.Check(_log);
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Not.Empty, "noted is not erased");
        _log.EraseNoted();

        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
        Assert.That(_log.Erasures, Is.EqualTo(new ErasureCounts(1, 0)));
        Assert.That(_log.ErasureWork.Passes, Is.EqualTo(1));
        Assert.That(_log.ErasureWork.Bytes, Is.GreaterThan(ChunkHeader.Size));
        _room.Check(_log);
        Append(2);
        _room.Check(_log);
        RequireSound(_directory, tombstones: 1);
    }

    /// <summary>Earlier versions of a chunk in earlier files are found as well, not only the newest one.</summary>
    [Test]
    public void BodiesOfOneChunkThatAreErasedOneAfterAnotherAreAllGone()
    {
        byte[][] markers = [.. Enumerable.Range(10, 4).Select(StoredBytes.Marker)];
        Commit(batch => _room.Append(batch, [.. markers.Select(StoredBytes.BodyWith)]));
        ulong first = _room.Head - 3;
        _log.Settle();
        for (int i = 0; i < markers.Length; i++)
        {
            ulong sequence = first + (ulong)i;
            Commit(batch => _room.Erase(batch, sequence));
            _log.EraseNoted();
            Assert.That(markers.Select(marker => StoredBytes.FilesWith(_directory.Path, marker).Length > 0), Is.EqualTo(markers.Select((_, at) => at > i)));
        }

        _room.Check(_log);
        RequireSound(_directory, tombstones: 4);
    }

    /// <summary>A commit that takes something out goes through RocksDB's own log, with everything in it.</summary>
    [Test]
    public void NothingIsLeftInRocksDbsOwnLog()
    {
        Commit(batch =>
        {
            _room.Append(batch, StoredBytes.BodyWith(Marker));
            batch.Delete(Table.Dedupe, new byte[DedupeKey.Size]);
        });
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Has.Some.EndsWith(".log"));
        Commit(batch => _room.Erase(batch, _room.Head));
        _room.Check(_log);
        _log.EraseNoted();
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
        _room.Check(_log);
    }

    [Test]
    public void PassComesByItself([Values] bool byNumber)
    {
        AppendMarker();
        _log.Dispose();
        _log = RocksDbConversationLog.Open(byNumber ? Options with { EraseWaitingMax = 1 } : Options with { EraseDelay = TimeSpan.FromMilliseconds(50) });
        Commit(batch => _room.Erase(batch, _room.Head));
        Assert.That(() => _log.Erasures, Is.EqualTo(new ErasureCounts(1, 0)).After(60_000, 20));
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
    }

    /// <summary>The process dies at each step of a pass; what it leaves is sound, is masked, and is erased by the next one.</summary>
    [TestCase("erase-begun")]
    [TestCase("erase-renewed")]
    [TestCase("erase-rewritten")]
    [TestCase("erase-purged")]
    [TestCase("erase-forgotten")]
    public void DyingOnTheWayLeavesASoundStoreThatMasks(string step)
    {
        AppendMarker();
        _log.Settle();
        Append(2);
        AppendMarker();
        Commit(batch => _room.Erase(batch, 2, 4, _room.Head));
        TemporaryDirectory? left = null;
        _log.Eraser.Reached = reached => left = reached == step ? _directory.CopyLive() : left;
        _log.EraseNoted();
        using TemporaryDirectory copy = left!;
        RequireSound(copy);

        using (RocksDbConversationLog next = RocksDbConversationLog.Open(Small(copy)))
        {
            _room.Check(next);
            next.EraseNoted();
            _room.Check(next);
            Assert.That(StoredBytes.FilesWith(copy.Path, Marker), Is.Empty);
            Assert.That(next.Erasures.Waiting, Is.Zero);
        }

        RequireSound(copy, tombstones: 3);
        using RocksDbConversationLog again = RocksDbConversationLog.Open(Small(copy));
        _room.Check(again);
    }

    /// <summary>Who opened an iterator just before the chunks are written anew does not read the old text with it, and does not keep its file for longer than until the next read.</summary>
    [Test]
    public void ReaderFromBeforeGetsTombstonesAndLetsGo()
    {
        AppendMarker();
        _log.Settle();
        using ILogReader reader = _log.OpenReader();
        Commit(batch => _room.Erase(batch, _room.Head));
        byte[] expected = _room.Expected(1, _room.Head);
        Lock turn = new();
        int reads = 0;
        _log.Eraser.Reached = step =>
        {
            lock (turn)
            {
                reads += step == "erase-renewed" && Read(reader).AsSpan().SequenceEqual(expected) ? 1 : 0;
            }
        };
        Thread pass = new(_log.EraseNoted) { IsBackground = true };
        pass.Start();
        long began = Environment.TickCount64;
        while (!pass.Join(TimeSpan.FromMilliseconds(20)))
        {
            Assert.That(Environment.TickCount64 - began, Is.LessThan(60_000), "the reader holds on to a file with the body");
            lock (turn)
            {
                if (reads > 0)
                {
                    Assert.That(Read(reader), Is.EqualTo(expected));
                }
            }
        }

        Assert.That(reads, Is.EqualTo(1));
        Assert.That(Read(reader), Is.EqualTo(expected));
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
    }

    /// <summary>A chunk of the smallest records grows by a half, and stays far below what a frame holds.</summary>
    [Test]
    public void ChunkOfEmptyMessagesGrows()
    {
        const int Count = 900;
        Commit(batch => _room.Append(batch, [.. Enumerable.Repeat(Array.Empty<byte>(), Count)]));
        Commit(batch => _room.Erase(batch, [.. Enumerable.Range(4, Count).Select(i => (ulong)i)]));
        _room.Check(_log);
        _log.EraseNoted();
        _room.Check(_log);
        RequireSound(_directory, tombstones: Count);
    }

    [Test]
    public void DamagedChunkStaysNotedAndTheRestIsErased()
    {
        AppendMarker();
        ErasedRoom damaged = new(new ConversationId(7));
        Commit(batch => damaged.Append(batch, ConversationWriter.Body(1, 100)));
        _log.Settle();
        byte[] key = new byte[ChunkKey.Size];
        ChunkKey.Write(key, damaged.Conversation, 1);
        byte[] value = _log.Store.Get(Table.Log, key)!;
        value[ChunkHeader.Size + 90] ^= 1;
        _log.Store.Plant(Table.Log, key, value);
        Commit(batch =>
        {
            _room.Erase(batch, _room.Head);
            batch.Erase(damaged.Conversation, 1);
        });
        _log.EraseNoted();
        Assert.That(_log.Erasures, Is.EqualTo(new ErasureCounts(1, 1)));
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
    }

    [Test]
    public void MarkerIsRaisedBeforeTheFirstNote()
    {
        Assert.That(StoreFormat.Read(_directory.Path)!.Value.Version, Is.EqualTo(StoreFormat.JournalVersion), "an earlier program may still open it");
        Commit(batch => _room.Erase(batch, 1));
        Assert.That(StoreFormat.Read(_directory.Path)!.Value.Version, Is.EqualTo(StoreFormat.ErasingVersion));
        _log.EraseNoted();
        _log.Dispose();
        _log = RocksDbConversationLog.Open(Options);
        Assert.That(StoreFormat.Read(_directory.Path)!.Value.Version, Is.EqualTo(StoreFormat.ErasingVersion), "it is never lowered");
    }

    [Test]
    public void BackupsMaskFromTheNoteOnAndLoseTheBodyWithTheLastOneOfBefore()
    {
        AppendMarker();
        _log.Settle();
        using TemporaryDirectory backups = new();
        Backup(backups, keep: 0);
        Commit(batch => _room.Erase(batch, _room.Head));
        Backup(backups, keep: 0);
        using (TemporaryDirectory restored = new())
        {
            StoreRestore.Restore(backups.Path, default, restored.Path, TimeProvider.System);
            using RocksDbConversationLog log = RocksDbConversationLog.Open(Small(restored));
            Assert.That(log.Erasures.Waiting, Is.EqualTo(1));
            _room.Check(log);
            log.EraseNoted();
            _room.Check(log);
            Assert.That(StoredBytes.FilesWith(restored.Path, Marker), Is.Empty);
        }

        _log.EraseNoted();
        Backup(backups, keep: 2);
        Assert.That(StoredBytes.FilesWith(backups.Path, Marker), Is.Not.Empty, "the one before needs it");
        Backup(backups, keep: 2);
        Assert.That(StoredBytes.FilesWith(backups.Path, Marker), Is.Empty);
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
        using TemporaryDirectory last = new();
        StoreRestore.Restore(backups.Path, default, last.Path, TimeProvider.System);
        Assert.That(StoredBytes.FilesWith(last.Path, Marker), Is.Empty);
        using RocksDbConversationLog late = RocksDbConversationLog.Open(Small(last));
        _room.Check(late);
    }

    [Test]
    public void VerifyReportsANoteWithoutARecordAndRebuildTakesItAway()
    {
        Commit(batch =>
        {
            _room.Erase(batch, 2);
            batch.Erase(_room.Conversation, _room.Head + 1);
            batch.Erase(new ConversationId(9), 1);
        });
        _log.Dispose();
        VerifyResult found = StoreVerifier.Verify(Options);
        Assert.That(found.Problems, Has.Count.EqualTo(2).And.All.Contains("noted to be erased and is not there"));
        Assert.That(StoreVerifier.Verify(Options, rebuild: true).Repaired, Is.EqualTo(2));
        Assert.That(StoreVerifier.Verify(Options).Problems, Is.Empty);
        _log = RocksDbConversationLog.Open(Options);
        Assert.That(_log.Erasures.Waiting, Is.EqualTo(1));
        _room.Check(_log);
    }

    [Test]
    public void RebuildMakesTheDedupeTableFromTombstones()
    {
        Commit(batch => _room.Erase(batch, 1, 2));
        _log.EraseNoted();
        _log.Settle();
        List<byte[]> keys = [];
        _log.Scan(Table.Dedupe, default, default, (key, _) =>
        {
            keys.Add(key.ToArray());
            return true;
        });
        foreach (byte[] key in keys)
        {
            _log.Store.Remove(Table.Dedupe, key);
        }

        _log.Dispose();
        Assert.That(StoreVerifier.Verify(Options, rebuild: true).Repaired, Is.EqualTo(keys.Count));
        RequireSound(_directory, tombstones: 2);
        _room.Check(_log);
    }

    private static StorageOptions Small(TemporaryDirectory directory) =>
        directory.Options with { EraseDelay = TimeSpan.FromHours(1), JournalFileBytesMin = 256 << 10, JournalFileBytesMax = 256 << 10 };

    private static byte[] Read(ILogReader reader)
    {
        System.Buffers.ArrayBufferWriter<byte> target = new();
        reader.ReadForward(new ConversationId(42), 0, LogPosition.Latest - 1, int.MaxValue, int.MaxValue, target);
        return target.WrittenSpan.ToArray();
    }

    private void RequireSound(TemporaryDirectory directory, int? tombstones = null)
    {
        if (directory == _directory)
        {
            _log.Dispose();
        }

        VerifyResult result = StoreVerifier.Verify(Small(directory));
        Assert.That(result.Problems, Is.Empty);
        Assert.That(result.Tombstones, Is.EqualTo(tombstones ?? result.Tombstones));
        if (directory == _directory)
        {
            _log = RocksDbConversationLog.Open(Options);
        }
    }

    private void Backup(TemporaryDirectory backups, int keep) => StoreBackup.Take(_log, backups.Path, keep, isPaced: false, TimeProvider.System);

    private void AppendMarker() => Commit(batch => _room.Append(batch, StoredBytes.BodyWith(Marker)));

    private void Append(int count)
    {
        for (int i = 0; i < count; i++)
        {
            int seed = i;
            Commit(batch => _room.Append(batch, ConversationWriter.Body(seed, 100)));
        }
    }

    private void Commit(Action<CommitBatch> build)
    {
        CommitBatch batch = new(_log.Epoch);
        build(batch);
        _log.Commit([batch]);
    }
}
