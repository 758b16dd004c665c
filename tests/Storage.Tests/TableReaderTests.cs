using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>What a reader of the durable log holds, until when, and that it never holds on to what is not true any more.</summary>
[TestFixture]
internal sealed class TableReaderTests
{
    private static readonly ConversationId Room = new(42);

    private TemporaryDirectory _directory = null!;
    private RocksDbConversationLog _log = null!;
    private ConversationWriter _room = null!;

    [SetUp]
    public void Open()
    {
        _directory = new TemporaryDirectory();
        _log = RocksDbConversationLog.Open(_directory.Options);
        _room = new ConversationWriter(Room);
        Append(5);
        Append(5);
        _log.Settle();
    }

    [TearDown]
    public void Close()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    [Test]
    public void HoldsOneIteratorFromTheFirstReadUntilReleased()
    {
        ILogReader reader = _log.OpenReader();
        Assert.That(_log.HeldCount, Is.Zero);
        for (ulong after = 0; after < 9; after += 3)
        {
            Assert.That(Read(reader, after, 3), Is.EqualTo(_room.Concatenated(after + 1, after + 3)));
            Assert.That(_log.HeldCount, Is.EqualTo(1));
        }

        reader.Release();
        Assert.That(_log.HeldCount, Is.Zero);
        Assert.That(Read(reader, 9, 3), Is.EqualTo(_room.Concatenated(10, 10)));
        reader.Dispose();
        reader.Dispose();
        Assert.That(_log.HeldCount, Is.Zero);
    }

    /// <summary>Between reads nothing of the journal is held: its files go their way.</summary>
    [Test]
    public void JournalMovesWhileAReaderIsOpen()
    {
        using ILogReader reader = _log.OpenReader();
        Assert.That(Read(reader, 0, 4), Is.EqualTo(_room.Concatenated(1, 4)));
        Append(3);
        Assert.That(Read(reader, 4, 8), Is.EqualTo(_room.Concatenated(5, 12)), "across the border of tables and journal");
        _log.Settle();
        Assert.That(Read(reader, 12, 8), Is.EqualTo(_room.Concatenated(13, 13)), "what was moved since is not in the first iterator");
        Append(2);
        _log.Settle();
        Assert.That(Read(reader, 3, 20), Is.EqualTo(_room.Concatenated(4, 15)));
        Assert.That(_log.HeldCount, Is.EqualTo(1));
    }

    /// <summary>What was removed for good and acknowledged as removed is in nobody's snapshot, not even in one that was taken while the removal was being written.</summary>
    [Test]
    public void RemovedChunkIsGoneForAReaderThatStandsOnIt()
    {
        using ILogReader reader = _log.OpenReader();
        _log.BeforeWrite = () => Assert.That(Read(reader, 0, 2), Is.EqualTo(_room.Concatenated(1, 2)));
        byte[] key = new byte[ChunkKey.Size];
        ChunkKey.Write(key, Room, 1);
        CommitBatch batch = new(_log.Epoch);
        batch.Delete(Table.Log, key);
        _log.Commit([batch]);

        Assert.That(Read(reader, 2, 2), Is.Empty);
    }

    [Test]
    public void ClosingTheLogClosesWhatReadersHold()
    {
        ILogReader[] readers = [.. Enumerable.Range(0, 8).Select(_ => _log.OpenReader())];
        foreach (ILogReader reader in readers)
        {
            Read(reader, 0, 3);
        }

        Assert.That(_log.HeldCount, Is.EqualTo(8));
        _log.Dispose();
        Assert.That(_log.HeldCount, Is.Zero);
        foreach (ILogReader reader in readers)
        {
            Assert.That(() => Read(reader, 3, 3), Throws.TypeOf<ObjectDisposedException>());
            reader.Dispose();
        }
    }

    /// <summary>Readers run, release and are disposed on threads of their own while files are moved and, at the end, the log is closed.</summary>
    [Test]
    public void ReadersRunBesideTheMoverAndTheEnd()
    {
        Exception? wrong = null;
        Thread[] threads = [.. Enumerable.Range(0, 3).Select(number => new Thread(() =>
        {
            try
            {
                using ILogReader reader = _log.OpenReader();
                ulong after = 0;
                for (int round = 0; ; round++)
                {
                    ArrayBufferWriter<byte> target = new();
                    LogPage page = reader.ReadForward(Room, after, LogPosition.Latest, 7, int.MaxValue, target);
                    Assert.That(page.Count == 0 || page.First == after + 1, Is.True);
                    after = page.Complete ? 0 : page.Last;
                    if (round % (5 + number) == 0)
                    {
                        reader.Release();
                    }
                }
            }
            catch (ObjectDisposedException)
            {
                // The end of the log.
            }
            catch (Exception failure)
            {
                wrong = failure;
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        for (int i = 0; i < 20; i++)
        {
            Append(10);
            if (i % 3 == 0)
            {
                _log.Settle();
            }
        }

        _log.Dispose();
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.That(wrong, Is.Null);
    }

    private static byte[] Read(ILogReader reader, ulong after, int count)
    {
        ArrayBufferWriter<byte> target = new();
        reader.ReadForward(Room, after, LogPosition.Latest, count, int.MaxValue, target);
        return target.WrittenSpan.ToArray();
    }

    private void Append(int count)
    {
        CommitBatch batch = new(_log.Epoch);
        _room.Append(batch, [.. Enumerable.Range(0, count).Select(n => ConversationWriter.Body(n, 50))]);
        _log.Commit([batch]);
    }
}
