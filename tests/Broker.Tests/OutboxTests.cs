using System.Buffers;
using System.Buffers.Binary;

using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>The outbox and its lanes: whole frames, order, budget, credit.</summary>
internal sealed class OutboxTests
{
    [Test]
    public void AFrameArrivesAsItWasAppended()
    {
        OutboxLane lane = new();
        lane.Append(FrameType.Deliver, 7, [1, 2, 3], [4, 5]);
        ArrayBufferWriter<byte> target = new();
        Assert.That(lane.QueuedBytes, Is.EqualTo(FrameHeader.Size + 5));
        Assert.That(lane.Drain(target), Is.True);
        Assert.That(FrameHeader.Read(target.WrittenSpan), Is.EqualTo(new FrameHeader(5, FrameType.Deliver, 7)));
        Assert.That(target.WrittenSpan[FrameHeader.Size..].ToArray(), Is.EqualTo(new byte[] { 1, 2, 3, 4, 5 }));
        Assert.That(lane.QueuedBytes, Is.Zero);
        Assert.That(lane.Drain(target), Is.False);
    }

    [Test]
    [CancelAfter(60_000)]
    public void TheConsumerSeesWholeFramesInOrder(CancellationToken cancellation)
    {
        const int Frames = 100_000;
        OutboxLane lane = new();
        Thread producer = new(() =>
        {
            Random random = new(11);
            byte[] body = new byte[40_000];
            for (uint i = 0; i < Frames && !cancellation.IsCancellationRequested; i++)
            {
                int size = i % 1000 == 0 ? 40_000 : random.Next(4, 600);
                BinaryPrimitives.WriteUInt32LittleEndian(body, i);
                lane.Append(FrameType.Deliver, i, body.AsSpan(0, 4), body.AsSpan(4, size - 4));
                while (lane.QueuedBytes > 1 << 20 && !cancellation.IsCancellationRequested)
                {
                    Thread.Yield();
                }
            }
        });
        producer.Start();

        Random sizes = new(11);
        uint next = 0;
        string? fault = null;
        ArrayBufferWriter<byte> target = new();
        while (next < Frames && fault is null && !cancellation.IsCancellationRequested)
        {
            target.ResetWrittenCount();
            if (!lane.Drain(target))
            {
                Thread.Yield();
                continue;
            }

            ReadOnlySpan<byte> bytes = target.WrittenSpan;
            while (bytes.Length > 0 && fault is null)
            {
                FrameHeader header = FrameHeader.Read(bytes);
                int expected = next % 1000 == 0 ? 40_000 : sizes.Next(4, 600);
                bool isRight = header == new FrameHeader(expected, FrameType.Deliver, next) && bytes.Length >= FrameHeader.Size + expected
                    && BinaryPrimitives.ReadUInt32LittleEndian(bytes[FrameHeader.Size..]) == next;
                fault = isRight ? null : $"frame {next}: {header}, {bytes.Length} bytes left";
                bytes = isRight ? bytes[(FrameHeader.Size + expected)..] : bytes;
                next++;
            }
        }

        Assert.That(fault, Is.Null);
        Assert.That(next, Is.EqualTo(Frames));
        producer.Join();
    }

