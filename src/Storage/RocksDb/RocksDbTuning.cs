using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>
/// RocksDB's options, each with its reason. They live as long as the store, whose sorted files are written with them; RocksDB itself keeps what it
/// shares (cache, filter) alive.
/// </summary>
internal sealed class RocksDbTuning : IDisposable
{
    private const int Lz4 = 4;
    private const int PointInTimeRecovery = 2;
    private const int TwoLevelIndex = 2;
    private const long CompactionBytesPerSecondMax = 512L << 20;

    private readonly Native _native = Native.Instance;
    private readonly nint _cache;

    public RocksDbTuning(StorageOptions options)
    {
        _cache = _native.rocksdb_cache_create_lru((nuint)options.BlockCacheBytes);
        Database = CreateDatabase(options);
        State = CreateFamily(writeBuffer: 8 << 20, blockBytes: 4 << 10, compression: Lz4);
        KeepLargeValuesApart(State);

        // LZ4 halves a log of English text. Memtables of the log are small and merged soon, and are not compressed; the last level is, and so are the files that come in sorted, which RocksDB
        // writes like a last level's: the bytes that the device is spared are worth the processor's time (4.1-4.5 us a message at saturation, 4.4-4.7 without).
        Log = CreateFamily(writeBuffer: 8 << 20, blockBytes: 16 << 10, compression: 0);
        _native.rocksdb_options_set_bottommost_compression(Log, Lz4);
        Dedupe = CreateFamily(writeBuffer: 8 << 20, blockBytes: 4 << 10, compression: 0);

        foreach (nint family in (ReadOnlySpan<nint>)[Log, Dedupe])
        {
            // Files come in sorted, by the 32 MiB. What a key's absence costs is the filter's business, and a scan over sixteen files still reads 64 KiB at a time: merging them four
            // times less often is worth more. Nothing may slow down writes for it: they are small state's.
            _native.rocksdb_options_set_level0_file_num_compaction_trigger(family, 16);
            _native.rocksdb_options_set_level0_slowdown_writes_trigger(family, 200);
            _native.rocksdb_options_set_level0_stop_writes_trigger(family, 400);
        }
    }

    public nint Database { get; }

    /// <summary>Also the default family.</summary>
    public nint State { get; }

    public nint Log { get; }

    public nint Dedupe { get; }

    /// <summary>The options of a table.</summary>
    public nint Family(Table table) => table switch
    {
        Table.State => State,
        Table.Log => Log,
        _ => Dedupe,
    };

    public void Dispose()
    {
        _native.rocksdb_options_destroy(Database);
        _native.rocksdb_options_destroy(State);
        _native.rocksdb_options_destroy(Log);
        _native.rocksdb_options_destroy(Dedupe);
        _native.rocksdb_cache_destroy(_cache);
    }

