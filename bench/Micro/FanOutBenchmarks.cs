using System.Buffers;

using BenchmarkDotNet.Attributes;

using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Bench.Micro;

/// <summary>
/// One Deliver frame into the lanes of everyone who listens, and out of them again into send buffers: copied into each lane, or shared by reference. Both sides of the queue
/// are measured, because the frame has to reach the send buffer either way.
/// <para>
/// Per lane, one thread (2-core AMD EPYC, Debian 12, 2026-11-24, short job): copy 36 ns and share 32 ns at 150 B, 71 and 51 at 1 KB, 208 and 101 at 4 KB. What one thread
/// does not show is the count's cache line, which moves with every release when write loops run on other cores: small chunks are copied (docs/decisions/0017).
/// </para>
/// <para>
/// 32 lanes, because the shared array pool keeps that many arrays of a size per core: with a thousand lanes in step, each wants a new 16 KiB segment at the same
/// moment, and copying spent more on fresh memory than on the copy (bench/README.md, fan-out).
/// </para>
/// </summary>
[MemoryDiagnoser]
public class FanOutBenchmarks
{
    private const int Lanes = 32;

    private readonly OutboxLane[] _lanes = [.. Enumerable.Range(0, Lanes).Select(_ => new OutboxLane())];
    private readonly SharedFrames _frames = new();
    private readonly byte[] _fixedPart = new byte[Deliver.FixedSize];
    private readonly ArrayBufferWriter<byte> _output = new(64 * 1024);
    private byte[] _records = [];

    /// <summary>Bytes of the frame: a chat line in its envelope, a few of them, and a block.</summary>
    [Params(150, 1024, 4096)]
    public int FrameSize { get; set; }

    /// <summary>Makes the records.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _records = new byte[FrameSize - FrameHeader.Size - Deliver.FixedSize];
        Deliver.WriteFixed(_fixedPart, new ConversationId(1), 1, 1);
    }

    /// <summary>Small chunks, per lane: the frame's bytes lie one behind another in the lane and leave together.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Lanes)]
    public int Copy()
    {
        foreach (OutboxLane lane in _lanes)
        {
            lane.Append(FrameType.Deliver, 0, _fixedPart, _records);
        }

        return Leave();
    }

    /// <summary>Larger ones, per lane: one frame in rented memory, and a reference in each lane.</summary>
    [Benchmark(OperationsPerInvoke = Lanes)]
    public int Share()
    {
        SharedFrame frame = _frames.Deliver(_fixedPart, _records);
        foreach (OutboxLane lane in _lanes)
        {
            lane.Append(frame);
        }

        frame.Seal(Lanes);
        return Leave();
    }

    private int Leave()
    {
        int bytes = 0;
        foreach (OutboxLane lane in _lanes)
        {
            _output.ResetWrittenCount();
            lane.Drain(_output);
            bytes += _output.WrittenCount;
        }

        return bytes;
    }
}
