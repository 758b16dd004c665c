using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What is left on the disk of what was cut off, and what a process that dies on the way leaves to its successor.</summary>
[TestFixture]
internal sealed class TruncatingPassTests
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

    /// <summary>The record lies in the journal, in one table, in several that were merged, in files that were used again; before the cut, or in the chunk that is cut in its middle.</summary>
    [Test]
    public void NothingOfWhatWasCutOffIsLeftInAnyFile([Values(0, 1, 2, 3)] int where, [Values(1, 2)] int behind)
    {
        Commit(batch => _room.Append(batch, StoredBytes.BodyWith(Marker), ConversationWriter.Body(4, 100)));
        ulong marked = _room.Head - 1;
        for (int i = 0; i < where; i++)
        {
            _log.Settle();
            Append(2);
        }

        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Not.Empty, "a test that cannot find it proves nothing");
        Commit(batch => _room.Cut(batch, marked + (ulong)behind));
        _room.Check(_log);
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Not.Empty, "noted is not done");
        _log.EraseNoted();

        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
        _room.Check(_log);
        Append(2);
        _room.Check(_log);
        RequireSound(_directory);
    }

    /// <summary>The disk shrinks by what was cut off; what other conversations have stays.</summary>
    [Test]
    public void DiskShrinks()
    {
        ErasedRoom other = new(new ConversationId(7));
        for (int i = 0; i < 40; i++)
        {
            Commit(batch =>
            {
                _room.Append(batch, [.. Enumerable.Range(0, 50).Select(_ => RandomNumberGenerator.GetBytes(1000))]);
                other.Append(batch, RandomNumberGenerator.GetBytes(5000));
            });
        }

        _log.Settle();
        long before = BytesOfTables();
        Assert.That(before, Is.GreaterThan(2_000_000 + 200_000));
        Commit(batch => _room.Cut(batch, _room.Head - 100));
        _log.EraseNoted();
        Assert.That(BytesOfTables(), Is.LessThan(before - 1_800_000).And.GreaterThan(200_000));
        _room.Check(_log);
        other.Check(_log);

        long kept = BytesOfTables();
        Commit(batch => batch.ForgetPublishes(_room.Conversation, _room.First));
        _log.EraseNoted();
        Assert.That(BytesOfTables(), Is.LessThan(kept - 40_000), "the dedupe entries");
        RequireSound(_directory);
    }

    [Test]
    public void PassComesByItself()
    {
        Commit(batch => _room.Append(batch, StoredBytes.BodyWith(Marker)));
        _log.Dispose();
        _log = RocksDbConversationLog.Open(Options with { EraseDelay = TimeSpan.FromMilliseconds(50) });
        Commit(batch => _room.Cut(batch, _room.Head + 1));
        Assert.That(() => _log.Noted, Is.Zero.After(60_000, 20));
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
    }

    /// <summary>The process dies at each step of a pass; what it leaves is sound, reads as before, and is done by the next one.</summary>
    [TestCase("erase-begun")]
    [TestCase("erase-renewed")]
    [TestCase("erase-cut")]
    [TestCase("erase-rewritten")]
    [TestCase("erase-purged")]
    [TestCase("erase-forgotten")]
    public void DyingOnTheWayLeavesASoundStore(string step)
    {
        ErasedRoom whole = new(new ConversationId(9));
        Commit(batch =>
        {
            _room.Append(batch, StoredBytes.BodyWith(Marker));
            whole.Append(batch, ConversationWriter.Body(3, 3), StoredBytes.BodyWith(Marker));
        });
        _log.Settle();
        Append(2);
        Commit(batch =>
        {
            _room.Append(batch, StoredBytes.BodyWith(Marker), ConversationWriter.Body(6, 60));
            _room.Erase(batch, _room.Head);
            _room.Cut(batch, _room.Head);
            whole.Cut(batch, 3);
            batch.ForgetPublishes(whole.Conversation, 2);
        });
        TemporaryDirectory? left = null;
        _log.Eraser.Reached = reached => left = reached == step ? _directory.CopyLive() : left;
        _log.EraseNoted();
        using TemporaryDirectory copy = left!;
        RequireSound(copy);

        using (RocksDbConversationLog next = RocksDbConversationLog.Open(Small(copy)))
        {
            _room.Check(next);
            whole.Check(next);
            next.EraseNoted();
            _room.Check(next);
            whole.Check(next);
            Assert.That(StoredBytes.FilesWith(copy.Path, Marker), Is.Empty);
            Assert.That(next.Noted, Is.Zero);
        }

        RequireSound(copy);
        using RocksDbConversationLog again = RocksDbConversationLog.Open(Small(copy));
        _room.Check(again);
        whole.Check(again);
    }

    /// <summary>Who opened an iterator before the chunks went does not read what was cut off with it, and does not keep its file for longer than until the next read.</summary>
    [Test]
    public void ReaderFromBeforeReadsWhatIsKeptAndLetsGo()
    {
        Commit(batch => _room.Append(batch, StoredBytes.BodyWith(Marker), ConversationWriter.Body(6, 60)));
        _log.Settle();
        using ILogReader reader = _log.OpenReader();
        Assert.That(Read(reader), Is.EqualTo(_room.Expected(1, _room.Head)));
        Commit(batch => _room.Cut(batch, _room.Head));
        byte[] expected = _room.Expected(_room.Head, _room.Head);
        Thread pass = new(_log.EraseNoted) { IsBackground = true };
        pass.Start();
        long began = Environment.TickCount64;
        do
        {
            Assert.That(Environment.TickCount64 - began, Is.LessThan(60_000), "the reader holds on to a file of before");
            Assert.That(Read(reader), Is.EqualTo(expected));
        }
        while (!pass.Join(TimeSpan.FromMilliseconds(5)));
        Assert.That(Read(reader), Is.EqualTo(expected));
        Assert.That(StoredBytes.FilesWith(_directory.Path, Marker), Is.Empty);
    }

    /// <summary>Records that go while one pages through them: each page is whole, in order, and begins where the one before ended or where the log begins by then.</summary>
    [Test]
    public void PagingWhileTheBeginningGoes()
    {
        for (int i = 0; i < 30; i++)
        {
            Append(10);
        }

        using CancellationTokenSource done = new();
        Exception? failure = null;
        Thread cutting = new(() =>
        {
            try
            {
                while (_room.First < 200)
                {
                    ulong first = _room.First + 7;
                    Commit(batch => batch.Truncate(_room.Conversation, new LogStart(first, _room.Writer.Chains[(int)first - 1])));
                    _room.Cut(new CommitBatch(1), first);
                    _log.EraseNoted();
                }
            }
            catch (Exception cause)
            {
                failure = cause;
            }

            done.Cancel();
        });
        cutting.Start();
        using ILogReader reader = _log.OpenReader();
        int gaps = 0;
        while (!done.IsCancellationRequested)
        {
            gaps += PageThrough((after, target) => reader.ReadForward(_room.Conversation, after, LogPosition.Latest - 1, 3, int.MaxValue, target));
            gaps += PageThrough((after, target) => _log.ReadForward(_room.Conversation, after, LogPosition.Latest - 1, 3, int.MaxValue, target));
        }

        cutting.Join();
        Assert.That(failure, Is.Null);
        Assert.That(gaps, Is.Positive);
        _room.Check(_log);
    }

    [Test]
    public void ChunkThatIsDamagedBelowTheCutGoesAndOneThatHasToBeCutStays()
    {
        ErasedRoom gone = new(new ConversationId(7));
        ErasedRoom stuck = new(new ConversationId(8));
        foreach (ErasedRoom room in (ReadOnlySpan<ErasedRoom>)[gone, stuck])
        {
            Commit(batch => room.Append(batch, ConversationWriter.Body(1, 100), ConversationWriter.Body(2, 100)));
            _log.Settle();
            Commit(batch => room.Append(batch, ConversationWriter.Body(3, 100)));
            byte[] key = new byte[ChunkKey.Size];
            ChunkKey.Write(key, room.Conversation, 1);
            byte[] value = _log.Store.Get(Table.Log, key)!;
            value[20] ^= 1;
            _log.Store.Plant(Table.Log, key, value);
        }

        _log.Settle();
        Commit(batch =>
        {
            gone.Cut(batch, 3);
            stuck.Cut(batch, 2);
            _room.Cut(batch, 2);
        });
        _log.EraseNoted();
        Assert.That(_log.Noted, Is.EqualTo(1), "what of a damaged chunk is kept cannot be told");
        gone.Check(_log);
        _room.Check(_log);
        _log.Dispose();
        Assert.That(StoreVerifier.Verify(Options).Problems, Has.Some.Contains($"chunk 1 of conversation {stuck.Conversation}").IgnoreCase);
        _log = RocksDbConversationLog.Open(Options);
    }

    [Test]
    public void MarkerIsRaisedBeforeTheFirstCut()
    {
        Assert.That(StoreFormat.Read(_directory.Path)!.Value.Version, Is.EqualTo(StoreFormat.JournalVersion), "an earlier program may still open it");
        Commit(batch => _room.Cut(batch, 2));
        Assert.That(StoreFormat.Read(_directory.Path)!.Value.Version, Is.EqualTo(StoreFormat.TruncatingVersion));
    }

    [Test]
    public void BackupsHaveTheCut([Values] bool isDone)
    {
        Commit(batch => _room.Append(batch, StoredBytes.BodyWith(Marker), ConversationWriter.Body(6, 60)));
        _log.Settle();
        Commit(batch => _room.Cut(batch, _room.Head));
        if (isDone)
        {
            _log.EraseNoted();
        }

        using TemporaryDirectory backups = new();
        StoreBackup.Take(_log, backups.Path, 1, isPaced: false, TimeProvider.System);
        using TemporaryDirectory restored = new();
        StoreRestore.Restore(backups.Path, default, restored.Path, TimeProvider.System);
        using (RocksDbConversationLog log = RocksDbConversationLog.Open(Small(restored)))
        {
            _room.Check(log);
            log.EraseNoted();
            _room.Check(log);
            Assert.That(StoredBytes.FilesWith(restored.Path, Marker), Is.Empty);
        }

        RequireSound(restored);
    }

    [Test]
    public void VerifyFindsWhatLiesBelowAnEndThatIsNotNoted()
    {
        Append(1);
        _log.Settle();
        byte[] key = new byte[StateKeys.LogStartSize];
        StateKeys.WriteLogStart(key, _room.Conversation);
        _log.Store.Repair(Table.State, key, new LogStart(3, _room.Writer.Chains[2]).ToBytes());
        _log.Dispose();
        Assert.That(StoreVerifier.Verify(Options).Problems, Has.Count.EqualTo(1).And.All.Contains("lies before the beginning of its log, which is 3"));
        _log = RocksDbConversationLog.Open(Options);
    }

    [Test]
    public void VerifyFollowsTheChainFromTheCut()
    {
        Commit(batch => batch.Truncate(_room.Conversation, new LogStart(2, _room.Writer.Chains[3])));
        _log.EraseNoted();
        _log.Dispose();
        Assert.That(StoreVerifier.Verify(Options).Problems, Has.Count.EqualTo(1).And.All.Contains("does not follow from its records"));
        _log = RocksDbConversationLog.Open(Options);
    }

    [Test]
    public void VerifyReportsAStartThatCannotBeRead()
    {
        Commit(batch => _room.Cut(batch, 2));
        _log.EraseNoted();
        byte[] key = new byte[StateKeys.LogStartSize];
        StateKeys.WriteLogStart(key, _room.Conversation);
        _log.Store.Repair(Table.State, key, [1, 2, 3]);
        Assert.That(() => _log.ReadStart(_room.Conversation), Throws.TypeOf<CorruptRecordException>());
        _log.Dispose();
        Assert.That(StoreVerifier.Verify(Options).Problems, Has.Some.Contains("does not say where a log begins").And.Some.Contains("are missing"));
        _log = RocksDbConversationLog.Open(Options);
    }

    private static StorageOptions Small(TemporaryDirectory directory) =>
        directory.Options with { EraseDelay = TimeSpan.FromHours(1), JournalFileBytesMin = 256 << 10, JournalFileBytesMax = 256 << 10 };

    private byte[] Read(ILogReader reader)
    {
        System.Buffers.ArrayBufferWriter<byte> target = new();
        reader.ReadForward(_room.Conversation, 0, LogPosition.Latest - 1, int.MaxValue, int.MaxValue, target);
        return target.WrittenSpan.ToArray();
    }

    /// <summary>Reads from the beginning to the head and says how often a page began later than it was asked for.</summary>
    private int PageThrough(Func<ulong, System.Buffers.ArrayBufferWriter<byte>, LogPage> read)
    {
        int gaps = 0;
        for (ulong after = 0; after < _room.Head;)
        {
            ulong before = _room.First;
            System.Buffers.ArrayBufferWriter<byte> target = new();
            LogPage page = read(after, target);
            Assert.That(page.First, Is.GreaterThan(after).And.GreaterThanOrEqualTo(before));
            Assert.That(target.WrittenSpan.SequenceEqual(_room.Writer.Concatenated(page.First, page.Last)), Is.True, $"page {page.First} to {page.Last}");
            gaps += page.First > after + 1 ? 1 : 0;
            after = page.Last;
        }

        return gaps;
    }

    private long BytesOfTables() =>
        Directory.EnumerateFiles(System.IO.Path.Combine(_directory.Path, "rocksdb"), "*.sst").Sum(static file => new FileInfo(file).Length);

    private void RequireSound(TemporaryDirectory directory)
    {
        if (directory == _directory)
        {
            _log.Dispose();
        }

        Assert.That(StoreVerifier.Verify(Small(directory)).Problems, Is.Empty);
        if (directory == _directory)
        {
            _log = RocksDbConversationLog.Open(Options);
        }
    }

    private void Append(int count) => Commit(batch => _room.Append(batch, [.. Enumerable.Range(0, count).Select(i => ConversationWriter.Body(i, 40 + i))]));

    private void Commit(Action<CommitBatch> build)
    {
        CommitBatch batch = new(_log.Epoch);
        build(batch);
        _log.Commit([batch]);
    }
}