    private nint CreateDatabase(StorageOptions options)
    {
        nint database = _native.rocksdb_options_create();
        _native.rocksdb_options_set_create_if_missing(database, 1);
        _native.rocksdb_options_set_create_missing_column_families(database, 1);

        // RocksDB's own log carries small state only, and the journal has that too until it is synced. Recovery: stop at the first damage, never skip over it; a missing log is an
        // error instead of an older state.
        _native.rocksdb_options_set_wal_recovery_mode(database, PointInTimeRecovery);
        _native.rocksdb_options_set_track_and_verify_wals_in_manifest(database, 1);
        _native.rocksdb_options_set_paranoid_checks(database, 1);

        // A failed write is final for the log above, so RocksDB must not try to recover behind its back.
        _native.rocksdb_options_set_max_bgerror_resume_count(database, 0);

        // Memory: the buffers of all tables together, and the log files that hold the same bytes.
        _native.rocksdb_options_set_db_write_buffer_size(database, (nuint)options.WriteBufferBytes);
        _native.rocksdb_options_set_max_total_wal_size(database, (ulong)options.WriteBufferBytes * 2);
        _native.rocksdb_options_set_max_open_files(database, options.OpenFilesMax);
        _native.rocksdb_options_set_max_background_jobs(database, options.BackgroundJobsMax);

        // One thread writes: RocksDB's hand-over between writers is pure cost, and spinning in it would take the other core.
        _native.rocksdb_options_set_allow_concurrent_memtable_write(database, 0);
        _native.rocksdb_options_set_enable_write_thread_adaptive_yield(database, 0);

        // Table files are written back while they grow, and not faster than there is need: the flush of a commit brings along whatever was written to the device before it.
        _native.rocksdb_options_set_bytes_per_sync(database, 256 << 10);
        nint limiter = _native.rocksdb_ratelimiter_create_auto_tuned(CompactionBytesPerSecondMax, 10_000, 10);
        _native.rocksdb_options_set_ratelimiter(database, limiter);
        _native.rocksdb_ratelimiter_destroy(limiter);

        // RocksDB's own diary: small, few, and without the periodic statistics.
        _native.rocksdb_options_set_max_log_file_size(database, (nuint)(4 << 20));
        _native.rocksdb_options_set_keep_log_file_num(database, (nuint)4);
        _native.rocksdb_options_set_stats_dump_period_sec(database, 0);
        return database;
    }

    /// <summary>
    /// Chunks of attachments go into files of their own, and the tables hold where: so merging small state does not write them again, its blocks in the cache are not pushed out by them, and whoever scans small state
    /// passes a hundred bytes for each. They are not compressed: what people attach mostly is already. When the files are written anew, <see cref="LargeValues"/> says.
    /// </summary>
    private void KeepLargeValuesApart(nint family)
    {
        _native.rocksdb_options_set_enable_blob_files(family, 1);
        _native.rocksdb_options_set_min_blob_size(family, 16 << 10);
        _native.rocksdb_options_set_blob_file_size(family, 64 << 20);
        _native.rocksdb_options_set_blob_compression_type(family, 0);

        // Eight mebibytes of chunks fill a memtable and leave a table file of a few kilobytes: many of those are no reason to slow anybody down.
        _native.rocksdb_options_set_level0_slowdown_writes_trigger(family, 100);
        _native.rocksdb_options_set_level0_stop_writes_trigger(family, 200);
    }

    private nint CreateFamily(int writeBuffer, int blockBytes, int compression)
    {
        nint family = _native.rocksdb_options_create();
        _native.rocksdb_options_set_write_buffer_size(family, (nuint)writeBuffer);
        _native.rocksdb_options_set_max_write_buffer_number(family, 3);
        _native.rocksdb_options_set_compression(family, compression);
        _native.rocksdb_options_set_level_compaction_dynamic_level_bytes(family, 1);

        nint table = _native.rocksdb_block_based_options_create();
        _native.rocksdb_block_based_options_set_block_cache(table, _cache);
        _native.rocksdb_block_based_options_set_block_size(table, (nuint)blockBytes);
        _native.rocksdb_block_based_options_set_filter_policy(table, _native.rocksdb_filterpolicy_create_bloom(10));

        // In pieces of a page: a table's whole filter has megabytes, more than one of the cache's shards holds, so that each question which the filter in memory could not answer read it from the file again
        // (a fifth of the broker's time at ten million messages).
        _native.rocksdb_block_based_options_set_index_type(table, TwoLevelIndex);
        _native.rocksdb_block_based_options_set_partition_filters(table, 1);
        _native.rocksdb_block_based_options_set_metadata_block_size(table, 4 << 10);
        _native.rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);

        // Indexes and filters count against the cache, so the bound above is the bound; those of the youngest level stay.
        _native.rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
        _native.rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
        _native.rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
        _native.rocksdb_options_set_block_based_table_factory(family, table);
        _native.rocksdb_block_based_options_destroy(table);
        return family;
    }
}
