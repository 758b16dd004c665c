using System.Buffers.Binary;
using System.Numerics;

namespace FastChat.Simulation;

/// <summary>
/// Everything random in a world comes from here, and it from the seed: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014), whose numbers no version of a runtime
/// changes. One thread.
/// </summary>
internal sealed class Chance(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        ulong mixed = _state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>From 0 to below <paramref name="end"/>.</summary>
    public int Below(int end) => (int)Math.BigMul(Next(), (ulong)end, out _);

    /// <summary>From <paramref name="first"/> to <paramref name="last"/>.</summary>
    public int Between(int first, int last) => first + Below(last - first + 1);

    /// <summary>True once in <paramref name="times"/> on average.</summary>
    public bool OneIn(int times) => Below(times) == 0;

    /// <summary>
    /// Between the two, with each order of magnitude as likely as the next one: most are short, and some are long.
    /// </summary>
    public TimeSpan Span(TimeSpan shortest, TimeSpan longest)
    {
        double share = (Next() >> 11) * (1.0 / (1ul << 53));
        return TimeSpan.FromTicks((long)(Math.Max(1, shortest.Ticks) * Math.Pow(longest.Ticks / (double)Math.Max(1, shortest.Ticks), share)));
    }

    /// <summary>One of them.</summary>
    public T Of<T>(IReadOnlyList<T> some) => some[Below(some.Count)];

    /// <summary>Random bytes.</summary>
    public void Fill(Span<byte> target)
    {
        while (target.Length >= sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target, Next());
            target = target[sizeof(ulong)..];
        }

        for (ulong rest = Next(); target.Length > 0; rest = BitOperations.RotateRight(rest, 8))
        {
            target[0] = (byte)rest;
            target = target[1..];
        }
    }

    /// <summary>Chance of its own for a part of the world, so that what one part draws does not move the others.</summary>
    public Chance Split() => new(Next());
}
