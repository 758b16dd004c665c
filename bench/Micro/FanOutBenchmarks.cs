using System.Buffers;

using BenchmarkDotNet.Attributes;

using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Bench.Micro;

/// <summary>
/// One encoded frame into the outboxes of everyone who listens, and out of them again into send buffers: copied into each outbox's lane, or shared by reference.
/// Both sides of the queue are measured, because sharing only moves the copy: the frame has to reach the send buffer anyway, or every frame becomes a segment of
/// its own there.
/// <para>
/// Per outbox, one thread (2-core AMD EPYC, Debian 12, 2026-11-24, short job): copy 28 ns and share 13 ns at 150 B, 201 ns and 56 ns at 4 KB. Here sharing wins, and
/// not only for blocks: the copy passes three parts and rents segments, and one thread keeps the reference count in its own cache. What this does not show is what speaks
/// for the copy: with write loops on other cores every release takes the count's cache line away from the others, a frame that one slow reader holds holds its
/// buffer, and a lane is one queue for answers and records alike, bounded in bytes. Against the loop's 790 ns per message the 15 ns count from some fifty
/// listeners on; a room of thousands is the reason to measure it again, with threads.
/// </para>
/// <para>
/// 32 outboxes, because the shared array pool keeps that many arrays of a size per core: with 100 lanes in step, each wants a new 16 KiB segment at the same
/// moment, and the pool allocated 1.4 KB per delivery of 4 KB.
/// </para>
/// </summary>
[MemoryDiagnoser]
public class FanOutBenchmarks
{
    private const int Outboxes = 32;

    private readonly OutboxLane[] _lanes = [.. Enumerable.Range(0, Outboxes).Select(_ => new OutboxLane())];
    private readonly SharedQueue[] _queues = [.. Enumerable.Range(0, Outboxes).Select(_ => new SharedQueue())];
    private readonly Stack<SharedFrame> _spare = new();
    private readonly byte[] _fixedPart = new byte[Deliver.FixedSize];
    private readonly ArrayBufferWriter<byte> _output = new(64 * 1024);
    private byte[] _records = [];

    /// <summary>Bytes of the frame: a chat line in its envelope, and a block.</summary>
    [Params(150, 4096)]
    public int FrameSize { get; set; }

    /// <summary>Makes the records.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _records = new byte[FrameSize - FrameHeader.Size - Deliver.FixedSize];
        Deliver.WriteFixed(_fixedPart, new ConversationId(1), 1, 1);
    }

    /// <summary>The way taken, per outbox: the frame's bytes lie one behind another in the lane and leave together.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Outboxes)]
    public int Copy()
    {
        foreach (OutboxLane lane in _lanes)
        {
            lane.Append(FrameType.Deliver, 0, _fixedPart, _records);
        }

        int bytes = 0;
        foreach (OutboxLane lane in _lanes)
        {
            _output.ResetWrittenCount();
            lane.Drain(_output);
            bytes += _output.WrittenCount;
        }

        return bytes;
    }

    /// <summary>The way not taken so far, per outbox: one rented buffer with a reference count, and a reference in each outbox's queue.</summary>
    [Benchmark(OperationsPerInvoke = Outboxes)]
    [BenchmarkCategory(MicroCategories.Lost)]
    public int Share()
    {
        SharedFrame frame = _spare.TryPop(out SharedFrame? spare) ? spare : new SharedFrame();
        frame.Begin(FrameSize, Outboxes);
        new FrameHeader(FrameSize - FrameHeader.Size, FrameType.Deliver, 0).Write(frame.Bytes);
        _fixedPart.CopyTo(frame.Bytes[FrameHeader.Size..]);
        _records.CopyTo(frame.Bytes[(FrameHeader.Size + Deliver.FixedSize)..]);
        foreach (SharedQueue queue in _queues)
        {
            queue.TryEnqueue(frame);
        }

        int bytes = 0;
        foreach (SharedQueue queue in _queues)
        {
            _output.ResetWrittenCount();
            while (queue.TryDequeue(out SharedFrame? shared))
            {
                _output.Write(shared.Bytes);
                if (shared.Release())
                {
                    _spare.Push(shared);
                }
            }

            bytes += _output.WrittenCount;
        }

        return bytes;
    }

    private sealed class SharedFrame
    {
        private byte[] _buffer = [];
        private int _size;
        private int _references;

        public Span<byte> Bytes => _buffer.AsSpan(0, _size);

        public void Begin(int size, int references)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(size);
            _size = size;
            _references = references;
        }

        public bool Release()
        {
            if (Interlocked.Decrement(ref _references) != 0)
            {
                return false;
            }

            ArrayPool<byte>.Shared.Return(_buffer);
            return true;
        }
    }

    /// <summary>The cheapest queue that one thread may fill and another empty: two cursors, a release store each.</summary>
    private sealed class SharedQueue
    {
        private readonly SharedFrame?[] _slots = new SharedFrame?[64];
        private int _tail;
        private int _head;

        public bool TryEnqueue(SharedFrame frame)
        {
            if (_tail - Volatile.Read(ref _head) == _slots.Length)
            {
                return false;
            }

            _slots[_tail & (_slots.Length - 1)] = frame;
            Volatile.Write(ref _tail, _tail + 1);
            return true;
        }

        public bool TryDequeue([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SharedFrame? frame)
        {
            if (Volatile.Read(ref _tail) == _head)
            {
                frame = null;
                return false;
            }

            ref SharedFrame? slot = ref _slots[_head & (_slots.Length - 1)];
            frame = slot!;
            slot = null;
            Volatile.Write(ref _head, _head + 1);
            return true;
        }
    }
}