    [Test]
    [CancelAfter(60_000)]
    public void SharedFramesKeepTheirPlaceAmongCopiedOnesInEveryLane(CancellationToken cancellation)
    {
        const int Frames = 50_000;
        SharedFrames frames = new();
        OutboxLane[] lanes = [new(), new(), new()];
        Thread producer = new(() =>
        {
            Random random = new(12);
            byte[] body = new byte[3_000];
            for (uint i = 0; i < Frames && !cancellation.IsCancellationRequested; i++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(body, i);
                ReadOnlySpan<byte> rest = body.AsSpan(4, random.Next(1, 2_900));
                if (random.Next(3) == 0)
                {
                    SharedFrame shared = frames.Deliver(body.AsSpan(0, 4), rest);
                    foreach (OutboxLane lane in lanes)
                    {
                        lane.Append(shared);
                    }

                    shared.Seal(lanes.Length);
                }
                else
                {
                    foreach (OutboxLane lane in lanes)
                    {
                        lane.Append(FrameType.Deliver, 0, body.AsSpan(0, 4), rest);
                    }
                }

                while (lanes.Any(lane => lane.QueuedBytes > 1 << 20) && !cancellation.IsCancellationRequested)
                {
                    Thread.Yield();
                }
            }
        });
        producer.Start();

        string?[] faults = new string?[lanes.Length];
        uint[] next = new uint[lanes.Length];
        Parallel.For(0, lanes.Length, index =>
        {
            ArrayBufferWriter<byte> target = new();
            while (next[index] < Frames && faults[index] is null && !cancellation.IsCancellationRequested)
            {
                target.ResetWrittenCount();
                if (!lanes[index].Drain(target))
                {
                    Thread.Yield();
                    continue;
                }

                for (ReadOnlySpan<byte> bytes = target.WrittenSpan; bytes.Length > 0 && faults[index] is null; next[index]++)
                {
                    FrameHeader header = FrameHeader.Read(bytes);
                    uint number = BinaryPrimitives.ReadUInt32LittleEndian(bytes[FrameHeader.Size..]);
                    faults[index] = header.Type == FrameType.Deliver && number == next[index] ? null : $"frame {next[index]}: {header}, number {number}";
                    bytes = bytes[(FrameHeader.Size + header.Length)..];
                }
            }
        });

        Assert.That(faults, Is.All.Null);
        Assert.That(next, Is.All.EqualTo(Frames));
        producer.Join();
    }

    [Test]
    public void ASharedFrameIsMadeAgainWhenAllHaveSentItAndNotBefore()
    {
        SharedFrames frames = new();
        ArrayBufferWriter<byte> target = new();
        OutboxLane first = new();
        OutboxLane second = new();
        SharedFrame frame = frames.Deliver([1], [2]);
        first.Append(frame);
        first.Drain(target);
        second.Append(frame);
        frame.Seal(2);
        Assert.That(frames.Deliver([3], []), Is.Not.SameAs(frame), "the second lane has not sent it");

        second.Drain(target);
        byte[] bytes = target.WrittenSpan.ToArray();
        Assert.That(FrameHeader.Read(bytes), Is.EqualTo(new FrameHeader(2, FrameType.Deliver, 0)));
        Assert.That(bytes, Has.Length.EqualTo(2 * (FrameHeader.Size + 2)));
        Assert.That(bytes[(FrameHeader.Size + 2)..], Is.EqualTo(bytes[..(FrameHeader.Size + 2)]));
        Assert.That(frames.Deliver([4], []), Is.SameAs(frame));

        frame.Seal(0);
        Assert.That(frames.Deliver([5], []), Is.SameAs(frame), "nobody took it");
    }

    [Test]
    public void ALaneReusesItsSegmentsForSharedFrames()
    {
        SharedFrames frames = new();
        OutboxLane[] lanes = [.. Enumerable.Range(0, 10).Select(_ => new OutboxLane())];
        ArrayBufferWriter<byte> target = new(1 << 20);
        byte[] records = new byte[5_000];
        Turn(1_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Turn(1_000);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1_000), "for ten thousand deliveries");

