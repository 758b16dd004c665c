using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>Backups of a store that commits all the time, with journal files so small that they are moved and used again while a backup is taken: each is a prefix with everything acknowledged before it began.</summary>
[TestFixture]
internal sealed class BackupUnderLoadTests
{
    private const int Backups = 6;
    private const int CommitsBetween = 150;

    [Test]
    public void EachBackupIsAPrefixWithEverythingAcknowledgedBefore()
    {
        using TemporaryDirectory data = new();
        using TemporaryDirectory backups = new();
        StorageOptions options = data.Options with { JournalFileBytesMin = 64 << 10, JournalFileBytesMax = 64 << 10 };
        List<(BackupInfo Info, ulong AcknowledgedBefore)> taken = [];
        ConversationWriter room = new(new ConversationId(1000));
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(options))
        {
            using CancellationTokenSource stop = new();
            Thread committer = new(() => CommitUntil(log, room, stop.Token));
            committer.Start();
            while (taken.Count < Backups)
            {
                ulong wanted = log.CommitNumber + CommitsBetween;
                Assert.That(() => log.CommitNumber, Is.GreaterThanOrEqualTo(wanted).After(20_000, 1));
                ulong acknowledged = log.CommitNumber;
                taken.Add((StoreBackup.Take(log, backups.Path, keep: 0, isPaced: false, TimeProvider.System).Info, acknowledged));
            }

            stop.Cancel();
            committer.Join();
            Assert.That(log.Failure, Is.Null);
            Assert.That(log.CommitNumber, Is.GreaterThan(taken[^1].Info.Commit), "commits went on while the last backup was copied");
        }

        foreach ((BackupInfo info, ulong acknowledged) in taken)
        {
            Assert.That(info.Commit, Is.GreaterThanOrEqualTo(acknowledged));
            CheckRestored(backups.Path, info, room);
        }
    }

    private static void CommitUntil(RocksDbConversationLog log, ConversationWriter room, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            CommitBatch batch = new(log.Epoch);
            ulong number = log.CommitNumber + 1;
            room.Append(batch, ConversationWriter.Body((int)number, 600), ConversationWriter.Body(-(int)number, 300));

            // Small state of every commit is in its table at once: it must not get into a backup ahead of the journal. A key for each, which no other commit sets right again.
            batch.Put(Table.State, KeyOf(number), [1]);
            log.Commit([batch]);
        }
    }

    private static void CheckRestored(string backups, BackupInfo info, ConversationWriter room)
    {
        using TemporaryDirectory target = new();
        RestoreResult restored = StoreRestore.Restore(backups, new BackupChoice(info.Number, null), target.Path, TimeProvider.System);
        Assert.That(restored.Info, Is.EqualTo(info));
        VerifyResult verified = StoreVerifier.Verify(target.Options);
        Assert.That(verified.Problems, Is.Empty);
        using RocksDbConversationLog log = RocksDbConversationLog.Open(target.Options);
        Assert.That((log.CommitNumber, log.Epoch), Is.EqualTo((info.Commit, restored.Epoch)));

        // Two records a commit, and nothing of a later one.
        ulong head = 2 * info.Commit;
        System.Buffers.ArrayBufferWriter<byte> read = new();
        Assert.That(log.ReadHead(room.Conversation).Sequence, Is.EqualTo(head));
        Assert.That(log.ReadForward(room.Conversation, 0, head, int.MaxValue, int.MaxValue, read).Complete, Is.True);
        Assert.That(read.WrittenSpan.SequenceEqual(room.Concatenated(1, head)), Is.True);
        List<byte[]> keys = [];
        log.Scan(Table.State, "test"u8, [], (key, _) =>
        {
            keys.Add(key.ToArray());
            return true;
        });
        Assert.That(keys, Is.EqualTo(Enumerable.Range(1, (int)info.Commit).Select(number => KeyOf((ulong)number))));
    }

    private static byte[] KeyOf(ulong number)
    {
        byte[] key = [.. "test"u8, .. new byte[sizeof(ulong)]];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(4), number);
        return key;
    }
}
