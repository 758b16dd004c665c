using System.Buffers;
using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What is in the journal when a process ends is in the log when the next one begins; what cannot be, is said.</summary>
[TestFixture]
internal sealed class JournalTests
{
    private const int FileBytes = 64 << 10;

    private static readonly ConversationId Room = new(42);

    private TemporaryDirectory _directory = null!;

    private StorageOptions SmallFiles => _directory.Options with { JournalFileBytesMin = FileBytes, JournalFileBytesMax = FileBytes };

    [SetUp]
    public void Create() => _directory = new TemporaryDirectory();

    [TearDown]
    public void Remove() => _directory.Dispose();

    [Test]
    public void CommitWhoseWritingWasCutOffIsNoCommit([Range(0, 160, 8)] int kept)
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        ConversationWriter room = Fill(log, 5);
        using TemporaryDirectory copy = _directory.CopyLive();
        Change(copy, (image, records) => image.AsSpan(records[4] + kept, RecordSize(image, records[4]) - kept).Clear());
        CommitWitness.Create(copy.Path, 1, 4);

        using RocksDbConversationLog recovered = RocksDbConversationLog.Open(copy.Options);
        Assert.That(recovered.CommitNumber, Is.EqualTo(4));
        Assert.That(Read(recovered), Is.EqualTo(room.Concatenated(1, 4)));
    }

    [Test]
    public void AcknowledgedCommitThatIsCutOffIsNoticed()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        Fill(log, 5);
        using TemporaryDirectory copy = _directory.CopyLive();
        Change(copy, (image, records) => image[records[4] + 40] ^= 1);

        Assert.That(
            () => RocksDbConversationLog.Open(copy.Options), Throws.TypeOf<StoreOpenException>().With.Message.Contains("recovered to commit 4, though commit 5"));
        Assert.That(StoreVerifier.Verify(copy.Options).Problems, Has.One.Contains("commit 5 was acknowledged"));
    }

    /// <summary>A power cut may leave a witness that is too low; later commits prove the damage without it.</summary>
    [Test]
    public void DamageBeforeLaterCommitsIsNoticedWithoutTheWitness()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        ConversationWriter room = Fill(log, 5);
        using TemporaryDirectory copy = _directory.CopyLive();
        Change(copy, (image, records) => image[records[2] + 40] ^= 1);
        CommitWitness.Create(copy.Path, 1, 1);

        Assert.That(
            () => RocksDbConversationLog.Open(copy.Options),
            Throws.TypeOf<StoreOpenException>().With.Message.Contains("journal is damaged behind commit 2").And.Message.Contains("holds commit 4"));
        Assert.That(StoreVerifier.Verify(copy.Options).Problems, Has.Some.Contains("journal is damaged behind commit 2"));

        using (RocksDbConversationLog accepted = RocksDbConversationLog.Open(copy.Options with { AcceptLoss = true }))
        {
            Assert.That((accepted.Epoch, accepted.CommitNumber), Is.EqualTo((2u, 2ul)));
            Put(accepted, "after");
        }

        using RocksDbConversationLog again = RocksDbConversationLog.Open(copy.Options);
        Assert.That((again.Epoch, again.CommitNumber), Is.EqualTo((2u, 3ul)), "what lay behind the damage does not come back");
        Assert.That(Read(again), Is.EqualTo(room.Concatenated(1, 2)));
    }

    [Test]
    public void DamagedHeadOfAFileHasASecondCopy()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        ConversationWriter room = Fill(log, 5);
        using TemporaryDirectory copy = _directory.CopyLive();
        Change(copy, (image, _) => image[10] ^= 1);

        using RocksDbConversationLog recovered = RocksDbConversationLog.Open(copy.Options);
        Assert.That(Read(recovered), Is.EqualTo(room.Concatenated(1, 5)));
    }

    /// <summary>Records on the wire look like commits, and a client chooses the bytes of its messages: neither may be taken for a commit that was written later.</summary>
    [Test]
    public void MessagesThatLookLikeCommitsAreNone()
    {
        byte[] forged = new byte[64];
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        ConversationWriter room = new(Room);
        for (int i = 0; i < 40; i++)
        {
            JournalRecord.Seal(forged, 1000 + (ulong)i, 1, JournalFlags.None, salt: 0);
            room.Append(Batch(log, out CommitBatch batch), [.. Enumerable.Range(0, 8).Select(shift => (byte[])[.. new byte[shift], .. forged])]);
            log.Commit([batch]);
        }

        using TemporaryDirectory copy = _directory.CopyLive();
        using RocksDbConversationLog recovered = RocksDbConversationLog.Open(copy.Options);
        Assert.That(recovered.CommitNumber, Is.EqualTo(40));
        Assert.That(Read(recovered), Is.EqualTo(room.Concatenated(1, 320)));
    }

    [Test]
    public void MissingFileBetweenOthersIsNoticed()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(SmallFiles);
        ConversationWriter room = Fill(log, 1);
        log.Settle();
        log.Store.Plant(Table.State, StateKeys.CommitNumber.ToArray(), new byte[8]);
        room.Append(Batch(log, out CommitBatch batch), ConversationWriter.Body(2, 30));
        log.Commit([batch]);
        using TemporaryDirectory copy = _directory.CopyLive();
        foreach (string path in Directory.GetFiles(Path.Combine(copy.Path, "journal")))
        {
            // It is still there unless it was the one that was used again.
            if (JournalHeader.TryRead(File.ReadAllBytes(path), out JournalHeader header) && header.FirstCommit == 1)
            {
                File.Delete(path);
            }
        }

        CommitWitness.Create(copy.Path, 1, 0);

        Assert.That(() => RocksDbConversationLog.Open(copy.Options), Throws.TypeOf<StoreOpenException>().With.Message.Contains("damaged behind commit 0"));
    }

    [Test]
    public void FilesAreUsedAgainAndNothingOldComesBack()
    {
        ConversationWriter room = new(Room);
        for (int life = 0; life < 4; life++)
        {
            using RocksDbConversationLog log = RocksDbConversationLog.Open(SmallFiles);
            Assert.That(log.ReadHead(Room), Is.EqualTo(new LogHead(room.Sequence, room.Chain)), $"life {life}");
            for (int i = 0; i < 150; i++)
            {
                CommitBatch batch = new(log.Epoch);
                room.Append(batch, ConversationWriter.Body(i, 1500));
                log.Commit([batch]);
            }

            Assert.That(log.CommitNumber, Is.EqualTo(150 * (life + 1)));
            using TemporaryDirectory copy = CopySettled(log);
            using RocksDbConversationLog recovered = RocksDbConversationLog.Open(copy.Options);
            Assert.That(Read(recovered), Is.EqualTo(room.Concatenated(1, room.Sequence)), $"life {life}");
        }

        Assert.That(Directory.GetFiles(Path.Combine(_directory.Path, "journal")), Has.Length.LessThanOrEqualTo(SegmentPool.SegmentsMax));
        Assert.That(StoreVerifier.Verify(SmallFiles).Problems, Is.Empty);
    }

    /// <summary>The process ended between taking the files in and noting it: everything is moved a second time.</summary>
    [Test]
    public void MovingTwiceChangesNothing([Values] bool withoutDedupe)
    {
        ConversationWriter room;
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(SmallFiles))
        {
            room = Fill(log, 6);
            Put(log, "state");
            log.Settle();
            if (withoutDedupe)
            {
                foreach (byte[] key in Keys(log, Table.Dedupe))
                {
                    log.Store.Remove(Table.Dedupe, key);
                }
            }

            log.Store.Plant(Table.State, StateKeys.CommitNumber.ToArray(), new byte[8]);
        }

        using (RocksDbConversationLog log = RocksDbConversationLog.Open(SmallFiles))
        {
            Assert.That(log.CommitNumber, Is.EqualTo(7));
            Assert.That(Read(log), Is.EqualTo(room.Concatenated(1, 6)));
            room.Append(Batch(log, out CommitBatch batch), ConversationWriter.Body(9, 9));
            log.Commit([batch]);
        }

        VerifyResult result = StoreVerifier.Verify(SmallFiles);
        Assert.That(result.Problems, Is.Empty);
        Assert.That(result.Messages, Is.EqualTo(7));
    }

    [Test]
    public void StoreOfTheFirstFormatOpensAndIsRaised()
    {
        ConversationWriter room;
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            room = Fill(log, 4);
        }

        // Version 1 had the same tables and no journal.
        Directory.Delete(Path.Combine(_directory.Path, "journal"), recursive: true);
        Directory.Delete(Path.Combine(_directory.Path, "incoming"), recursive: true);
        new StoreFormat(1, 1).Write(_directory.Path);
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options))
        {
            Assert.That(StoreFormat.Read(_directory.Path)!.Value.Version, Is.EqualTo(2));
            room.Append(Batch(log, out CommitBatch batch), ConversationWriter.Body(9, 9));
            log.Commit([batch]);
            Assert.That(log.CommitNumber, Is.EqualTo(5));
        }

        Assert.That(StoreVerifier.Verify(_directory.Options).Problems, Is.Empty);
    }

    [Test]
    public void CommitLargerThanAFileHasOneOfItsOwn()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(SmallFiles);
        ConversationWriter room = Fill(log, 1);
        room.Append(Batch(log, out CommitBatch batch), [.. Enumerable.Range(0, 10).Select(i => ConversationWriter.Body(i, 50_000))]);
        log.Commit([batch]);
        room.Append(Batch(log, out batch), ConversationWriter.Body(1, 1));
        log.Commit([batch]);

        Assert.That(Read(log), Is.EqualTo(room.Concatenated(1, 12)));
        log.Settle();
        Assert.That(Read(log), Is.EqualTo(room.Concatenated(1, 12)));
    }

    [Test]
    public void CommitThatTakesSomethingOutSeesEverythingBeforeIt()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        Fill(log, 2);
        byte[] key = Keys(log, Table.Dedupe)[0];
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.Dedupe, "new"u8, "1"u8);
        batch.Delete(Table.Dedupe, key);
        batch.Delete(Table.Dedupe, "new"u8);
        batch.Put(Table.Dedupe, "new"u8, "2"u8);
        log.Commit([batch]);

        Assert.That(log.Get(Table.Dedupe, key), Is.Null);
        Assert.That(log.Get(Table.Dedupe, "new"u8), Is.EqualTo("2"u8.ToArray()));
        using TemporaryDirectory copy = _directory.CopyLive();
        using RocksDbConversationLog recovered = RocksDbConversationLog.Open(copy.Options);
        Assert.That(recovered.Get(Table.Dedupe, key), Is.Null);
        Assert.That(recovered.Get(Table.Dedupe, "new"u8), Is.EqualTo("2"u8.ToArray()));
    }

    [Test]
    public void ChunksOfAConversationAreJoinedByTheirMove()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(_directory.Options);
        ConversationWriter room = new(Room);
        for (int i = 0; i < 200; i++)
        {
            room.Append(Batch(log, out CommitBatch batch), ConversationWriter.Body(i, 1000));
            log.Commit([batch]);
        }

        log.Settle();
        Assert.That(Keys(log, Table.Log), Has.Count.InRange(200 * 1000 / (64 << 10), 6));
        Assert.That(Read(log), Is.EqualTo(room.Concatenated(1, 200)));
        Assert.That(log.ReadHead(Room), Is.EqualTo(new LogHead(200, room.Chain)));
    }

    [Test]
    public void FailureToMoveIsFinal()
    {
        using RocksDbConversationLog log = RocksDbConversationLog.Open(SmallFiles);
        ConversationWriter room = Fill(log, 1);
        Directory.Delete(Path.Combine(_directory.Path, "incoming"), recursive: true);
        Assert.That(
            () =>
            {
                for (int i = 0; i < 10_000; i++)
                {
                    room.Append(Batch(log, out CommitBatch batch), ConversationWriter.Body(i, 2000));
                    log.Commit([batch]);
                }
            },
            Throws.TypeOf<StorageException>());
        Assert.That(log.Failure, Is.Not.Null);
        Assert.That(log.ReadHead(Room).Sequence, Is.EqualTo(log.CommitNumber), "what was committed can still be read");
    }

    [Test]
    public void ReadersCrossMovesWithoutNotice()
    {
        const int Rooms = 12;
        const int Commits = 3000;
        using RocksDbConversationLog log = RocksDbConversationLog.Open(SmallFiles);
        ConversationWriter[] rooms = [.. Enumerable.Range(1, Rooms).Select(i => new ConversationWriter(new ConversationId((UInt128)i)))];
        int committed = 0;
        Exception? wrong = null;
        Thread[] readers = [.. Enumerable.Range(0, 3).Select(seed => new Thread(() =>
        {
            Random random = new(seed);
            ArrayBufferWriter<byte> page = new();
            try
            {
                while (Volatile.Read(ref committed) < Commits)
                {
                    ConversationId room = rooms[random.Next(Rooms)].Conversation;
                    LogHead head = log.ReadHead(room);
                    ulong after = head.Sequence == 0 ? 0 : (ulong)random.NextInt64((long)head.Sequence);
                    page.ResetWrittenCount();
                    LogPage forward = log.ReadForward(room, after, head.Sequence, random.Next(1, 50), 100_000, page);
                    ExpectRun(page.WrittenSpan, head.Sequence == 0 ? 0 : after + 1, forward);
                    page.ResetWrittenCount();
                    LogPage backward = log.ReadBackward(room, after + 2, random.Next(1, 50), 100_000, page);
                    ExpectRun(page.WrittenSpan, backward.First, backward);
                    if (after > 0)
                    {
                        Assert.That(backward.Last, Is.EqualTo(after + 1));
                    }
                }
            }
            catch (Exception failure)
            {
                wrong ??= failure;
            }
        }))];
        foreach (Thread reader in readers)
        {
            reader.Start();
        }

        Random choice = new(99);
        byte[] key = new byte[DedupeKey.Size];
        for (int i = 0; i < Commits && wrong is null; i++)
        {
            CommitBatch batch = new(log.Epoch);
            foreach (ConversationWriter room in rooms.Where(_ => choice.Next(3) == 0))
            {
                room.Append(batch, [.. Enumerable.Range(0, choice.Next(1, 4)).Select(n => ConversationWriter.Body(n, choice.Next(200)))]);
            }

            log.Commit([batch]);
            ConversationWriter any = rooms[choice.Next(Rooms)];
            if (any.Sequence > 0)
            {
                ReadOnlySpan<byte> bytes = any.Records[choice.Next(any.Records.Count)];
                MessageRecord.TryRead(ref bytes, out MessageRecord record);
                DedupeKey.Write(key, any.Conversation, record);
                Assert.That(DedupeValue.Read(log.Get(Table.Dedupe, key)).Sequence, Is.EqualTo(record.Sequence));
            }

            Volatile.Write(ref committed, i + 1);
        }

        Volatile.Write(ref committed, Commits);
        foreach (Thread reader in readers)
        {
            reader.Join();
        }

        Assert.That(wrong, Is.Null);
        log.Dispose();
        Assert.That(StoreVerifier.Verify(SmallFiles).Problems, Is.Empty);
    }

    private TemporaryDirectory CopySettled(RocksDbConversationLog log)
    {
        // RocksDB's own files must not change while they are copied; the commits behind the settling stay in the journal.
        log.Settle();
        return _directory.CopyLive();
    }

    private static void ExpectRun(ReadOnlySpan<byte> records, ulong first, LogPage page)
    {
        ulong next = first;
        while (!records.IsEmpty)
        {
            Assert.That(MessageRecord.TryRead(ref records, out MessageRecord record) && record.ChecksumMatches && record.Sequence == next, Is.True, $"at {next} of {page}");
            next++;
        }

        Assert.That(page.Count == 0 ? page.Last : page.Last + 1, Is.EqualTo(page.Count == 0 ? 0 : next));
    }

    private static ConversationWriter Fill(RocksDbConversationLog log, int commits)
    {
        ConversationWriter room = new(Room);
        for (int i = 0; i < commits; i++)
        {
            room.Append(Batch(log, out CommitBatch batch), ConversationWriter.Body(i, 30));
            log.Commit([batch]);
        }

        return room;
    }

    private static CommitBatch Batch(RocksDbConversationLog log, out CommitBatch batch) => batch = new CommitBatch(log.Epoch);

    private static void Put(RocksDbConversationLog log, string key)
    {
        CommitBatch batch = new(log.Epoch);
        batch.Put(Table.State, System.Text.Encoding.ASCII.GetBytes(key), "v"u8);
        log.Commit([batch]);
    }

    private static byte[] Read(RocksDbConversationLog log)
    {
        ArrayBufferWriter<byte> target = new();
        log.ReadForward(Room, 0, LogPosition.Latest, int.MaxValue, int.MaxValue, target);
        return target.WrittenSpan.ToArray();
    }

    private static List<byte[]> Keys(RocksDbConversationLog log, Table table)
    {
        List<byte[]> keys = [];
        log.Scan(table, [], [], (key, _) =>
        {
            keys.Add(key.ToArray());
            return true;
        });
        return keys;
    }

    private static int RecordSize(byte[] image, int offset) => BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(offset));

    /// <summary>Changes the journal file that has commits, given where its records begin.</summary>
    private static void Change(TemporaryDirectory directory, Action<byte[], List<int>> change)
    {
        foreach (string path in Directory.GetFiles(Path.Combine(directory.Path, "journal")))
        {
            byte[] image = File.ReadAllBytes(path);
            List<int> records = [];
            JournalHeader.TryRead(image, out JournalHeader header);
            for (int offset = JournalHeader.Size; JournalRecord.TryRead(image.AsSpan(Math.Min(offset, image.Length)), header.Salt, out JournalRecord record); offset = JournalRecord.Aligned(offset + record.Size))
            {
                records.Add(offset);
            }

            if (records.Count > 0)
            {
                change(image, records);
                File.WriteAllBytes(path, image);
                return;
            }
        }

        Assert.Fail("no journal file holds a commit");
    }
}
