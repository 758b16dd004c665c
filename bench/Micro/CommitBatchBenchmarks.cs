using BenchmarkDotNet.Attributes;

using FastChat.Protocol;
using FastChat.Storage;

using RocksDbSharp;

namespace FastChat.Bench.Micro;

/// <summary>
/// A turn's writes from messages to RocksDB's write batch, without the write itself: a chunk of records and one dedupe entry per message, then the hand-over.
/// </summary>
[MemoryDiagnoser]
public unsafe class CommitBatchBenchmarks
{
    private const int BodySize = 58;

    private static readonly ConversationId Room = new(1);

    private readonly Native _native = Native.Instance;
    private readonly CommitBatch _batch = new(1);
    private readonly byte[] _chunkValue = new byte[ChunkHeader.Size + (MessageRecord.SizeOf(false, BodySize) * 1024)];
    private string _directory = "";
    private RocksDbConversationLog? _log;
    private byte[] _records = [];

    /// <summary>Messages of the turn. 1 is a lone message at night, 64 a busy moment.</summary>
    [Params(1, 64)]
    public int Messages { get; set; }

    /// <summary>Opens a store, for the numbers of its families, and writes the records.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _directory = Directory.CreateTempSubdirectory("fastchat-micro-").FullName;
        _log = RocksDbConversationLog.Open(new StorageOptions { Directory = _directory });
        int size = MessageRecord.SizeOf(false, BodySize);
        _records = new byte[size * Messages];
        for (int i = 0; i < Messages; i++)
        {
            MessageRecord.Write(
                _records.AsSpan(i * size), (ulong)i + 1, 2, new UserId(3), new UserId(3), new DeviceId(4), new ClientMessageId((ulong)i), MessageKind.Text,
                RecordFlags.None, new byte[BodySize]);
        }
    }

    /// <summary>Removes it.</summary>
    [GlobalCleanup]
    public void End()
    {
        _log!.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>The way taken: the representation is built here and handed over in one call. The journal takes messages as they stand in it (decision 0012); small state still goes this way.</summary>
    [Benchmark(Baseline = true)]
    public int OneHandOver()
    {
        _batch.Reset();
        _batch.AppendChunk(Room, 1, (uint)Messages, default, _records);
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        for (int i = 0; i < Messages; i++)
        {
            WriteEntry(key, value, i);
            _batch.Put(Table.Dedupe, key, value);
        }

        ReadOnlySpan<byte> representation = _batch.Representation.Span;
        fixed (byte* pointer = representation)
        {
            nint batch = _native.rocksdb_writebatch_create_from(pointer, (nuint)representation.Length);
            _native.rocksdb_writebatch_destroy(batch);
        }

        return representation.Length;
    }

    /// <summary>
    /// The way not taken: a native call for every key, 4.2 µs against 1.0 µs for 64 messages and 0.26 against 0.11 for one (2-core AMD EPYC, Debian 12, 2026-11-24, short
    /// job). A call that copies 100 bytes costs several times what the copy costs, and RocksDB grows its buffer by doubling while the batch keeps the one it has.
    /// </summary>
    [Benchmark]
    [BenchmarkCategory(MicroCategories.Lost)]
    public int CallPerKey()
    {
        nint batch = _native.rocksdb_writebatch_create();
        nint dedupe = _log!.Store.Family(Table.Dedupe);
        Span<byte> key = stackalloc byte[DedupeKey.Size];
        Span<byte> value = stackalloc byte[DedupeValue.Size];
        ChunkKey.Write(key, Room, 1);
        Span<byte> chunk = _chunkValue.AsSpan(0, ChunkHeader.Size + _records.Length);
        ChunkHeader.Write(chunk, key[..ChunkKey.Size], (uint)Messages, 1, default);
        _records.CopyTo(chunk[ChunkHeader.Size..]);
        Put(batch, _log.Store.Family(Table.Log), key[..ChunkKey.Size], chunk);
        for (int i = 0; i < Messages; i++)
        {
            WriteEntry(key, value, i);
            Put(batch, dedupe, key, value);
        }

        int count = _native.rocksdb_writebatch_count(batch);
        _native.rocksdb_writebatch_destroy(batch);
        return count;
    }

    private static void WriteEntry(Span<byte> key, Span<byte> value, int number)
    {
        DedupeKey.Write(key, Room, new UserId(3), new DeviceId(4), new ClientMessageId((ulong)number));
        new DedupeValue((ulong)number + 1, 7).Write(value);
    }

    private void Put(nint batch, nint family, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* keyPointer = key)
        fixed (byte* valuePointer = value)
        {
            _native.rocksdb_writebatch_put_cf(batch, family, keyPointer, (nuint)key.Length, valuePointer, (nuint)value.Length);
        }
    }
}
