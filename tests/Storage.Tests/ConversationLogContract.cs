using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What every log must do. Run against both implementations, and against the durable one with its commits in the journal, in the tables and in both: ConversationLogFixtures.cs.</summary>
internal abstract class ConversationLogContract
{
    protected const int Unlimited = int.MaxValue;

    protected static readonly ConversationId Room = new((UInt128)1 << 100 | 2);
    private static readonly ConversationId Before = new((UInt128)1 << 100 | 1);
    private static readonly ConversationId Behind = new((UInt128)1 << 100 | 3);

    private IConversationLog _log = null!;

    protected IConversationLog Log => _log;

    protected abstract IConversationLog Create();

    /// <summary>Closes the log in an orderly way and opens it again.</summary>
    protected abstract IConversationLog Reopen(IConversationLog log);

    protected abstract void FailNextWrite(IConversationLog log);

    [SetUp]
    public void Open() => _log = Create();

    [TearDown]
    public virtual void Close() => _log.Dispose();

    [Test]
    public void EmptyLogHasNothing()
    {
        Assert.That(_log.Epoch, Is.EqualTo(1));
        Assert.That(_log.CommitNumber, Is.Zero);
        Assert.That(_log.Failure, Is.Null);
        Assert.That(_log.ReadHead(Room), Is.EqualTo(default(LogHead)));
        Assert.That(Forward(0, LogPosition.Latest), Is.EqualTo((new LogPage(0, 0, 0, 0, true), Array.Empty<byte>())).Using(PageComparer));
        Assert.That(Backward(LogPosition.Latest), Is.EqualTo((new LogPage(0, 0, 0, 0, true), Array.Empty<byte>())).Using(PageComparer));
        Assert.That(_log.Get(Table.State, "a"u8), Is.Null);
        Assert.That(_log.Get(Table.Dedupe, "a"u8, new byte[4]), Is.EqualTo(-1));
    }

    [Test]
    public void HeadIsTheLastRecordOfTheLastChunk()
    {
        ConversationWriter room = Fill(3, 1, 4);

        Assert.That(_log.ReadHead(Room), Is.EqualTo(new LogHead(8, room.Chain)));
        Assert.That(_log.CommitNumber, Is.EqualTo(3));
        Assert.That(_log.ReadHead(Before).Sequence, Is.EqualTo(1));
        Assert.That(_log.ReadHead(new ConversationId(Room.Value + 17)).Sequence, Is.Zero);
    }

    [Test]
    public void ReadForwardGivesTheWrittenBytesFromEveryPosition()
    {
        ConversationWriter room = Fill(3, 1, 4);
        for (ulong after = 0; after < 8; after++)
        {
            for (ulong through = after + 1; through <= 9; through++)
            {
                (LogPage page, byte[] bytes) = Forward(after, through);
                ulong last = Math.Min(through, 8);

                Assert.That(page, Is.EqualTo(new LogPage(after + 1, last, (int)(last - after), bytes.Length, true)));
                Assert.That(bytes, Is.EqualTo(room.Concatenated(after + 1, last)));
            }
        }

        Assert.That(Forward(8, LogPosition.Latest).Page, Is.EqualTo(new LogPage(0, 0, 0, 0, true)));
        Assert.That(Forward(LogPosition.Latest, LogPosition.Latest).Page, Is.EqualTo(new LogPage(0, 0, 0, 0, true)));
    }

    [Test]
    public void ReadBackwardGivesTheWrittenBytesFromEveryPosition()
    {
        ConversationWriter room = Fill(3, 1, 4);
        foreach (ulong before in new ulong[] { 2, 3, 4, 5, 6, 7, 8, 9, 10, LogPosition.Latest })
        {
            ulong last = Math.Min(before - 1, 8);
            for (int count = 1; count <= 9; count++)
            {
                (LogPage page, byte[] bytes) = Backward(before, count);
                ulong first = last >= (ulong)count ? last - (ulong)count + 1 : 1;

                Assert.That(page, Is.EqualTo(new LogPage(first, last, (int)(last - first + 1), bytes.Length, first == 1)));
                Assert.That(bytes, Is.EqualTo(room.Concatenated(first, last)));
            }
        }

        Assert.That(Backward(1).Page, Is.EqualTo(new LogPage(0, 0, 0, 0, true)));
        Assert.That(Backward(0).Page, Is.EqualTo(new LogPage(0, 0, 0, 0, true)));
    }

