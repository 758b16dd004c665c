using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Key of a chunk in <see cref="Table.Log"/> (docs/log-format.md §3). Big-endian, so that RocksDB's byte order is the order of the log.
/// <code>
///  0                                   16                24
/// +-----------------------------------+-----------------+
/// | conversation (16)                 | first u64 BE    |
/// +-----------------------------------+-----------------+
/// </code>
/// </summary>
internal static class ChunkKey
{
    public const int Size = Id128.Size + sizeof(ulong);

    public static void Write(Span<byte> target, ConversationId conversation, ulong first)
    {
        conversation.Write(target);
        BinaryPrimitives.WriteUInt64BigEndian(target[Id128.Size..], first);
    }

    public static ConversationId Conversation(ReadOnlySpan<byte> key) => ConversationId.Read(key);

    public static ulong First(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[Id128.Size..]);
}

/// <summary>
/// Head of a chunk's value; the records follow, each with a checksum of its own (docs/log-format.md §3).
/// <code>
///  0        1        2        4        8        12                              44       48
/// +--------+--------+--------+--------+--------+-------------------------------+--------+------------
/// | format | flags  | zero   | count  | epoch  | chain behind last record (32) | crc32c | records …
/// +--------+--------+--------+--------+--------+-------------------------------+--------+------------
/// </code>
/// <c>crc32c</c> covers bytes 0 to 44 of the value and then the 24 bytes of the key: a chunk that ends up under another conversation or
/// sequence is damage too, and no record says which conversation it belongs to.
/// </summary>
/// <param name="First">Sequence of the first record (from the key).</param>
/// <param name="Count">Records in the chunk, at least 1.</param>
/// <param name="Epoch">The epoch in which it was written.</param>
/// <param name="ChainAfter">The hash chain behind the last record.</param>
internal readonly record struct ChunkHeader(ulong First, uint Count, uint Epoch, ChainHash ChainAfter)
{
    public const int Size = 48;
    public const byte Format = 1;

    private const int ChecksumOffset = 44;

    /// <summary>Sequence of the last record.</summary>
    public ulong Last => First + Count - 1;

    public static void Write(Span<byte> target, ReadOnlySpan<byte> key, uint count, uint epoch, in ChainHash chainAfter)
    {
        target[0] = Format;
        target[1] = 0;
        target[2] = 0;
        target[3] = 0;
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], count);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], epoch);
        chainAfter.Write(target[12..]);
        BinaryPrimitives.WriteUInt32LittleEndian(target[ChecksumOffset..], Checksum(target, key));
    }

    /// <exception cref="CorruptRecordException">The bytes are not a chunk that was written under this key.</exception>
    public static ChunkHeader Read(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!TryRead(key, value, out ChunkHeader header, out string reason))
        {
            throw new CorruptRecordException(reason);
        }

        return header;
    }

    public static bool TryRead(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, out ChunkHeader header, out string reason)
    {
        header = default;
        if (key.Length != ChunkKey.Size)
        {
            reason = $"The log holds a key of {key.Length} bytes; a chunk's key has {ChunkKey.Size}.";
            return false;
        }

        if (value.Length < Size)
        {
            reason = $"{Name(key)} has {value.Length} bytes; its header alone takes {Size}.";
            return false;
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(value[ChecksumOffset..]) != Checksum(value, key))
        {
            reason = $"The header of {Name(key)} does not match its checksum.";
            return false;
        }

        if (value[0] != Format)
        {
            reason = $"{Name(key)} has format {value[0]}; this version reads {Format}.";
            return false;
        }

        header = new ChunkHeader(
            ChunkKey.First(key), BinaryPrimitives.ReadUInt32LittleEndian(value[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(value[8..]), ChainHash.Read(value[12..]));
        if (header.First == 0 || header.Count == 0 || header.Last < header.First)
        {
            reason = $"{Name(key)} claims {header.Count} records.";
            return false;
        }

        reason = "";
        return true;
    }

    /// <summary>"Chunk 12 of conversation …", for reasons that people read.</summary>
    public static string Name(ReadOnlySpan<byte> key) => $"chunk {ChunkKey.First(key)} of conversation {ChunkKey.Conversation(key)}";

    private static uint Checksum(ReadOnlySpan<byte> value, ReadOnlySpan<byte> key)
    {
        Span<byte> covered = stackalloc byte[ChecksumOffset + ChunkKey.Size];
        value[..ChecksumOffset].CopyTo(covered);
        key.CopyTo(covered[ChecksumOffset..]);
        return Crc32C.Compute(covered);
    }
}
