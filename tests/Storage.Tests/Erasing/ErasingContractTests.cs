using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What erasing promises to whoever reads, in both logs: from the journal (0), across journal and tables (3), from the tables (1), from memory (−1).</summary>
[TestFixture(0)]
[TestFixture(3)]
[TestFixture(1)]
[TestFixture(-1)]
internal sealed class ErasingContractTests(int settleEach)
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
    public void EveryRecordCanBeErasedAndIsMaskedAtOnce([Range(1, 28, 3)] int sequence)
    {
        Commit(batch => _room.Erase(batch, (ulong)sequence));
        CheckBoth();
        EraseNoted();
        CheckBoth();
    }

    [Test]
    public void WholeConversationCanBeErased()
    {
        Commit(batch => _room.Erase(batch, [.. Enumerable.Range(1, 28).Select(i => (ulong)i)]));
        CheckBoth();
        Assert.That(_log.Erasures.Waiting, Is.EqualTo(28));
        EraseNoted();
        CheckBoth();
        Assert.That(_log.Erasures, Is.EqualTo(new ErasureCounts(28, 0)));
        Commit(batch => _room.Append(batch, ConversationWriter.Body(99, 10)));
        CheckBoth();
    }

    [Test]
    public void RecordThatIsErasedByItsOwnCommitIsNeverSeen()
    {
        Commit(batch =>
        {
            _room.Append(batch, ConversationWriter.Body(77, 200), ConversationWriter.Body(78, 200));
            _room.Erase(batch, _room.Head);
        });
        CheckBoth();
        EraseNoted();
        CheckBoth();
    }

    [Test]
    public void ErasingTwiceOrNothingIsHarmless()
    {
        Commit(batch => _room.Erase(batch, 5, 5, 6));
        Commit(batch => _room.Erase(batch, 5));
        Commit(batch =>
        {
            batch.Erase(_room.Conversation, 1000);
            batch.Erase(new ConversationId(7), 1);
        });
        CheckBoth();
        EraseNoted();
        CheckBoth();
        Assert.That(_log.Erasures.Waiting, Is.Zero);
        Commit(batch => _room.Erase(batch, 5));
        CheckBoth();
        EraseNoted();
        CheckBoth();
        Assert.That(_log.Erasures.Waiting, Is.Zero);
    }

    [Test]
    public void NoteOutlivesARestartAndIsKeptByItsTombstone()
    {
        Commit(batch => _room.Erase(batch, 3, 9));
        Reopen();
        Assert.That(_log.Erasures.Waiting, Is.EqualTo(2));
        CheckBoth();
        EraseNoted();
        Reopen();
        Assert.That(_log.Erasures.Waiting, Is.Zero);
        CheckBoth();
    }

    [Test]
    public void DedupeEntryStillFindsItsRecord()
    {
        Commit(batch => _room.Erase(batch, 4));
        EraseNoted();
        byte[] key = new byte[DedupeKey.Size];
        ReadOnlySpan<byte> bytes = _room.Expected(4);
        Assert.That(MessageRecord.TryRead(ref bytes, out MessageRecord tombstone), Is.True);
        DedupeKey.Write(key, _room.Conversation, tombstone);
        Assert.That(DedupeValue.Read(_log.Get(Table.Dedupe, key)), Is.EqualTo(DedupeValue.Of(tombstone)));
    }

    [Test]
    public void SequenceZeroIsRefused() => Assert.That(() => new CommitBatch(1).Erase(_room.Conversation, 0), Throws.TypeOf<ArgumentOutOfRangeException>());

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
        }
        else
        {
            ((SettlingLog)_log).Inner.EraseNoted();
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

    /// <summary>Nothing is erased before it is asked for.</summary>
    private SettlingLog OpenDurable() => new(RocksDbConversationLog.Open(_directory.Options with { EraseDelay = TimeSpan.FromHours(1), JournalFileBytesMin = 64 << 10, JournalFileBytesMax = 64 << 10 }), settleEach);
}