    [Test]
    public void PagesKeepTheirBoundsAndJoinWithoutGap([Values(1, 2, 3, 5, 100)] int countMax, [Values(1, 150, 400, 100_000)] int bytesMax)
    {
        ConversationWriter room = Fill(3, 1, 4, 2);
        List<byte> all = [];
        ulong after = 0;
        bool complete;
        do
        {
            (LogPage page, byte[] bytes) = Forward(after, LogPosition.Latest, countMax, bytesMax);
            Assert.That(page.First, Is.EqualTo(after + 1));
            Assert.That(page.Count, Is.InRange(1, countMax));
            Assert.That(page.Count == 1 || page.Bytes <= bytesMax, Is.True);
            Assert.That(bytes, Has.Length.EqualTo(page.Bytes));
            all.AddRange(bytes);
            after = page.Last;
            complete = page.Complete;
        }
        while (!complete);

        Assert.That(after, Is.EqualTo(10));
        Assert.That(all, Is.EqualTo(room.Concatenated(1, 10)));
    }

    [Test]
    public void BackwardPagesKeepTheirBoundsAndJoinWithoutGap(
        [Values(1, 2, 3, 5, 100)] int countMax, [Values(1, 150, 400, 100_000)] int bytesMax)
    {
        ConversationWriter room = Fill(3, 1, 4, 2);
        IEnumerable<byte> all = [];
        ulong before = LogPosition.Latest;
        bool complete;
        do
        {
            (LogPage page, byte[] bytes) = Backward(before, countMax, bytesMax);
            Assert.That(page.Last, Is.EqualTo(Math.Min(before - 1, 10)));
            Assert.That(page.Count, Is.InRange(1, countMax));
            Assert.That(page.Count == 1 || page.Bytes <= bytesMax, Is.True);
            all = [.. bytes, .. all];
            before = page.First;
            complete = page.Complete;
        }
        while (!complete);

        Assert.That(before, Is.EqualTo(1));
        Assert.That(all, Is.EqualTo(room.Concatenated(1, 10)));
    }

    [Test]
    public void ReaderJoinsPagesAsSingleReadsDo([Values(1, 3, 100)] int countMax, [Values(150, 100_000)] int bytesMax)
    {
        Fill(3, 1, 4, 2);
        using ILogReader reader = _log.OpenReader();
        ulong after = 0;
        LogPage page;
        do
        {
            (page, byte[] bytes) = Forward(reader, Room, after, LogPosition.Latest, countMax, bytesMax);
            Assert.That((page, bytes), Is.EqualTo(Forward(after, LogPosition.Latest, countMax, bytesMax)).Using(PageComparer));
            after = page.Last;
            if (after % 4 == 0)
            {
                reader.Release();
            }
        }
        while (!page.Complete);

        Assert.That(after, Is.EqualTo(10));
        Assert.That(Forward(reader, Room, after, LogPosition.Latest).Page, Is.EqualTo(new LogPage(0, 0, 0, 0, true)));
    }

    [Test]
    public void ReaderGoesWhereItIsSent()
    {
        Fill(3, 1, 4, 2, 1, 3);
        using ILogReader reader = _log.OpenReader();
        Random random = new(5);
        for (int i = 0; i < 300; i++)
        {
            ConversationId conversation = random.Next(4) switch { 0 => Before, 1 => Behind, _ => Room };
            (ulong after, ulong through, int count) = ((ulong)random.Next(16), (ulong)random.Next(1, 16), random.Next(1, 6));
            ArrayBufferWriter<byte> expected = new();
            LogPage page = _log.ReadForward(conversation, after, through, count, 500, expected);
            Assert.That(
                Forward(reader, conversation, after, through, count, 500), Is.EqualTo((page, expected.WrittenSpan.ToArray())).Using(PageComparer),
                $"{conversation} behind {after} through {through}");
        }
    }

    [Test]
    public void ReaderSeesWhatIsCommittedBetweenItsPages([Values(1, 3, 100)] int countMax)
    {
        ConversationWriter room = Fill(3, 1);
        using ILogReader reader = _log.OpenReader();
        List<byte> all = [];
        ulong after = 0;
        for (int i = 0; i < 40; i++)
        {
            (LogPage page, byte[] bytes) = Forward(reader, Room, after, LogPosition.Latest, countMax);
            after = page.Count == 0 ? after : page.Last;
            all.AddRange(bytes);
            Assert.That(page.Complete, Is.EqualTo(after == room.Sequence), $"round {i}");
            if (i % 2 == 0)
            {
                CommitBatch batch = Batch();
                room.Append(batch, ConversationWriter.Body(i, 30), ConversationWriter.Body(-i, 10));
                _log.Commit([batch]);
            }
        }

        Assert.That(all, Is.EqualTo(room.Concatenated(1, after)));
    }

