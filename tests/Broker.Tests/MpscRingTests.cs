using System.Buffers.Binary;
using System.Runtime.InteropServices;

using FastChat.Shared;

namespace FastChat.Broker.Tests;

/// <summary>The shards' command ring: order, fullness, wrapping and layout.</summary>
internal sealed class MpscRingTests
{
    [Test]
    public void CursorsLieOnCacheLinePairsOfTheirOwn()
    {
        long tail = Marshal.OffsetOf<MpscRing.Cursors>(nameof(MpscRing.Cursors.Tail));
        long seen = Marshal.OffsetOf<MpscRing.Cursors>(nameof(MpscRing.Cursors.HeadSeen));
        long head = Marshal.OffsetOf<MpscRing.Cursors>(nameof(MpscRing.Cursors.Head));
        int size = Marshal.SizeOf<MpscRing.Cursors>();

        Assert.That(tail, Is.GreaterThanOrEqualTo(128), "something else may lie before the cursors");
        Assert.That(seen - tail, Is.GreaterThanOrEqualTo(128));
        Assert.That(head - seen, Is.GreaterThanOrEqualTo(128));
        Assert.That(size - head, Is.GreaterThanOrEqualTo(128 + sizeof(long)), "something else may lie behind the cursors");
    }

    [TestCase(0)]
    [TestCase(512)]
    [TestCase(1025)]
    public void CapacityIsAPowerOfTwo(int capacity) =>
        Assert.That(() => new MpscRing(capacity), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void AClaimedMessageIsNotReadableUntilItIsPublished()
    {
        MpscRing ring = new(1024);
        ring.TryClaim(4, out Span<byte> first);
        ring.TryClaim(4, out Span<byte> second);
        second.Fill(2);
        ring.Publish(second);

        Assert.That(ring.TryPeek(out _), Is.False, "the first one is not published and nothing may overtake it");

        first.Fill(1);
        ring.Publish(first);
        Assert.That(ring.TryPeek(out ReadOnlySpan<byte> payload), Is.True);
        Assert.That(payload[0], Is.EqualTo(1));
    }

    [Test]
    public void AFullRingRefusesAndLosesNothing()
    {
        MpscRing ring = new(1024);
        int accepted = 0;
        while (Offer(ring, accepted, 100))
        {
            accepted++;
        }

        Assert.That(accepted, Is.EqualTo(1024 / 112));
        for (int expected = 0; expected < accepted; expected++)
        {
            Assert.That(Take(ring), Is.EqualTo((expected, 100)));
        }

        Assert.That(ring.TryPeek(out _), Is.False);
        Assert.That(ring.IsEmpty, Is.True);
        Assert.That(Offer(ring, 7, 100), Is.True, "room comes back");
    }

    [Test]
    public void TheLargestPayloadFitsWhereverTheCursorStands([Range(0, 1016, 8)] int offset)
    {
        MpscRing ring = new(1024);
        for (int moved = 0; moved < offset; moved += 8 + MpscRing.HeaderSize)
        {
            Assert.That(Offer(ring, 1, 4), Is.True);
            Take(ring);
        }

        Assert.That(Offer(ring, 42, ring.PayloadMax), Is.True);
        Assert.That(Take(ring), Is.EqualTo((42, ring.PayloadMax)));
        Assert.That(ring.IsEmpty, Is.True);
    }

    [Test]
    public void MessagesSurviveManyLapsOfRandomSizes()
    {
        MpscRing ring = new(2048);
        Random random = new(7);
        Queue<(int, int)> expected = new();
        for (int i = 0; i < 50_000; i++)
        {
            int size = random.Next(4, 400);
            if (Offer(ring, i, size))
            {
                expected.Enqueue((i, size));
            }
            else
            {
                Assert.That(expected, Is.Not.Empty, "only a ring with something in it is full");
            }

            for (int taken = random.Next(3); taken > 0 && expected.Count > 0; taken--)
            {
                Assert.That(Take(ring), Is.EqualTo(expected.Dequeue()));
            }
        }
    }

    [Test]
    [CancelAfter(60_000)]
    public void EveryProducerKeepsItsOrder(CancellationToken cancellation)
    {
        const int Producers = 4;
        const int Each = 50_000;
        MpscRing ring = new(16 * 1024);
        Thread[] threads = Enumerable.Range(0, Producers).Select(producer => new Thread(() =>
        {
            Random random = new(producer);
            for (int i = 0; i < Each; i++)
            {
                int size = random.Next(8, 300);
                Span<byte> payload;
                while (!ring.TryClaim(size, out payload))
                {
                    if (cancellation.IsCancellationRequested)
                    {
                        return;
                    }

                    Thread.Yield();
                }

                BinaryPrimitives.WriteInt32LittleEndian(payload, producer);
                BinaryPrimitives.WriteInt32LittleEndian(payload[4..], i);
                payload[8..].Fill((byte)i);
                ring.Publish(payload);
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());

        int[] next = new int[Producers];
        Random[] sizes = Enumerable.Range(0, Producers).Select(producer => new Random(producer)).ToArray();
        string? fault = null;
        for (int received = 0; received < Producers * Each && fault is null && !cancellation.IsCancellationRequested;)
        {
            if (!ring.TryPeek(out ReadOnlySpan<byte> payload))
            {
                Thread.Yield();
                continue;
            }

            int producer = BinaryPrimitives.ReadInt32LittleEndian(payload);
            int number = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
            bool isRight = number == next[producer] && payload.Length == sizes[producer].Next(8, 300) && payload[8..].IndexOfAnyExcept((byte)number) < 0;
            fault = isRight ? null : $"producer {producer}: {number} where {next[producer]} was due, {payload.Length} bytes";
            next[producer]++;
            ring.Release();
            received++;
        }

        Assert.That(fault, Is.Null);
        Assert.That(next, Is.All.EqualTo(Each));
        Array.ForEach(threads, thread => thread.Join());
        Assert.That(ring.IsEmpty, Is.True);
    }

    [Test]
    public void PassingAMessageAllocatesNothing()
    {
        MpscRing ring = new(4096);
        Pass(ring, 1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Pass(ring, 20_000);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    private static void Pass(MpscRing ring, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ring.TryClaim(100 + (i % 64), out Span<byte> payload);
            ring.Publish(payload);
            ring.TryPeek(out _);
            ring.Release();
        }
    }

    private static bool Offer(MpscRing ring, int value, int size)
    {
        if (!ring.TryClaim(size, out Span<byte> payload))
        {
            return false;
        }

        BinaryPrimitives.WriteInt32LittleEndian(payload, value);
        ring.Publish(payload);
        return true;
    }

    private static (int Value, int Size) Take(MpscRing ring)
    {
        Assert.That(ring.TryPeek(out ReadOnlySpan<byte> payload), Is.True);
        (int, int) taken = (BinaryPrimitives.ReadInt32LittleEndian(payload), payload.Length);
        ring.Release();
        return taken;
    }
}
