using System.Buffers;

using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>The steady state of a broker takes nothing from the heap in here.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class AllocationTests
{
    private const int Rounds = 200;

    private static readonly ConversationId Room = new(5);

    private readonly byte[] _record = new byte[512];
    private readonly CommitBatch _batch = new(1);
    private readonly CommitBatch[] _two;
    private ulong _sequence;
    private ChainHash _chain;

    public AllocationTests() => _two = [_batch, new CommitBatch(1)];

    [Test]
    public void BuildingABatch()
    {
        Assert.That(AllocatedBy(Build), Is.Zero);
    }

    [Test]
    public void CommitAndReads()
    {
        using TemporaryDirectory directory = new();
        using RocksDbConversationLog log = RocksDbConversationLog.Open(
            directory.Options with { JournalFileBytesMin = 8 << 20, JournalFileBytesMax = 8 << 20 });
        ArrayBufferWriter<byte> page = new(1 << 20);
        byte[] value = new byte[DedupeValue.Size];
        byte[] absent = new byte[DedupeKey.Size];
        ulong start = _sequence;

        // The index of a journal file grows with its first use; then the file is used again.
        void Commit()
        {
            Build();
            log.Commit(_two);
        }

        AllocatedBy(Commit);
        log.Settle();
        AllocatedBy(Commit);
        log.Settle();
        Commit();
        Assert.That(AllocatedOnce(Commit), Is.Zero, "commit");
        Assert.That(AllocatedBy(() =>
        {
            page.ResetWrittenCount();
            LogPage read = log.ReadForward(Room, _sequence - 40, LogPosition.Latest, 100, 100_000, page);
            Assert.That(read.Count == 40, Is.True);
        }), Is.EqualTo(AllocatedBy(static () => Assert.That(true, Is.True))), "forward");
        Assert.That(AllocatedBy(() =>
        {
            page.ResetWrittenCount();
            log.ReadBackward(Room, LogPosition.Latest, 50, 100_000, page);
        }), Is.Zero, "backward");
        using ILogReader reader = log.OpenReader();
        Assert.That(AllocatedBy(() =>
        {
            page.ResetWrittenCount();
            reader.ReadForward(Room, start, LogPosition.Latest, 100, 100_000, page);
            reader.ReadForward(Room, start + 100, LogPosition.Latest, 100, 100_000, page);
        }), Is.Zero, "reader");
        Assert.That(log.HeldCount, Is.EqualTo(1), "the pages came from the tables");
        reader.Release();
        Assert.That(AllocatedBy(() => log.ReadHead(Room)), Is.Zero, "head");
        Assert.That(AllocatedBy(() => log.Get(Table.Dedupe, absent, value)), Is.Zero, "get");
    }

    [Test]
    public void Pipeline()
    {
        using AutoResetEvent done = new(false);
        long allocated = 0;
        long before = 0;
        int round = 0;
        using CommitPipeline pipeline = new(
            new CommitEnvironment { Commit = static _ => { } },
            _ =>
            {
                // The committer's thread measures itself between two rounds of the steady state.
                round++;
                if (round == 100)
                {
                    before = GC.GetAllocatedBytesForCurrentThread();
                }
                else if (round == 300)
                {
                    allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                }

                done.Set();
            },
            static (_, _) => { });
        for (int i = 0; i < 300; i++)
        {
            pipeline.Submit(_batch);
            done.WaitOne();
        }

        Assert.That(allocated, Is.Zero);
    }

    private static long AllocatedBy(Action action)
    {
        for (int i = 0; i < Rounds; i++)
        {
            action();
        }

        return AllocatedOnce(action);
    }

    private static long AllocatedOnce(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Rounds; i++)
        {
            action();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private void Build()
    {
        _batch.Reset();
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        Span<byte> body = stackalloc byte[100];
        for (int i = 0; i < 20; i++)
        {
            int size = MessageRecord.Write(
                _record, ++_sequence, 1, new UserId(1), new UserId(1), new DeviceId(2), new ClientMessageId(_sequence), MessageKind.Text,
                RecordFlags.None, body);
            ReadOnlySpan<byte> source = _record.AsSpan(0, size);
            MessageRecord.TryRead(ref source, out MessageRecord record);
            _chain = _chain.Next(record);
            _batch.AppendChunk(Room, _sequence, 1, _chain, record.Bytes);
            DedupeKey.Write(key, Room, record);
            DedupeValue.Of(record).Write(value);
            _batch.Put(Table.Dedupe, key, value);
        }
    }
}
