using System.Runtime.InteropServices;

using RocksDbSharp;

namespace FastChat.Storage;

/// <summary>A file that a table consists of, as RocksDB says at one moment.</summary>
/// <param name="Name">Its name in the database's directory; a name is never used twice.</param>
/// <param name="Level">0 = as it came in; the greater, the older.</param>
/// <param name="Smallest">Its first key.</param>
/// <param name="Largest">Its last key.</param>
internal sealed unsafe record LiveTable(string Name, int Level, byte[] Smallest, byte[] Largest)
{
    /// <summary>True when it reaches over one of the ranges, which are ascending and none over another.</summary>
    public bool IsOver(List<(byte[] First, byte[] Last)> ranges)
    {
        // The last one that does not begin behind it is the one that reaches farthest.
        int low = 0;
        int high = ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = ranges[middle].First.AsSpan().SequenceCompareTo(Largest) <= 0 ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && IsOver(ranges[low - 1].First, ranges[low - 1].Last);
    }

    /// <summary>True when it may have a key between two, both included.</summary>
    public bool IsOver(byte[] first, byte[] last) => Smallest.AsSpan().SequenceCompareTo(last) <= 0 && Largest.AsSpan().SequenceCompareTo(first) >= 0;

    /// <summary>The files of a table. Any thread.</summary>
    public static List<LiveTable> Of(RocksDbStore store, Table table)
    {
        Native native = Native.Instance;
        nint all = native.rocksdb_livefiles(store.Database);
        List<LiveTable> files = [];
        for (int i = 0; i < native.rocksdb_livefiles_count(all); i++)
        {
            if (Marshal.PtrToStringUTF8(native.rocksdb_livefiles_column_family_name(all, i)) == RocksDbStore.FamilyName(table))
            {
                string name = Marshal.PtrToStringUTF8(native.rocksdb_livefiles_name(all, i))!.TrimStart('/');
                nint smallest = native.rocksdb_livefiles_smallestkey(all, i, out nuint smallestSize);
                nint largest = native.rocksdb_livefiles_largestkey(all, i, out nuint largestSize);
                files.Add(new LiveTable(name, native.rocksdb_livefiles_level(all, i), Bytes(smallest, smallestSize), Bytes(largest, largestSize)));
            }
        }

        native.rocksdb_livefiles_destroy(all);
        return files;
    }

    private static byte[] Bytes(nint source, nuint size) => new ReadOnlySpan<byte>((void*)source, checked((int)size)).ToArray();
}
