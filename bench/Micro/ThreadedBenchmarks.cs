using System.Buffers;
using System.Threading.Channels;

using BenchmarkDotNet.Attributes;

using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Shared;

namespace FastChat.Bench.Micro;

/// <summary>
/// The two queues of a message with a thread on either end: into the shard (many producers, here one) and out of it. Per message: ring 104 ns, channel 982 ns
/// (2-core AMD EPYC, Debian 12, 2026-11-24, short job, bursts of 1,024; the ring's figure varied by a tenth, the error of three iterations is larger). The lane's 509 ns
/// against 26 on one thread are presumably the wait of either side for the other: with a bound of 32 KiB they take turns at yielding, where the broker would let the
/// subscription lag instead.
/// </summary>
[MemoryDiagnoser]
public class ThreadedBenchmarks
{
    private const int Messages = 1024;
    private const int MessageSize = 200;

    private readonly MpscRing _ring = new(256 * 1024);
    private readonly Channel<byte[]> _channel = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(256) { SingleReader = true, SingleWriter = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly OutboxLane _lane = new();
    private readonly byte[] _message = new byte[MessageSize];
    private readonly ArrayBufferWriter<byte> _output = new(64 * 1024);
    private readonly SemaphoreSlim _start = new(0);
    private readonly Action _ringProducer;
    private readonly Action _channelProducer;
    private readonly Action _laneProducer;
    private Action _produce = static () => { };
    private Thread? _producer;
    private volatile bool _isEnding;

    /// <summary>Makes the delegates once: a method group makes a new one at every use.</summary>
    public ThreadedBenchmarks()
    {
        _ringProducer = ProduceIntoRing;
        _channelProducer = ProduceIntoChannel;
        _laneProducer = ProduceIntoLane;
    }

    /// <summary>Starts the other thread, which waits for a turn.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _producer = new Thread(Produce) { IsBackground = true };
        _producer.Start();
    }

    /// <summary>Ends it.</summary>
    [GlobalCleanup]
    public void End()
    {
        _isEnding = true;
        _start.Release();
        _producer!.Join();
    }

    /// <summary>A shard's inbox.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Messages)]
    [BenchmarkCategory(MicroCategories.Threads)]
    public int Ring()
    {
        Begin(_ringProducer);
        int sum = 0;
        SpinWait spin = default;
        for (int taken = 0; taken < Messages;)
        {
            if (_ring.TryPeek(out ReadOnlySpan<byte> payload))
            {
                sum += payload[0];
                _ring.Release();
                taken++;
                spin.Reset();
            }
            else
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }

        return sum;
    }

    /// <summary>What it was chosen over.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    [BenchmarkCategory(MicroCategories.Threads, MicroCategories.Lost)]
    public int BoundedChannel()
    {
        Begin(_channelProducer);
        int sum = 0;
        SpinWait spin = default;
        for (int taken = 0; taken < Messages;)
        {
            if (_channel.Reader.TryRead(out byte[]? buffer))
            {
                sum += buffer[0];
                ArrayPool<byte>.Shared.Return(buffer);
                taken++;
                spin.Reset();
            }
            else
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }

        return sum;
    }

    /// <summary>A loop's lane of a connection's outbox: the loop appends frames, the write loop drains whatever is there.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    [BenchmarkCategory(MicroCategories.Threads)]
    public int Lane()
    {
        Begin(_laneProducer);
        SpinWait spin = default;
        long left = (long)Messages * (FrameHeader.Size + MessageSize);
        while (left > 0)
        {
            _output.ResetWrittenCount();
            if (_lane.Drain(_output))
            {
                left -= _output.WrittenCount;
                spin.Reset();
            }
            else
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }

        return _output.Capacity;
    }

    private void Produce()
    {
        while (true)
        {
            _start.Wait();
            if (_isEnding)
            {
                return;
            }

            _produce();
        }
    }

    private void Begin(Action produce)
    {
        _produce = produce;
        _start.Release();
    }

    private void ProduceIntoRing()
    {
        SpinWait spin = default;
        for (int i = 0; i < Messages; i++)
        {
            Span<byte> payload;
            while (!_ring.TryClaim(MessageSize, out payload))
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }

            _message.CopyTo(payload);
            _ring.Publish(payload);
        }
    }

    private void ProduceIntoChannel()
    {
        SpinWait spin = default;
        for (int i = 0; i < Messages; i++)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(MessageSize);
            _message.CopyTo(buffer, 0);
            while (!_channel.Writer.TryWrite(buffer))
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }
    }

    private void ProduceIntoLane()
    {
        SpinWait spin = default;
        for (int i = 0; i < Messages; i++)
        {
            // The outbox's budget is what bounds a lane in the broker.
            while (_lane.QueuedBytes > 32 * 1024)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }

            _lane.Append(FrameType.Deliver, 0, _message, []);
        }
    }
}
