using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// Key of <see cref="Table.Dedupe"/> (docs/log-format.md §5): what makes a publish the same publish for ever.
/// <code>
///  0                  16                 32                 40                     56
/// +------------------+------------------+------------------+----------------------+
/// | conversation     | publisher        | device u64 BE    | client message id    |
/// +------------------+------------------+------------------+----------------------+
/// </code>
/// The conversation stands first so that entries of one conversation lie together, as they are written and as they would be removed.
/// </summary>
public static class DedupeKey
{
    /// <summary>Bytes of a key.</summary>
    public const int Size = 56;

    /// <summary>Writes the key to the first <see cref="Size"/> bytes.</summary>
    public static void Write(
        Span<byte> target, ConversationId conversation, UserId publisher, DeviceId device, ClientMessageId clientMessageId)
    {
        conversation.Write(target);
        publisher.Write(target[16..]);
        BinaryPrimitives.WriteUInt64BigEndian(target[32..], device.Value);
        clientMessageId.Write(target[40..]);
    }

    /// <summary>Writes the key of a stored record.</summary>
    public static void Write(Span<byte> target, ConversationId conversation, in MessageRecord record) =>
        Write(target, conversation, record.Publisher, record.Device, record.ClientMessageId);
}

/// <summary>
/// Value of <see cref="Table.Dedupe"/>: <c>[0..8) sequence u64 · [8..16) first 8 bytes of SHA-256(body)</c>. The hash tells a retry from
/// the same id used for another message. Of a sealed record there is none (0): it would tell short bodies to whoever guesses them, without any key. Then the record itself is opened and compared.
/// </summary>
/// <param name="Sequence">Where the message is.</param>
/// <param name="BodyHash">The first 8 bytes of the body's SHA-256, read little-endian.</param>
public readonly record struct DedupeValue(ulong Sequence, ulong BodyHash)
{
    /// <summary>Bytes of a value.</summary>
    public const int Size = 16;

    /// <summary>The value for a message, given the SHA-256 of its body (at least its first 8 bytes).</summary>
    public static DedupeValue Of(ulong sequence, ReadOnlySpan<byte> bodySha256) =>
        new(sequence, BinaryPrimitives.ReadUInt64LittleEndian(bodySha256));

    /// <summary>The hash in the entry of a sealed record.</summary>
    public const ulong NoHash = 0;

    /// <summary>The value that belongs to a stored record; an erased one kept the hash of the body it had.</summary>
    public static DedupeValue Of(in MessageRecord record)
    {
        if ((record.Flags & RecordFlags.Sealed) != 0)
        {
            return new DedupeValue(record.Sequence, NoHash);
        }

        Span<byte> hash = stackalloc byte[Sha256.Size];
        if ((record.Flags & RecordFlags.Erased) != 0)
        {
            return Of(record.Sequence, record.Body);
        }

        Sha256.Hash(record.Body, hash);
        return Of(record.Sequence, hash);
    }

    /// <summary>Reads 16 bytes.</summary>
    public static DedupeValue Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(source), BinaryPrimitives.ReadUInt64LittleEndian(source[8..]));

    /// <summary>Writes 16 bytes.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], BodyHash);
    }
}
