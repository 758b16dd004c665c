using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>Where ids and tokens come from. Given by constructor, so that a seeded one reproduces a run. Any thread.</summary>
internal sealed class RandomSource(RandomSource.FillSpan fill)
{
    /// <summary>Fills a span with random bytes.</summary>
    public delegate void FillSpan(Span<byte> target);

    /// <summary>The operating system's cryptographic source.</summary>
    public static RandomSource Cryptographic { get; } = new(RandomNumberGenerator.Fill);

    /// <summary>Fills <paramref name="target"/>.</summary>
    public void Fill(Span<byte> target) => fill(target);

    /// <summary>A random id.</summary>
    public UInt128 NextId()
    {
        Span<byte> bytes = stackalloc byte[Id128.Size];
        fill(bytes);
        return Id128.Read(bytes);
    }

    /// <summary>A random device number, not 0; below 2⁶³, because not every language has unsigned 64-bit integers.</summary>
    public DeviceId NextDevice()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        ulong value;
        do
        {
            fill(bytes);
            value = BitConverter.ToUInt64(bytes) & long.MaxValue;
        }
        while (value == 0);
        return new DeviceId(value);
    }
}
