using System.Buffers.Binary;
using System.Numerics;

namespace FastChat.Protocol;

/// <summary>CRC-32C (Castagnoli; RFC 3720 appendix B.4), reflected, initial value and final xor all ones. One instruction per 8 bytes.</summary>
public static class Crc32C
{
    /// <summary>The checksum of <paramref name="data"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Compute(data, salt: 0);

    /// <summary>The checksum of <paramref name="data"/> from another initial value: who does not know the salt cannot make bytes that match.</summary>
    public static uint Compute(ReadOnlySpan<byte> data, uint salt)
    {
        uint crc = uint.MaxValue ^ salt;
        while (data.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[sizeof(ulong)..];
        }

        foreach (byte value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return ~crc;
    }
}
