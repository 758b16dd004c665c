using FastChat.Broker.Identity;

namespace FastChat.Broker.Limits;

/// <summary>
/// Token buckets for keys that anybody can make up (conversations that may not exist, addresses): two rows of cells, each a bucket's state, and a key has one in either row. It is refused when both are empty, so that somebody else's flood in one of them costs it nothing.
/// The memory is fixed, whatever comes, nothing is looked up, kept or forgotten, and the places follow from a seed that nobody outside knows, so that nobody can aim at another one's. Two keys that share both cells, one pair in 268 million, share a budget. Any thread, no lock.
/// </summary>
internal sealed class RateSketch
{
    private const int CellsBits = 14;
    private const int Cells = 1 << CellsBits;

    private readonly long[] _first = new long[Cells];
    private readonly long[] _second = new long[Cells];
    private readonly ulong _seed;

    public RateSketch(RandomSource random)
    {
        Span<byte> seed = stackalloc byte[sizeof(ulong)];
        random.Fill(seed);
        _seed = BitConverter.ToUInt64(seed);
    }

    /// <summary>Takes tokens, or takes none and says in how many milliseconds there will be as many.</summary>
    public bool TryTake(in TokenBucket bucket, UInt128 key, long now, long count, out uint retryAfterMs)
    {
        (int first, int second) = PlacesOf(key);

        // Taken from both where both have some: a key that floods empties its own two, and only a key with both of them notices.
        bool hasFirst = bucket.TryTake(ref _first[first], now, count, out retryAfterMs);
        bool hasSecond = bucket.TryTake(ref _second[second], now, count, out uint other);
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
        return Math.Min(bucket.WaitFor(ref _first[first], now, count), bucket.WaitFor(ref _second[second], now, count));
    }

    private (int First, int Second) PlacesOf(UInt128 key)
    {
        // A multiplication spreads what differs in any bit over the high half (the finalizer of MurmurHash3, twice keyed).
        ulong hash = ((ulong)(key >> 64) ^ _seed) * 0xFF51AFD7ED558CCD;
        hash = ((hash ^ (hash >> 32)) + (ulong)key) * 0xC4CEB9FE1A85EC53;
        hash = (hash ^ (hash >> 29) ^ _seed) * 0xFF51AFD7ED558CCD;
        return ((int)(hash >> (64 - CellsBits)), (int)(hash >> (64 - (2 * CellsBits))) & (Cells - 1));
    }
}
