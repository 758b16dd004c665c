using System.Numerics;

namespace FastChat.Storage;

/// <summary>
/// Says of almost every new publish that no commit has it, without asking RocksDB, whose own filters take 1 to 2 µs to say so (a probe in every file of every level). A
/// blocked Bloom filter: a key's eight bits lie in one cache line (Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom filters", 2007); at most
/// <see cref="KeysPerBlock"/> keys a line make less than 1 in 100 of the answers useless, and none wrong.
/// <para>
/// It is filled from the table when the store opens, in the background; until then, and when it has become too large, it knows nothing and the table is asked.
/// </para>
/// Threads: keys are added under a lock, by few and in groups; any number of readers without one.
/// </summary>
internal sealed class DedupeFilter(long bytesMax)
{
    private const int BlockWords = 8;
    private const int KeysPerBlock = 42;
    private const int FirstBlocks = 1 << 14;
    private const int Growth = 4;

    private readonly Lock _gate = new();
    private Layer[] _layers = [];
    private bool _isComplete;
    private bool _isTooLarge;

    /// <summary>False when no commit has the key with this <see cref="KeyHash"/>, for certain.</summary>
    public bool MayContain(ulong hash)
    {
        if (!Volatile.Read(ref _isComplete))
        {
            return true;
        }

        foreach (Layer layer in Volatile.Read(ref _layers))
        {
            if (layer.MayContain(hash))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Adds keys of a commit before it is acknowledged, or of the table.</summary>
    public void Add(ReadOnlySpan<ulong> hashes)
    {
        lock (_gate)
        {
            foreach (ulong hash in hashes)
            {
                if ((_layers.Length == 0 || _layers[^1].IsFull) && !TryGrow())
                {
                    return;
                }

                _layers[^1].Add(hash);
            }
        }
    }

    /// <summary>Everything that the table had when the store was opened is in.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            Volatile.Write(ref _isComplete, !_isTooLarge);
        }
    }

    private bool TryGrow()
    {
        if (_isTooLarge)
        {
            return false;
        }

        long blocks = _layers.Length == 0 ? FirstBlocks : (long)Growth * _layers[^1].Blocks;
        long bytes = sizeof(ulong) * BlockWords * (blocks + _layers.Sum(layer => (long)layer.Blocks));
        if (bytes > bytesMax)
        {
            _isTooLarge = true;
            Volatile.Write(ref _isComplete, false);
            Volatile.Write(ref _layers, []);
            return false;
        }

        Volatile.Write(ref _layers, [.. _layers, new Layer((int)blocks)]);
        return true;
    }

    private sealed class Layer(int blocks)
    {
        private readonly ulong[] _words = new ulong[blocks * BlockWords];
        private long _count;

        public int Blocks => blocks;

        public bool IsFull => _count >= (long)blocks * KeysPerBlock;

        public bool MayContain(ulong hash)
        {
            ReadOnlySpan<ulong> block = Block(hash);
            uint bits = (uint)hash;
            for (int word = 0; word < BlockWords; word++)
            {
                if ((block[word] & Bit(ref bits)) == 0)
                {
                    return false;
                }
            }

            return true;
        }

        public void Add(ulong hash)
        {
            Span<ulong> block = Block(hash);
            uint bits = (uint)hash;
            for (int word = 0; word < BlockWords; word++)
            {
                block[word] |= Bit(ref bits);
            }

            _count++;
        }

        private Span<ulong> Block(ulong hash) => _words.AsSpan((int)((hash >> 32) * (uint)blocks >> 32) * BlockWords, BlockWords);

        /// <summary>One bit of each word, the next by a step of a multiplicative generator.</summary>
        private static ulong Bit(ref uint bits)
        {
            bits = (bits * 0x9E37_79B1u) + 0x7F4A_7C15u;
            return 1ul << (int)(BitOperations.RotateLeft(bits, 6) & 63);
        }
    }
}
