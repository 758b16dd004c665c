using System.Buffers;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests;

/// <summary>The hot path takes nothing from the heap: reading frames, reading their bodies, writing them.</summary>
public sealed class AllocationTests
{
    private const int Rounds = 1000;

    private static readonly byte[] Stream = VectorFile.ReadFrames().SelectMany(vector => vector.Bytes).ToArray();
    private static readonly byte[] Target = new byte[256];
    private static readonly ConversationId Conversation = new(1);
    private static readonly byte[] Body = new byte[100];

    [Test]
    public void Reading_frames([Values(0, 1, 13)] int segmentSize)
    {
        ReadOnlySequence<byte> stream = segmentSize == 0 ? new ReadOnlySequence<byte>(Stream) : Segments.Every(Stream, segmentSize);
        AssertNoAllocation(() =>
        {
            ReadOnlySequence<byte> buffer = stream;
            int count = 0;
            while (FrameReader.TryRead(ref buffer, ProtocolLimits.ServerFrameSizeMax, out _, out _) == FrameReadStatus.Done)
            {
                count++;
            }

            return count > 30 && buffer.IsEmpty;
        });
    }

    [Test]
    public void Refusing_frames()
    {
        ReadOnlySequence<byte> tooLarge = Segments.Every(RawFrame.ToBytes(0x10, 1, [], length: 0xFFFFFF), 3);
        AssertNoAllocation(() =>
        {
            ReadOnlySequence<byte> buffer = tooLarge;
            return FrameReader.TryRead(ref buffer, ProtocolLimits.ClientFrameSizeMax, out _, out _) == FrameReadStatus.Invalid;
        });
    }

    [Test]
    public void Publish_and_Published() => AssertNoAllocation(() =>
    {
        Publish publish = new() { Conversation = Conversation, ClientMessageId = new ClientMessageId(2), Kind = MessageKind.Text, OnBehalfOf = new UserId(3), Body = Body };
        publish.Write(Target);
        bool read = Publish.TryRead(Target.AsSpan(0, publish.Size), out Publish again) && again.Body.Length == Body.Length;
        new Published(1, 2, Durability.Fsynced, false, 3).Write(Target);
        return read && Published.TryRead(Target.AsSpan(0, Published.Size), out Published published) && published.Sequence == 2;
    });

    [Test]
    public void Subscribe_Fetch_Lag_and_Credit() => AssertNoAllocation(() =>
    {
        new Subscribe(Conversation, new LogPosition(1, 2)).Write(Target);
        bool read = Subscribe.TryRead(Target.AsSpan(0, Subscribe.Size), out _);
        new Subscribed(SubscribeStatus.Resumed, 1, 2, 3).Write(Target);
        read &= Subscribed.TryRead(Target.AsSpan(0, Subscribed.Size), out _);
        new Unsubscribe(Conversation).Write(Target);
        read &= Unsubscribe.TryRead(Target.AsSpan(0, Unsubscribe.Size), out _);
        new Fetch(Conversation, new LogPosition(1, 2), FetchDirection.Backward, 3, 4).Write(Target);
        read &= Fetch.TryRead(Target.AsSpan(0, Fetch.Size), out _);
        new FetchEnd(true, 1, 2, 3, 4, 5).Write(Target);
        read &= FetchEnd.TryRead(Target.AsSpan(0, FetchEnd.Size), out _);
        new Lag(Conversation, 1, 2, 3).Write(Target);
        read &= Lag.TryRead(Target.AsSpan(0, Lag.Size), out _);
        new Credit(5).Write(Target);
        return read && Credit.TryRead(Target.AsSpan(0, Credit.Size), out _);
    });

    [Test]
    public void Deliver_and_records() => AssertNoAllocation(() =>
    {
        Deliver.WriteFixed(Target, Conversation, 1, 1);
        int size = MessageRecord.Write(
            Target.AsSpan(Deliver.FixedSize), 1, 2, new UserId(3), new UserId(4), new DeviceId(5), new ClientMessageId(6), MessageKind.Text, RecordFlags.None, Body);
        bool read = Deliver.TryRead(Target.AsSpan(0, Deliver.FixedSize + size), out Deliver deliver);
        ReadOnlySpan<byte> records = deliver.Records;
        return read && MessageRecord.TryRead(ref records, out MessageRecord record) && record.ChecksumMatches && record.Publisher.Value == 4 && records.IsEmpty;
    });

    [Test]
    public void Writing_frames()
    {
        FixedWriter target = new();
        AssertNoAllocation(() =>
        {
            target.Clear();
            new Published(1, 2, Durability.Fsynced, false, 3).Write(FrameWriter.Begin(target, FrameType.Published, 9, Published.Size));
            FrameWriter.Write(target, FrameType.Pong, 0, Body);
            return target.WrittenSize == 8 + Published.Size + 8 + Body.Length;
        });
    }

    private static void AssertNoAllocation(Func<bool> work)
    {
        // Warm: the first calls compile methods and may run static constructors.
        for (int i = 0; i < 100; i++)
        {
            Assert.That(work(), Is.True);
        }

        bool worked = true;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Rounds; i++)
        {
            worked &= work();
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(worked, Is.True);
        Assert.That(allocated, Is.Zero, $"bytes in {Rounds} rounds");
    }

    private sealed class FixedWriter : IBufferWriter<byte>
    {
        private readonly byte[] _buffer = new byte[1024];

        public int WrittenSize { get; private set; }

        public void Clear() => WrittenSize = 0;

        public void Advance(int count) => WrittenSize += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(WrittenSize);

        public Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(WrittenSize);
    }
}
