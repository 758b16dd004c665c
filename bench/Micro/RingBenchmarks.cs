using System.Threading.Channels;

using BenchmarkDotNet.Attributes;

using FastChat.Shared;

namespace FastChat.Bench.Micro;

/// <summary>
/// A shard's inbox: the byte ring against a bounded Channel of rented buffers, which is what one would write first. One thread on both sides: the price of a message, not of
/// contention, which <see cref="ThreadedBenchmarks"/> adds. The channel's figure includes renting and returning, because a message has to live somewhere.
/// Ring 14 ns, channel 126 ns and 209 B: a burst of 256 is more than the shared array pool keeps (2-core AMD EPYC, Debian 12, 2026-11-24, short job).
/// </summary>
[MemoryDiagnoser]
public class RingBenchmarks
{
    private const int Messages = 256;

    private readonly MpscRing _ring = new(256 * 1024);
    private readonly Channel<byte[]> _channel = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(4096) { SingleReader = true });
    private readonly byte[] _message = new byte[200];

    /// <summary>The way taken.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Messages)]
    public int Ring()
    {
        for (int i = 0; i < Messages; i++)
        {
            _ring.TryClaim(_message.Length, out Span<byte> payload);
            _message.CopyTo(payload);
            _ring.Publish(payload);
        }

        int sum = 0;
        while (_ring.TryPeek(out ReadOnlySpan<byte> payload))
        {
            sum += payload[0];
            _ring.Release();
        }

        return sum;
    }

    /// <summary>The way not taken: a lock for every write and read.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    [BenchmarkCategory(MicroCategories.Lost)]
    public int BoundedChannel()
    {
        for (int i = 0; i < Messages; i++)
        {
            byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(_message.Length);
            _message.CopyTo(buffer, 0);
            _channel.Writer.TryWrite(buffer);
        }

        int sum = 0;
        while (_channel.Reader.TryRead(out byte[]? buffer))
        {
            sum += buffer[0];
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        return sum;
    }
}
