using System.Runtime.InteropServices;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>
/// What RocksDB keeps of large values of small state (chunks of attachments) in files of their own, and when those are written anew. A file goes by itself when nothing in it is used any more; of one in which
/// something is, the rest stays. So when at least half of all their bytes is garbage, everything that is used is copied once into new files: what is deleted costs its size once more in writing, and the disk
/// never holds more than twice of what is used, and a little. RocksDB's own collection copies the oldest files with every merge, used or not: tried, and 30 MiB of new chunks copied a quarter of all others.
/// <para>A thread of its own, which sleeps nearly always; the rest from any thread.</para>
/// </summary>
internal sealed unsafe class LargeValues : IDisposable
{
    /// <summary>Below so many bytes the garbage is not worth a look.</summary>
    private const ulong CollectedMin = 64 << 20;

    /// <summary>Two full memtables of small state wait to be written: with the third one RocksDB stops every write, those of messages too.</summary>
    private const ulong ImmutableMax = 2;

    private const int ForceCollection = 0;
    private const byte ForceOptimized = 3;

    private readonly Native _native = Native.Instance;
    private readonly RocksDbStore _store;
    private readonly TimeSpan _interval;
    private readonly Action<Exception> _failed;
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly Thread _thread;

    /// <param name="interval">How often it looks for garbage.</param>
    /// <param name="failed">The device failed.</param>
    public LargeValues(RocksDbStore store, TimeSpan interval, Action<Exception> failed)
    {
        _store = store;
        _interval = interval;
        _failed = failed;
        _thread = new Thread(Run) { Name = "fastchat-large-values", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whoever writes large values should wait a moment, so that nobody else has to.</summary>
    public bool AreBehind => Property("rocksdb.num-immutable-mem-table") >= ImmutableMax;

    /// <summary>Bytes of their files, and how many of those are known to be garbage.</summary>
    public (ulong Total, ulong Garbage) Bytes => (Property("rocksdb.live-blob-file-size"), Property("rocksdb.live-blob-file-garbage-size"));

    /// <summary>Copies what is used into new files, and has the old ones deleted.</summary>
    public void Collect()
    {
        nint options = _native.rocksdb_compactoptions_create();
        _native.rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0);
        _native.rocksdb_compactoptions_set_allow_write_stall(options, 0);
        _native.rocksdb_compactoptions_set_bottommost_level_compaction(options, ForceOptimized);
        _native.rocksdb_compactoptions_set_blob_garbage_collection_policy(options, ForceCollection);
        _native.rocksdb_compactoptions_set_blob_garbage_collection_age_cutoff(options, 1.0);
        ReadOnlySpan<byte> first = [0];
        ReadOnlySpan<byte> last = [byte.MaxValue];
        fixed (byte* firstPointer = &MemoryMarshal.GetReference(first))
        fixed (byte* lastPointer = &MemoryMarshal.GetReference(last))
        {
            _native.rocksdb_compact_range_cf_opt(_store.Database, _store.Family(Table.State), options, firstPointer, 1, lastPointer, 1);
        }

        _native.rocksdb_compactoptions_destroy(options);
    }

    /// <summary>Ends the thread. The store has been told to end what it merges.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_stop.WaitOne(_interval))
            {
                (ulong total, ulong garbage) = Bytes;
                if (total >= CollectedMin && garbage >= total / 2)
                {
                    Collect();
                }
            }
        }
        catch (Exception failure)
        {
            _failed(failure);
        }
    }

    private ulong Property(string name)
    {
        ulong value = 0;
        return _native.rocksdb_property_int_cf(_store.Database, _store.Family(Table.State), name, (nint)(&value)) == 0 ? value : 0;
    }
}
