using System.Runtime.InteropServices;

using FastChat.Protocol;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>
/// Makes RocksDB let go of earlier versions of some keys of a table, deleted ones among them, which otherwise stay in older files until those happen to be merged. Every file whose keys reach over one of
/// them is merged into new ones, down to the last level, and deleted. What a key's value is does not change. The eraser's thread.
/// <para>
/// Files are merged by the ranges of the last level: one file of it, and what lies above, is written again for each run of keys inside it. A single range from the first key to the last would write
/// the whole table again when two keys are far apart, a range for each key the same file again and again.
/// </para>
/// </summary>
/// <param name="table">The log, or small state of which something was deleted.</param>
/// <param name="merged">Has readers let go of what they opened: RocksDB keeps a file until nobody has it open.</param>
internal sealed unsafe class TablePurge(RocksDbStore store, Table table, Action merged, CancellationToken stop)
{
    /// <summary>"Force, but leave what this merge has just made", in RocksDB's numbering: by itself it would move a file down as it is, or leave the last level alone.</summary>
    private const byte ForceOptimized = 3;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(10);

    private readonly Native _native = Native.Instance;

    /// <summary>Returns when no file on the disk has a version of a key in the ranges that is not the newest; false: RocksDB could not do it this time.</summary>
    /// <param name="ranges">From a first key to a last one, both included; ascending, none over another.</param>
    /// <exception cref="OperationCanceledException">The store is being closed.</exception>
    /// <exception cref="StorageException">The device failed.</exception>
    public bool TryRun(List<(byte[] First, byte[] Last)> ranges)
    {
        if (ranges.Count == 0)
        {
            return true;
        }

        store.FlushIfLogWasWritten();
        List<LiveTable> before = [.. LiveTable.Of(store, table).Where(file => file.IsOver(ranges))];
        return TryMerge(Runs(ranges, before), before);
    }

    /// <summary>The same for everything that begins with one of some prefixes.</summary>
    /// <exception cref="OperationCanceledException">The store is being closed.</exception>
    /// <exception cref="StorageException">The device failed.</exception>
    public bool TryRunPrefixes(IEnumerable<byte[]> prefixes)
    {
        // No key is longer than a name's, so none of a prefix lies behind this.
        List<(byte[] First, byte[] Last)> ranges = [.. prefixes.Select(static prefix => (prefix, (byte[])[.. prefix, .. Enumerable.Repeat((byte)0xFF, ProtocolLimits.NameSizeMax)]))];
        store.NoteLogWrite();
        store.FlushIfLogWasWritten();
        return ranges.Count == 0 || TryMerge(ranges, [.. LiveTable.Of(store, table).Where(file => ranges.Exists(range => file.IsOver(range.First, range.Last)))]);
    }

    private bool TryMerge(List<(byte[] First, byte[] Last)> ranges, List<LiveTable> before)
    {
        foreach ((byte[] first, byte[] last) in ranges)
        {
            Merge(first, last);
            stop.ThrowIfCancellationRequested();
        }

        // Merging says nothing of how it went; the files do. Their names are never given out again.
        HashSet<string> left = [.. LiveTable.Of(store, table).Select(file => file.Name)];
        if (before.Exists(file => left.Contains(file.Name)))
        {
            return false;
        }

        // An iterator that was opened while they were merged has them open still, though it reads tombstones: until its reader's next read, or until it is released (see ILogReader).
        merged();
        while (before.Exists(file => File.Exists(Path.Combine(store.DirectoryPath, file.Name))))
        {
            stop.WaitHandle.WaitOne(s_poll);
            stop.ThrowIfCancellationRequested();
        }

        return true;
    }

    /// <summary>The ranges in runs: those that begin inside one file of the last level (or in the gap behind it) are one.</summary>
    private static List<(byte[] First, byte[] Last)> Runs(List<(byte[] First, byte[] Last)> ranges, List<LiveTable> files)
    {
        int last = files.Count == 0 ? 0 : files.Max(file => file.Level);
        List<LiveTable> lowest = last == 0 ? [] : [.. files.Where(file => file.Level == last)];
        lowest.Sort(static (left, right) => left.Smallest.AsSpan().SequenceCompareTo(right.Smallest));
        List<(byte[] First, byte[] Last)> runs = [];
        int at = -1;
        foreach ((byte[] from, byte[] to) in ranges)
        {
            bool isNext = runs.Count == 0;
            while (at + 1 < lowest.Count && lowest[at + 1].Smallest.AsSpan().SequenceCompareTo(from) <= 0)
            {
                at++;
                isNext = true;
            }

            if (isNext)
            {
                runs.Add((from, to));
            }
            else
            {
                runs[^1] = (runs[^1].First, to);
            }
        }

        return runs;
    }

    private void Merge(byte[] first, byte[] last)
    {
        nint options = _native.rocksdb_compactoptions_create();

        // Others may merge elsewhere meanwhile, and small state is not to wait for a flush.
        _native.rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0);
        _native.rocksdb_compactoptions_set_allow_write_stall(options, 0);
        _native.rocksdb_compactoptions_set_bottommost_level_compaction(options, ForceOptimized);
        fixed (byte* firstPointer = &MemoryMarshal.GetArrayDataReference(first))
        fixed (byte* lastPointer = &MemoryMarshal.GetArrayDataReference(last))
        {
            _native.rocksdb_compact_range_cf_opt(store.Database, store.Family(table), options, firstPointer, (nuint)first.Length, lastPointer, (nuint)last.Length);
        }

        _native.rocksdb_compactoptions_destroy(options);
    }
}