    [Test]
    public void ClosedLogRefusesItsReaders()
    {
        Fill(3, 1, 4);
        using ILogReader reader = _log.OpenReader();
        Forward(reader, Room, 0, LogPosition.Latest, 2);
        _log.Dispose();

        Assert.That(() => Forward(reader, Room, 2, LogPosition.Latest), Throws.TypeOf<ObjectDisposedException>());
        reader.Release();
    }

    [Test]
    public void BatchesOfOneCommitApplyInOrder()
    {
        CommitBatch first = new(_log.Epoch);
        CommitBatch second = new(_log.Epoch);
        first.Put(Table.State, "k"u8, "one"u8);
        first.Put(Table.State, "gone"u8, "x"u8);
        second.Put(Table.State, "k"u8, "two"u8);
        second.Delete(Table.State, "gone"u8);
        _log.Commit([first, second]);

        Assert.That(_log.Get(Table.State, "k"u8), Is.EqualTo("two"u8.ToArray()));
        Assert.That(_log.Get(Table.State, "gone"u8), Is.Null);
        Assert.That(_log.CommitNumber, Is.EqualTo(1));
    }

    [Test]
    public void CommitOfNothingTakesNoNumber()
    {
        _log.Commit([]);
        _log.Commit([new CommitBatch(1), new CommitBatch(1)]);

        Assert.That(_log.CommitNumber, Is.Zero);
    }

    [Test]
    public void GetCopiesOrRefuses()
    {
        CommitBatch batch = new(_log.Epoch);
        batch.Put(Table.Dedupe, "key"u8, "12345"u8);
        batch.Put(Table.Dedupe, "empty"u8, default);
        _log.Commit([batch]);

        byte[] target = new byte[8];
        Assert.That(_log.Get(Table.Dedupe, "key"u8, target), Is.EqualTo(5));
        Assert.That(target[..5], Is.EqualTo("12345"u8.ToArray()));
        Assert.That(_log.Get(Table.Dedupe, "empty"u8, default), Is.Zero);
        Assert.That(_log.Get(Table.Dedupe, "empty"u8), Is.Empty);
        Assert.That(_log.Get(Table.State, "key"u8, target), Is.EqualTo(-1));
        Assert.That(() => _log.Get(Table.Dedupe, "key"u8, new byte[4]), Throws.ArgumentException);
    }

    [Test]
    public void ScanVisitsAPrefixInOrderBehindAKey()
    {
        CommitBatch batch = new(_log.Epoch);
        foreach (string key in new[] { "b", "a2", "a1", "a", "a3", "c" })
        {
            batch.Put(Table.State, System.Text.Encoding.ASCII.GetBytes(key), "v"u8);
        }

        _log.Commit([batch]);

        Assert.That(Scan("a", "", int.MaxValue), Is.EqualTo(["a", "a1", "a2", "a3"]));
        Assert.That(Scan("a", "a1", int.MaxValue), Is.EqualTo(["a2", "a3"]));
        Assert.That(Scan("a", "a11", int.MaxValue), Is.EqualTo(["a2", "a3"]));
        Assert.That(Scan("a", "", 2), Is.EqualTo(["a", "a1"]));
        Assert.That(Scan("x", "", int.MaxValue), Is.Empty);
    }

    [Test]
    public void EverythingIsThereAfterReopening()
    {
        ConversationWriter room = Fill(3, 1, 4);
        _log = Reopen(_log);

        Assert.That(_log.CommitNumber, Is.EqualTo(3));
        Assert.That(_log.Epoch, Is.EqualTo(1));
        Assert.That(_log.ReadHead(Room), Is.EqualTo(new LogHead(8, room.Chain)));
        Assert.That(Forward(0, LogPosition.Latest).Bytes, Is.EqualTo(room.Concatenated(1, 8)));

        room.Append(Batch(), ConversationWriter.Body(1, 3));
    }

