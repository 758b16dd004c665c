using System.Buffers.Binary;

namespace FastChat.Broker.People;

/// <summary>A block as it is stored under <c>k</c> and, the same bytes, under <c>b</c>: format u8, since when i64 µs.</summary>
internal readonly record struct StoredBlock(long TimeMicros)
{
    private const byte Format = 1;
    private const int Size = 9;

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        bytes[0] = Format;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), TimeMicros);
        return bytes;
    }

    /// <summary>False when the bytes are no block.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, out StoredBlock block)
    {
        bool isOne = source.Length == Size && source[0] == Format;
        block = isOne ? new StoredBlock(BinaryPrimitives.ReadInt64LittleEndian(source[1..])) : default;
        return isOne;
    }
}
