namespace FastChat.Fuzz;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): eight bytes of state, so that every input has a generator of its own, made from the seed and its number.</summary>
internal struct FuzzRandom
{
    private ulong _state;

    public FuzzRandom(ulong seed, ulong number)
    {
        _state = seed;
        _state = Next() ^ number;
    }

    public ulong Next()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to <paramref name="bound"/> − 1.</summary>
    public int Below(int bound) => (int)(((Next() >> 32) * (ulong)(uint)bound) >> 32);

    /// <summary>True once in so many times.</summary>
    public bool OneIn(int count) => Below(count) == 0;

    /// <summary>A number of a text, the same on every machine.</summary>
    public static ulong HashOf(string text)
    {
        ulong hash = 14695981039346656037;
        foreach (char letter in text)
        {
            hash = (hash ^ letter) * 1099511628211;
        }

        return hash;
    }
}