    [Test]
    public void FailureIsFinalAndLeavesNothingReadable()
    {
        Fill(1);
        FailNextWrite(_log);
        CommitBatch batch = Batch();
        batch.Put(Table.State, "k"u8, "v"u8);

        StorageException first = Assert.Throws<StorageException>(() => _log.Commit([batch]))!;
        Assert.That(_log.Failure, Is.SameAs(first));
        Assert.That(() => _log.Commit([batch]), Throws.TypeOf<StorageException>().With.InnerException.SameAs(first));
        Assert.That(_log.CommitNumber, Is.EqualTo(1));
        Assert.That(_log.Get(Table.State, "k"u8), Is.Null);
        Assert.That(_log.ReadHead(Room).Sequence, Is.EqualTo(1));
    }

    [Test]
    public void ReadersRunBesideTheCommitter()
    {
        ConversationWriter room = new(Room);
        int stop = 0;
        Exception? wrong = null;
        Thread reader = new(() =>
        {
            try
            {
                while (Volatile.Read(ref stop) == 0)
                {
                    LogHead head = _log.ReadHead(Room);
                    (LogPage page, _) = Forward(0, head.Sequence);
                    Assert.That(page.Last, Is.EqualTo(head.Sequence));
                }
            }
            catch (Exception failure)
            {
                wrong = failure;
            }
        });
        reader.Start();
        for (int i = 0; i < 100; i++)
        {
            CommitBatch batch = Batch();
            room.Append(batch, ConversationWriter.Body(i, 20), ConversationWriter.Body(-i, 5));
            _log.Commit([batch]);
        }

        Volatile.Write(ref stop, 1);
        reader.Join();
        Assert.That(wrong, Is.Null);
    }

    [Test]
    public void DisposedLogRefuses()
    {
        _log.Dispose();
        _log.Dispose();

        Assert.That(() => _log.ReadHead(Room), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => _log.Get(Table.State, "k"u8), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => _log.Commit([Batch()]), Throws.TypeOf<ObjectDisposedException>());
    }

    private static Comparison<(LogPage, byte[])> PageComparer => (a, b) => a.Item1 == b.Item1 && a.Item2.AsSpan().SequenceEqual(b.Item2) ? 0 : 1;

    /// <summary>One commit and one chunk per count in Room, between two neighbours whose keys surround it.</summary>
    protected ConversationWriter Fill(params int[] counts)
    {
        ConversationWriter room = new(Room);
        ConversationWriter before = new(Before);
        ConversationWriter behind = new(Behind);
        for (int i = 0; i < counts.Length; i++)
        {
            CommitBatch batch = Batch();
            if (i == 0)
            {
                before.Append(batch, ConversationWriter.Body(1, 10));
                behind.Append(batch, ConversationWriter.Body(2, 10));
            }

            room.Append(batch, [.. Enumerable.Range(0, counts[i]).Select(n => ConversationWriter.Body((i * 100) + n, 20 + (i * 7) + n))]);
            _log.Commit([batch]);
        }

        return room;
    }

    protected CommitBatch Batch() => new(_log.Epoch);

    protected (LogPage Page, byte[] Bytes) Forward(ulong after, ulong through, int countMax = Unlimited, int bytesMax = Unlimited)
    {
        ArrayBufferWriter<byte> target = new();
        LogPage page = _log.ReadForward(Room, after, through, countMax, bytesMax, target);
        return (page, target.WrittenSpan.ToArray());
    }

    protected static (LogPage Page, byte[] Bytes) Forward(
        ILogReader reader, ConversationId conversation, ulong after, ulong through, int countMax = Unlimited, int bytesMax = Unlimited)
    {
        ArrayBufferWriter<byte> target = new();
        LogPage page = reader.ReadForward(conversation, after, through, countMax, bytesMax, target);
        return (page, target.WrittenSpan.ToArray());
    }

    protected (LogPage Page, byte[] Bytes) Backward(ulong before, int countMax = Unlimited, int bytesMax = Unlimited)
    {
        ArrayBufferWriter<byte> target = new();
        LogPage page = _log.ReadBackward(Room, before, countMax, bytesMax, target);
        return (page, target.WrittenSpan.ToArray());
    }

    private List<string> Scan(string prefix, string after, int max)
    {
        List<string> keys = [];
        _log.Scan(Table.State, System.Text.Encoding.ASCII.GetBytes(prefix), System.Text.Encoding.ASCII.GetBytes(after), (key, value) =>
        {
            Assert.That(value.SequenceEqual("v"u8), Is.True);
            keys.Add(System.Text.Encoding.ASCII.GetString(key));
            return keys.Count < max;
        });
        return keys;
    }
}
