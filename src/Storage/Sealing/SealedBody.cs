using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// A record whose body is encrypted, as it stands on the disk and nowhere else (docs/log-format.md §4): the plain record's header with the sealed flag, then
/// <code>
///  0            12                    12 + n        28 + n
/// +------------+---------------------+-------------+
/// | nonce (12) | ciphertext (n)      | tag (16)    |
/// +------------+---------------------+-------------+
/// </code>
/// AES-256-GCM; associated are bytes [8, body) of the record, with the sealed flag.
/// <para>
/// The nonce is the first 96 bits of HMAC-SHA-256(nonce key, these bytes ‖ SHA-256(body)). So it follows from the record: the same command gives the same bytes on every node (P19), and nobody has to remember a counter that a crash, a
/// restored backup or a second node could set back. A sequence that is given out again behind a tail that was lost gets another nonce with another body; two records have the same one only when they are the same, in header and body,
/// or by a collision of 96 random bits under one key, which at 2³² messages of one person in one conversation has a probability of 2⁻³³.
/// </para>
/// </summary>
internal static class SealedBody
{
    /// <summary>Bytes that sealing adds.</summary>
    public const int Overhead = Aes256Gcm.NonceSize + Aes256Gcm.TagSize;

    /// <summary>
    /// True when bodies of the kind say something that is not said by small state as well. What deletes, pins and reacts consists of a sequence, and a reaction's name that is part of an entry's key anyway; what the broker itself writes
    /// (members, settings) must be read by whoever checks a store without its keys.
    /// </summary>
    public static bool IsFor(MessageKind kind) => (byte)kind < MessageKinds.FirstSystemKind && kind is not (MessageKind.Delete or MessageKind.Reaction or MessageKind.Pin);

    public static bool Is(in MessageRecord record) => (record.Flags & RecordFlags.Sealed) != 0;

    /// <summary>True when the record is not sealed, or has room for nonce and tag. A tombstone of a sealed record is looked at by <see cref="Tombstone"/>.</summary>
    public static bool IsShaped(in MessageRecord record) => !Is(record) || Tombstone.Is(record) || record.Body.Length >= Overhead;

    /// <summary>Bytes of a record when it is stored.</summary>
    public static int SizeOf(in MessageRecord record) => record.Bytes.Length + (IsFor(record.Kind) ? Overhead : 0);

    /// <summary>Bytes that a stored record can have at the most when it is served: its body, or 32 in its place.</summary>
    public static int ServedSizeMax(in MessageRecord record) => record.Bytes.Length - record.Body.Length + Math.Max(record.Body.Length - Overhead, Sha256.Size);

    /// <summary>Writes a plain record as it is stored, and returns its size.</summary>
    public static int Write(Span<byte> target, in MessageRecord record, in BodyKeys keys, Aes256Gcm cipher)
    {
        target = WriteHead(target, record, out Span<byte> body);
        Encrypt(body, target[8..^body.Length], record.Body, keys, cipher);
        return Finish(target);
    }

    /// <summary>Writes nonce, ciphertext and tag.</summary>
    public static void Encrypt(Span<byte> target, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> text, in BodyKeys keys, Aes256Gcm cipher)
    {
        Span<byte> nonce = stackalloc byte[Sha256.Size];
        WriteNonce(nonce, associated, text, keys);
        nonce[..Aes256Gcm.NonceSize].CopyTo(target);
        cipher.Encrypt(keys.Body, target[..Aes256Gcm.NonceSize], associated, text, target[Aes256Gcm.NonceSize..^Aes256Gcm.TagSize], target[^Aes256Gcm.TagSize..]);
    }

    /// <summary>Writes the text; false when it is not what was encrypted.</summary>
    public static bool TryDecrypt(Span<byte> target, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> source, in BodyKeys keys, Aes256Gcm cipher) => cipher.TryDecrypt(
        keys.Body, source[..Aes256Gcm.NonceSize], associated, source[Aes256Gcm.NonceSize..^Aes256Gcm.TagSize], source[^Aes256Gcm.TagSize..], target);

    /// <summary>Writes a record that nobody can open: its keys went between its decision and its commit. The place of the body is zero.</summary>
    public static int WriteLost(Span<byte> target, in MessageRecord record)
    {
        target = WriteHead(target, record, out Span<byte> body);
        body.Clear();
        return Finish(target);
    }

    /// <summary>Writes the plain record of a sealed one; false when the keys are not those that it was sealed with, or its bytes are others.</summary>
    /// <param name="size">Its bytes.</param>
    public static bool TryOpen(Span<byte> target, in MessageRecord record, in BodyKeys keys, Aes256Gcm cipher, out int size)
    {
        ReadOnlySpan<byte> body = record.Body;
        ReadOnlySpan<byte> head = record.Bytes[..^body.Length];
        size = record.Bytes.Length - Overhead;
        target = target[..size];
        if (!TryDecrypt(target[head.Length..], head[8..], body, keys, cipher))
        {
            return false;
        }

        head.CopyTo(target);
        Unseal(target);
        return true;
    }

    /// <summary>Writes what readers get of a sealed record that nobody can open, or that was erased: its tombstone (protocol.md §5.1), with the hash of what was stored.</summary>
    public static int WriteTombstone(Span<byte> target, in MessageRecord record)
    {
        int size = Tombstone.SizeOf(record);
        target = target[..size];
        if (Tombstone.Is(record))
        {
            record.Bytes.CopyTo(target);
        }
        else
        {
            Tombstone.Write(target, record);
        }

        Unseal(target);
        return size;
    }

    private static Span<byte> WriteHead(Span<byte> target, scoped in MessageRecord record, out Span<byte> body)
    {
        target = target[..(record.Bytes.Length + Overhead)];
        record.Bytes[..^record.Body.Length].CopyTo(target);
        target[65] |= (byte)RecordFlags.Sealed;
        body = target[^(record.Body.Length + Overhead)..];
        return target;
    }

    private static void WriteNonce(Span<byte> target, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> body, in BodyKeys keys)
    {
        Span<byte> message = stackalloc byte[associated.Length + Sha256.Size];
        associated.CopyTo(message);
        Sha256.Hash(body, message[associated.Length..]);
        HmacSha256.Compute(keys.Nonce, message, target);
    }

    private static void Unseal(Span<byte> target)
    {
        target[65] &= unchecked((byte)~RecordFlags.Sealed);
        Finish(target);
    }

    private static int Finish(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)target.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[8..]));
        return target.Length;
    }
}
