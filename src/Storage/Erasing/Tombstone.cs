using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// What is left of a record whose body was erased (protocol.md §5.1): the same record, flagged, with the SHA-256 of the body in the body's place. Sequence, sender, ids, kind and hash chain
/// (<see cref="ChainHash"/>) stay; size and checksum are its own. It is larger than the record when the body had fewer than 32 bytes. Any thread.
/// </summary>
internal static class Tombstone
{
    /// <summary>True when the record is one.</summary>
    public static bool Is(in MessageRecord record) => (record.Flags & RecordFlags.Erased) != 0;

    /// <summary>True when the record is none, or one as it should be.</summary>
    public static bool IsShaped(in MessageRecord record) => !Is(record) || record.Body.Length == Sha256.Size;

    /// <summary>Bytes of the record's tombstone.</summary>
    public static int SizeOf(in MessageRecord record) => record.Bytes.Length - record.Body.Length + Sha256.Size;

    /// <summary>Writes the tombstone of a record that is none to the first <see cref="SizeOf"/> bytes.</summary>
    public static void Write(Span<byte> target, in MessageRecord record)
    {
        int size = SizeOf(record);
        target = target[..size];
        record.Bytes[..^record.Body.Length].CopyTo(target);
        Sha256.Hash(record.Body, target[^Sha256.Size..]);
        target[65] |= (byte)RecordFlags.Erased;
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)size);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[8..]));
    }
}