        void Turn(int count)
        {
            for (int i = 0; i < count; i++)
            {
                for (int burst = 0; burst < 3; burst++)
                {
                    SharedFrame frame = frames.Deliver([1], records);
                    foreach (OutboxLane lane in lanes)
                    {
                        lane.Append(frame);
                    }

                    frame.Seal(lanes.Length);
                }

                foreach (OutboxLane lane in lanes)
                {
                    target.ResetWrittenCount();
                    lane.Drain(target);
                }
            }
        }
    }

    [Test]
    public void ALaneReusesItsBuffers()
    {
        OutboxLane lane = new();
        ArrayBufferWriter<byte> target = new(1 << 16);
        Cycle(lane, target, 20_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(lane, target, 20_000);
        double perFrame = (GC.GetAllocatedBytesForCurrentThread() - before) / 20_000.0;

        // One small segment object for every 16 KiB that pass; the buffers themselves come back from the pool.
        Assert.That(perFrame, Is.LessThan(0.5));
    }

    [Test]
    public void LiveRecordsStopAtTheBudgetAndAnswersDoNot()
    {
        Outbox outbox = new(1, budgetBytes: 1000, window: 0);
        byte[] records = new byte[400];
        Assert.That(outbox.TryAppendDeliver(0, new byte[24], records), Is.True);
        Assert.That(outbox.TryAppendDeliver(0, new byte[24], records), Is.True);
        Assert.That(outbox.TryAppendDeliver(0, new byte[24], records), Is.False);
        Assert.That((outbox.LaneOf(0)?.QueuedBytes ?? 0), Is.EqualTo(2 * (8 + 24 + 400)), "a refused frame leaves nothing behind");
        outbox.Append(0, FrameType.Published, 1, new byte[400]);
        Assert.That((outbox.LaneOf(0)?.QueuedBytes ?? 0), Is.EqualTo((2 * (8 + 24 + 400)) + 408));

        outbox.LaneOf(0)!.Drain(new ArrayBufferWriter<byte>());
        Assert.That(outbox.TryAppendDeliver(0, new byte[24], records), Is.True, "draining gives the budget back");
    }

    [Test]
    public void CreditIsSpentByDeliverAndComesBackByGrant()
    {
        Outbox outbox = new(1, budgetBytes: 100_000, window: 100);
        Assert.That(outbox.HasCredit, Is.True);
        Assert.That(outbox.TryAppendDeliver(0, new byte[24], new byte[200]), Is.True, "a frame may overdraw what is left");
        Assert.That(outbox.HasCredit, Is.False);
        Assert.That(outbox.TryAppendDeliver(0, new byte[24], new byte[1]), Is.False);
        outbox.Append(0, FrameType.Published, 1, new byte[24]);
        Assert.That((outbox.LaneOf(0)?.QueuedBytes ?? 0), Is.EqualTo(232 + 32), "answers need no credit");
        outbox.Grant(132);
        Assert.That(outbox.HasCredit, Is.False, "232 of 232 are used");
        outbox.Grant(1);
        Assert.That(outbox.HasCredit, Is.True);
    }

    [Test]
    public void GrantingMoreThanEverFitsIsUnlimited()
    {
        Outbox outbox = new(1, 1000, window: 0);
        outbox.Grant(uint.MaxValue);
        outbox.UseCredit(int.MaxValue);
        Assert.That(outbox.HasCredit, Is.True);
    }

    [Test]
    public void AClosedOutboxTakesNothingMore()
    {
        Outbox outbox = new(1, 1000, 0);
        outbox.Close();
        outbox.Append(0, FrameType.Published, 1, new byte[24]);
        outbox.Append([1, 2, 3]);
        Assert.That(outbox.TryAppendDeliver(0, new byte[24], new byte[5000]), Is.True, "nobody turns a gone peer into a pull");
        Assert.That((outbox.LaneOf(0)?.QueuedBytes ?? 0), Is.Zero);
        Assert.That(outbox.TryTakeFrame(out _), Is.False);
        Assert.That(outbox.Work.WaitAsync().IsCompleted, Is.True, "the write loop wakes to leave");
    }

    [Test]
    public void ALoopRaisesTheSignalOncePerFlush()
    {
        Outbox outbox = new(2, 1000, 0);
        Assert.That(outbox.MarkDirty(1), Is.True);
        Assert.That(outbox.MarkDirty(1), Is.False);
        Assert.That(outbox.MarkDirty(0), Is.True, "each loop has its own mark");
        outbox.Flush(1, runHere: false);
        Assert.That(outbox.MarkDirty(1), Is.True);
    }

    private static void Cycle(OutboxLane lane, ArrayBufferWriter<byte> target, int frames)
    {
        for (int i = 0; i < frames; i++)
        {
            lane.Append(FrameType.Published, (uint)i, new ReadOnlySpan<byte>([1, 2, 3, 4]), default);
            if (i % 8 == 7)
            {
                lane.Drain(target);
                target.ResetWrittenCount();
            }
        }
    }
}
