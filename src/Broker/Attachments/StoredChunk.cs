using System.Buffers.Binary;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Attachments;

/// <summary>
/// A chunk as it is stored: CRC-32C of key and bytes, u32, then the bytes. It is checked before every serving, in addition to the checksums of the store, and binds the bytes to their place.
/// </summary>
internal static class StoredChunk
{
    /// <summary>Bytes before the content.</summary>
    public const int HeaderSize = sizeof(uint);

    /// <summary>The value of a chunk.</summary>
    public static byte[] ToValue(byte[] key, ReadOnlySpan<byte> content)
    {
        byte[] value = new byte[HeaderSize + content.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(value, ChecksumOf(key, content));
        content.CopyTo(value.AsSpan(HeaderSize));
        return value;
    }

    /// <summary>The content of a chunk; null when there is none under this key.</summary>
    /// <exception cref="CorruptRecordException">It is not what was stored.</exception>
    public static ReadOnlyMemory<byte>? Read(IConversationLog log, byte[] key) => log.Get(Table.State, key) is { } value ? ContentOf(key, value) : null;

    /// <summary>The content in a value.</summary>
    /// <exception cref="CorruptRecordException">It is not what was stored.</exception>
    public static ReadOnlyMemory<byte> ContentOf(byte[] key, byte[] value) =>
        value.Length >= HeaderSize && BinaryPrimitives.ReadUInt32LittleEndian(value) == ChecksumOf(key, value.AsSpan(HeaderSize))
            ? value.AsMemory(HeaderSize)
            : throw new CorruptRecordException($"the chunk {Convert.ToHexStringLower(key)} of an attachment does not match its checksum");

    private static uint ChecksumOf(byte[] key, ReadOnlySpan<byte> content) => Crc32C.Compute(content, Crc32C.Compute(key));
}
