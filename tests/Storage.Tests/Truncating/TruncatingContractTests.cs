using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What a cut promises to whoever reads, in both logs: from the journal (0), across journal and tables (3), from the tables (1), from memory (−1).</summary>
[TestFixture(0)]
[TestFixture(3)]
[TestFixture(1)]
[TestFixture(-1)]
internal sealed class TruncatingContractTests(int settleEach)
{
    private TemporaryDirectory _directory = null!;
    private IConversationLog _log = null!;
    private ErasedRoom _room = null!;
    private ErasedRoom _other = null!;

    [SetUp]
    public void Open()
    {
        _directory = new TemporaryDirectory();
        _log = settleEach < 0 ? new InMemoryConversationLog() : OpenDurable();
        _room = new ErasedRoom(new ConversationId(42));
        _other = new ErasedRoom(new ConversationId(43));
        for (int i = 0; i < 7; i++)
        {
            int seed = i;
            Commit(batch =>
            {
                _room.Append(batch, ConversationWriter.Body(seed, 100), ConversationWriter.Body(10 + seed, seed), [], ConversationWriter.Body(20 + seed, 400));
                _other.Append(batch, ConversationWriter.Body(30 + seed, 50));
            });
        }
    }

    [TearDown]
    public void Close()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    [Test]
    public void LogCanBeCutAnywhereAndIsSoAtOnce([Range(1, 29)] int first)
    {
        Commit(batch => _room.Cut(batch, (ulong)first));
        CheckBoth();
        EraseNoted();
        CheckBoth();
        Reopen();
        CheckBoth();
        Commit(batch => _room.Append(batch, ConversationWriter.Body(99, 10), ConversationWriter.Body(98, 1000)));
        CheckBoth();
        Reopen();
        CheckBoth();
    }

    /// <summary>Head and chain are in the entry when no record is left, also over restarts.</summary>
    [Test]
    public void ConversationGoesOnAfterEverythingWasCutOff([Values] bool isDone)
    {
        Commit(batch => _room.Cut(batch, 29));
        if (isDone)
        {
            EraseNoted();
        }

        Reopen();
        Assert.That(_log.ReadHead(_room.Conversation), Is.EqualTo(new LogHead(28, _room.Writer.Chain)));
        CheckBoth();
        Commit(batch => _room.Append(batch, ConversationWriter.Body(99, 10)));
        CheckBoth();
        Commit(batch => _room.Cut(batch, 30));
        EraseNoted();
        CheckBoth();
    }

    [Test]
    public void CutsFollowOneAnother()
    {
        foreach (ulong first in (ReadOnlySpan<ulong>)[2, 2, 5, 6, 9, 3, 17, 28, 29, 29])
        {
            Commit(batch => _room.Cut(batch, first));
            CheckBoth();
            if (first % 2 == 1)
            {
                EraseNoted();
                CheckBoth();
            }
        }
    }

    [Test]
    public void WhatIsCutOffByTheCommitThatAppendsItIsNeverSeen()
    {
        Commit(batch =>
        {
            _room.Append(batch, ConversationWriter.Body(77, 200), ConversationWriter.Body(78, 200));
            _room.Cut(batch, _room.Head);
        });
        CheckBoth();
        EraseNoted();
        CheckBoth();
    }

    [Test]
    public void ErasingAndCuttingMeet()
    {
        Commit(batch => _room.Erase(batch, 3, 9, 10, 20));
        Commit(batch => _room.Cut(batch, 10));
        CheckBoth();
        Commit(batch => _room.Erase(batch, 4, 11));
        CheckBoth();
        EraseNoted();
        CheckBoth();
        Assert.That(_log.Erasures.Waiting, Is.Zero);
    }

    /// <summary>A retry of what was cut off is known for as long as its entry is kept, and unknown when that was taken away.</summary>
    [Test]
    public void DedupeEntriesStayUntilTheyAreForgotten()
    {
        Commit(batch => _room.Cut(batch, 10));
        EraseNoted();
        Assert.That(Known(_room), Is.EqualTo(Enumerable.Range(1, 28)));
        Commit(batch => batch.ForgetPublishes(_room.Conversation, 7));
        EraseNoted();
        Assert.That(Known(_room), Is.EqualTo(Enumerable.Range(7, 22)));
        Assert.That(Known(_other), Is.EqualTo(Enumerable.Range(1, 7)));
        Reopen();
        Assert.That(Known(_room), Is.EqualTo(Enumerable.Range(7, 22)));
        CheckBoth();
    }

    [Test]
    public void ConversationWithoutRecordsHasABeginning()
    {
        ConversationId none = new(7);
        Assert.That(_log.ReadStart(none), Is.EqualTo(LogStart.Beginning));
        Assert.That(_log.ReadChain(none, 0), Is.EqualTo(default(ChainHash)));
        Assert.That(_log.ReadChain(none, 1), Is.Null);
        Commit(batch => batch.Truncate(none, LogStart.Beginning));
        Assert.That(_log.ReadHead(none), Is.EqualTo(default(LogHead)));
    }

    [Test]
    public void SequenceZeroIsRefused() => Assert.That(() => new CommitBatch(1).Truncate(_room.Conversation, default), Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    public void StartIsReadBack()
    {
        LogStart start = new(7, _room.Writer.Chain, 1_700_000_000_000_000, 5);
        Assert.That(LogStart.Read(start.ToBytes()), Is.EqualTo(start));
        Assert.That(() => LogStart.Read(new byte[LogStart.Size]), Throws.TypeOf<CorruptRecordException>(), "no log begins at 0");
        Assert.That(() => LogStart.Read(start.ToBytes().AsSpan(1)), Throws.TypeOf<CorruptRecordException>());
    }

    private List<int> Known(ErasedRoom room)
    {
        List<int> known = [];
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        for (int i = 1; i <= room.Writer.Records.Count; i++)
        {
            DedupeKey.Write(key, room.Conversation, MessageRecord.Of(room.Writer.Records[i - 1]));
            if (_log.Get(Table.Dedupe, key) is { } value)
            {
                Assert.That(DedupeValue.Read(value).Sequence, Is.EqualTo((ulong)i));
                known.Add(i);
            }
        }

        return known;
    }

    private void CheckBoth()
    {
        _room.Check(_log);
        _other.Check(_log);
    }

    private void Commit(Action<CommitBatch> build)
    {
        CommitBatch batch = new(_log.Epoch);
        build(batch);
        _log.Commit([batch]);
    }

    private void EraseNoted()
    {
        if (_log is InMemoryConversationLog memory)
        {
            memory.EraseNoted();
            Assert.That(memory.HasNotedWork, Is.False);
        }
        else
        {
            RocksDbConversationLog durable = ((SettlingLog)_log).Inner;
            durable.EraseNoted();
            Assert.That(durable.Noted, Is.Zero);
        }
    }

    private void Reopen()
    {
        if (_log is InMemoryConversationLog memory)
        {
            _log = memory.Crash();
            return;
        }

        _log.Dispose();
        _log = OpenDurable();
    }

    /// <summary>Nothing is done before it is asked for.</summary>
    private SettlingLog OpenDurable() => new(RocksDbConversationLog.Open(_directory.Options with { EraseDelay = TimeSpan.FromHours(1), JournalFileBytesMin = 64 << 10, JournalFileBytesMax = 64 << 10 }), settleEach);
}
