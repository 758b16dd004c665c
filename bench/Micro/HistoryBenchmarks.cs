using System.Buffers;

using BenchmarkDotNet.Attributes;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Bench.Micro;

/// <summary>
/// A page of history out of chunks of 64 records, warm. Every record's checksum is compared on the way. The memory log is what tests and simulation run on; it is
/// here to show what of a page is the pager's work and what is RocksDB's: of 500 records in 26 µs the pager takes 6 (2-core AMD EPYC, Debian 12, 2026-11-24, short job).
/// </summary>
[MemoryDiagnoser]
public class HistoryBenchmarks
{
    private readonly ArrayBufferWriter<byte> _page = new(1 << 20);
    private StoredRoom? _room;

    /// <summary>Records of the page: a screen, and a client that catches up.</summary>
    [Params(50, 500)]
    public int Records { get; set; }

    /// <summary>Makes the logs.</summary>
    [GlobalSetup]
    public void Prepare() => _room = new StoredRoom();

    /// <summary>Removes them.</summary>
    [GlobalCleanup]
    public void End() => _room!.Dispose();

    /// <summary>Behind a position, as catching up reads. The position lies inside a chunk, so its first records are skipped.</summary>
    [Benchmark(Baseline = true)]
    public int Forward() => Forward(_room!.Disk);

    /// <summary>Before a position, as scrolling up reads.</summary>
    [Benchmark]
    public int Backward()
    {
        _page.ResetWrittenCount();
        return _room!.Disk.ReadBackward(StoredRoom.Id, StoredRoom.Messages / 2, Records, int.MaxValue, _page).Count;
    }

    /// <summary>The same as <see cref="Forward()"/> without a disk.</summary>
    [Benchmark]
    [BenchmarkCategory(MicroCategories.Cold)]
    public int ForwardInMemory() => Forward(_room!.Memory);

    /// <summary>The head: what a conversation costs when it comes into its shard's memory.</summary>
    [Benchmark]
    public ulong Head() => _room!.Disk.ReadHead(StoredRoom.Id).Sequence;

    private int Forward(IConversationLog log)
    {
        _page.ResetWrittenCount();
        return log.ReadForward(StoredRoom.Id, (StoredRoom.Messages / 2) + 10, LogPosition.Latest, Records, int.MaxValue, _page).Count;
    }
}
