using System.Buffers.Binary;
using System.Security.Cryptography;

namespace FastChat.Storage;

/// <summary>
/// Hash of a key for tables in memory: 16 bytes a step, each step the folded 128-bit product of two words mixed with secrets of this process. Clients choose parts of the keys; who does not
/// know the secrets cannot make them collide on purpose. Never stored.
/// </summary>
internal static class KeyHash
{
    private static readonly ulong s_first = Secret();
    private static readonly ulong s_second = Secret();

    public static ulong Of(ReadOnlySpan<byte> key)
    {
        ulong hash = s_first ^ (ulong)key.Length;
        while (key.Length > 16)
        {
            hash = Fold(BinaryPrimitives.ReadUInt64LittleEndian(key) ^ s_second, BinaryPrimitives.ReadUInt64LittleEndian(key[8..]) ^ hash);
            key = key[16..];
        }

        Span<byte> last = stackalloc byte[16];
        last.Clear();
        key.CopyTo(last);
        hash = Fold(BinaryPrimitives.ReadUInt64LittleEndian(last) ^ s_second, BinaryPrimitives.ReadUInt64LittleEndian(last[8..]) ^ hash);
        return Fold(hash ^ s_first, s_second);
    }

    private static ulong Fold(ulong left, ulong right)
    {
        ulong high = Math.BigMul(left, right, out ulong low);
        return high ^ low;
    }

    private static ulong Secret() => BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
}
