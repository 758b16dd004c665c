using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using FastChat.Broker.Identity;

namespace FastChat.Broker.Limits;

/// <summary>
/// Token buckets for keys that anybody can make up (conversations that may not exist, addresses), in 512 KB whatever comes: a key has two of the eight cells of a cache line, each a bucket's state. It is refused when both are empty, so that somebody else's flood in one of them costs it nothing.
/// Nothing is looked up, kept or forgotten, and the places follow from a seed that nobody outside knows, so that nobody can aim at another one's. Two keys that share both cells, one pair in 229,000, share a budget. One line and not two rows, because a publish that waits for memory twice is 3 % of a publish. Any thread, no lock.
/// </summary>
internal sealed class RateSketch
{
    private const int LinesBits = 13;
    private const int CellsOfLine = 8;
    private const int LineSize = CellsOfLine * sizeof(long);

    private readonly long[] _cells = GC.AllocateArray<long>(((1 << LinesBits) + 1) * CellsOfLine, pinned: true);
    private readonly int _start;
    private readonly ulong _seed;

    public RateSketch(RandomSource random)
    {
        Span<byte> seed = stackalloc byte[sizeof(ulong)];
        random.Fill(seed);
        _seed = BitConverter.ToUInt64(seed);
        _start = StartOfLine(_cells);
    }

    /// <summary>Takes tokens, or takes none and says in how many milliseconds there will be as many.</summary>
    public bool TryTake(in TokenBucket bucket, UInt128 key, long now, long count, out uint retryAfterMs)
    {
        (int first, int second) = PlacesOf(key);

        // Taken from both where both have some: a key that floods empties its own two, and only a key with both of them notices.
        bool hasFirst = bucket.TryTake(ref _cells[first], now, count, out retryAfterMs);
        bool hasSecond = bucket.TryTake(ref _cells[second], now, count, out uint other);
        if (hasFirst || hasSecond)
        {
            retryAfterMs = 0;
            return true;
        }

        retryAfterMs = Math.Min(retryAfterMs, other);
        return false;
    }

    /// <summary>In how many milliseconds so many could be taken; 0 = now.</summary>
    public uint WaitFor(in TokenBucket bucket, UInt128 key, long now, double count)
    {
        (int first, int second) = PlacesOf(key);
        return Math.Min(bucket.WaitFor(ref _cells[first], now, count), bucket.WaitFor(ref _cells[second], now, count));
    }

    /// <summary>The first cell at the beginning of a cache line; the array stays where it is.</summary>
    private static unsafe int StartOfLine(long[] cells)
    {
        nint address = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(cells));
        return (int)((LineSize - (address % LineSize)) % LineSize / sizeof(long));
    }

    private (int First, int Second) PlacesOf(UInt128 key)
    {
        // A multiplication spreads what differs in any bit over the high half (the finalizer of MurmurHash3, twice keyed).
        ulong hash = ((ulong)(key >> 64) ^ _seed) * 0xFF51AFD7ED558CCD;
        hash = ((hash ^ (hash >> 32)) + (ulong)key) * 0xC4CEB9FE1A85EC53;
        hash = (hash ^ (hash >> 29) ^ _seed) * 0xFF51AFD7ED558CCD;
        int line = _start + ((int)(hash >> (64 - LinesBits)) * CellsOfLine);
        int first = (int)(hash >> 48) & (CellsOfLine - 1);
        int apart = 1 + (int)((hash >> 32) % (CellsOfLine - 1));
        return (line + first, line + ((first + apart) % CellsOfLine));
    }
}
