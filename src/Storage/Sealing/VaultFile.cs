using System.Buffers.Binary;
using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>Whose a secret is, and whether it still is.</summary>
internal enum VaultEntryKind : byte
{
    Person = 1,
    Conversation = 2,
    DestroyedPerson = 3,
    DestroyedConversation = 4,
}

/// <summary>One line of a vault.</summary>
/// <param name="Secret">Nothing when it was destroyed.</param>
internal readonly record struct VaultEntry(VaultEntryKind Kind, UInt128 Id, VaultSecret Secret);

/// <summary>
/// The bytes of a vault's file (docs/log-format.md §10): a head with the key of the vault, wrapped by the master key, then entries of one size, appended as they come.
/// <code>
///  0        4         8                 24      28                28 + size
/// +--------+---------+-----------------+-------+-----------------+--------+
/// | "FCKV" | version | vault (16)      | size  | wrapped key     | crc32c |
/// +--------+---------+-----------------+-------+-----------------+--------+
///  0      1        4                 20           32            64        80       84
/// +------+--------+-----------------+------------+-------------+---------+--------+
/// | kind | zero   | id (16)         | nonce (12) | secret (32) | tag (16)| crc32c |
/// +------+--------+-----------------+------------+-------------+---------+--------+
/// </code>
/// Each <c>crc32c</c> covers what is before it. AES-256-GCM under the vault's key; associated are the vault's id and bytes 0 to 20.
/// </summary>
internal static class VaultFile
{
    public const int EntrySize = 84;
    public const int HeadSizeMax = FixedHeadSize + MasterKey.WrappedSizeMax + sizeof(uint);

    private const uint Version = 1;
    private const int FixedHeadSize = 28;
    private const int IdOffset = 4;
    private const int NonceOffset = 20;
    private const int SecretOffset = 32;
    private const int TagOffset = 64;
    private const int ChecksumOffset = 80;

    private static ReadOnlySpan<byte> Magic => "FCKV"u8;

    /// <summary>The head's bytes.</summary>
    public static byte[] Head(UInt128 vault, ReadOnlySpan<byte> wrapped)
    {
        byte[] head = new byte[FixedHeadSize + wrapped.Length + sizeof(uint)];
        Magic.CopyTo(head);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(4), Version);
        Id128.Write(head.AsSpan(8), vault);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(24), wrapped.Length);
        wrapped.CopyTo(head.AsSpan(FixedHeadSize));
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(head.Length - sizeof(uint)), Crc32C.Compute(head.AsSpan(0, head.Length - sizeof(uint))));
        return head;
    }

    /// <summary>Reads a head; false when it is none, or damaged.</summary>
    public static bool TryReadHead(ReadOnlySpan<byte> source, out UInt128 vault, out ReadOnlySpan<byte> wrapped, out int size)
    {
        vault = default;
        wrapped = default;
        size = 0;
        if (source.Length < FixedHeadSize + sizeof(uint) || !source.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != Version)
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(source[24..]);
        if (length > MasterKey.WrappedSizeMax || FixedHeadSize + length + sizeof(uint) > (uint)source.Length)
        {
            return false;
        }

        vault = Id128.Read(source[8..]);
        wrapped = source.Slice(FixedHeadSize, (int)length);
        size = FixedHeadSize + (int)length + sizeof(uint);
        return Crc32C.Compute(source[..(size - sizeof(uint))]) == BinaryPrimitives.ReadUInt32LittleEndian(source[(size - sizeof(uint))..]);
    }

    /// <summary>Writes an entry.</summary>
    public static void WriteEntry(Span<byte> target, UInt128 vault, in VaultEntry entry, ReadOnlySpan<byte> key, Aes256Gcm cipher)
    {
        target = target[..EntrySize];
        target[..IdOffset].Clear();
        target[0] = (byte)entry.Kind;
        Id128.Write(target[IdOffset..], entry.Id);
        Span<byte> nonce = target[NonceOffset..SecretOffset];
        RandomNumberGenerator.Fill(nonce);
        Span<byte> secret = stackalloc byte[VaultSecret.Size];
        entry.Secret.Write(secret);
        Span<byte> associated = stackalloc byte[Id128.Size + NonceOffset];
        WriteAssociated(associated, vault, target);
        cipher.Encrypt(key, nonce, associated, secret, target[SecretOffset..TagOffset], target[TagOffset..ChecksumOffset]);
        CryptographicOperations.ZeroMemory(secret);
        BinaryPrimitives.WriteUInt32LittleEndian(target[ChecksumOffset..], Crc32C.Compute(target[..ChecksumOffset]));
    }

    /// <summary>True when the bytes of an entry are those that were written.</summary>
    public static bool IsSound(ReadOnlySpan<byte> entry) =>
        BinaryPrimitives.ReadUInt32LittleEndian(entry[ChecksumOffset..]) == Crc32C.Compute(entry[..ChecksumOffset]) && entry[0] is >= (byte)VaultEntryKind.Person and <= (byte)VaultEntryKind.DestroyedConversation;

    /// <summary>Reads a sound entry; false when it is not of this vault.</summary>
    public static bool TryReadEntry(ReadOnlySpan<byte> source, UInt128 vault, ReadOnlySpan<byte> key, Aes256Gcm cipher, out VaultEntry entry)
    {
        Span<byte> associated = stackalloc byte[Id128.Size + NonceOffset];
        WriteAssociated(associated, vault, source);
        Span<byte> secret = stackalloc byte[VaultSecret.Size];
        bool isRead = cipher.TryDecrypt(key, source[NonceOffset..SecretOffset], associated, source[SecretOffset..TagOffset], source[TagOffset..ChecksumOffset], secret);
        entry = new VaultEntry((VaultEntryKind)source[0], Id128.Read(source[IdOffset..]), VaultSecret.Read(secret));
        CryptographicOperations.ZeroMemory(secret);
        return isRead;
    }

    private static void WriteAssociated(Span<byte> target, UInt128 vault, ReadOnlySpan<byte> entry)
    {
        Id128.Write(target, vault);
        entry[..NonceOffset].CopyTo(target[Id128.Size..]);
    }
}
