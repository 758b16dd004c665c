using BenchmarkDotNet.Attributes;

using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>
/// "Was this message published before?" The answer is nearly always no, and takes three looks: at the turn that fills, at the turn that syncs, and at the store,
/// where a filter says no without touching the data: 19 ns for a turn, 355 ns for the store, 2.1 µs when the store says yes (2-core AMD EPYC, Debian 12, 2026-11-24, short
/// job).
/// </summary>
[MemoryDiagnoser]
public class DedupeBenchmarks
{
    private const int Window = 1024;

    private readonly Turn _turn = new(1);
    private readonly byte[] _key = new byte[DedupeKey.Size];
    private readonly byte[] _value = new byte[DedupeValue.Size];
    private StoredRoom? _room;
    private ulong _number;

    /// <summary>A turn of a thousand messages, and a store of four thousand.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _room = new StoredRoom();
        for (ulong i = 0; i < Window; i++)
        {
            _turn.AddPublish(IdOf(i), new PendingPublish(new DedupeValue(i + 1, 7), new UserId(3), MessageKind.Text));
        }
    }

    /// <summary>Removes the store.</summary>
    [GlobalCleanup]
    public void End() => _room!.Dispose();

    /// <summary>A retry that arrives while the first attempt is still under way.</summary>
    [Benchmark]
    public bool Window_present() => _turn.TryGetPublish(IdOf(_number++ % Window), out _);

    /// <summary>A new message.</summary>
    [Benchmark]
    public bool Window_absent() => _turn.TryGetPublish(IdOf(Window + _number++), out _);

    /// <summary>The key alone.</summary>
    [Benchmark]
    public byte Key()
    {
        StoredRoom.WriteDedupeKey(_key, _number++);
        return _key[^1];
    }

    /// <summary>A new message, seen by the store's filter. The dearest single step of an ordinary publish on the shard's thread.</summary>
    [Benchmark(Baseline = true)]
    public int Store_absent()
    {
        StoredRoom.WriteDedupeKey(_key, StoredRoom.Messages + 1 + _number++);
        return _room!.Disk.Get(Table.Dedupe, _key, _value);
    }

    /// <summary>A retry of something durable.</summary>
    [Benchmark]
    public int Store_present()
    {
        StoredRoom.WriteDedupeKey(_key, 1 + (_number++ % StoredRoom.Messages));
        return _room!.Disk.Get(Table.Dedupe, _key, _value);
    }

    private static DedupeId IdOf(ulong number) => new(StoredRoom.Id, new UserId(3), new DeviceId(4), new ClientMessageId(number));
}
