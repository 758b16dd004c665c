using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace FastChat.Broker.Transport;

/// <summary>
/// One direction of a TLS connection: its key, and the number of the next record. Replaced as a whole when the key changes, so that its identity is the key's. One reader or writer at a time.
/// <code>
/// TLS 1.3 (RFC 8446 §5.2, §5.3)          TLS 1.2 (RFC 5246 §6.2.3.3, RFC 5288 §3, RFC 7905 §2)
/// header   23, 3, 3, size                header   type, 3, 3, size
/// content  sealed(plaintext, type)       content  [8 bytes of nonce, GCM only] sealed(plaintext)
/// nonce    iv XOR number                 nonce    GCM: salt, then the record's 8 bytes; ChaCha20: iv XOR number
/// also     header                        also     number, type, 3, 3, plaintext's size
/// </code>
/// </summary>
internal sealed class RecordKeys
{
    /// <summary>Bytes of a record's header: type, version, size.</summary>
    public const int HeaderSize = 5;

    /// <summary>Bytes that a record may carry.</summary>
    public const int PlainSizeMax = 1 << 14;

    /// <summary>By so much a record may be larger than what it carries, as peers make them: TLS 1.3 allows 256, TLS 1.2's ciphers need 24.</summary>
    public const int ExpansionMax = 256;

    /// <summary>By so much a record of ours is larger than what it carries.</summary>
    public const int Overhead = HeaderSize + ExplicitSize + 1 + Aead.TagSize;

    /// <summary>Records that one key may seal: AES-GCM keeps its margin for 2^24.5 of them (RFC 8446 §5.5).</summary>
    public const ulong RecordsMax = 1UL << 24;

    private const int ExplicitSize = 8;
    private const int SaltSize = 4;
    private const byte ApplicationData = 23;
    private const int SecretSizeMax = 48;

    private readonly AeadCipher _cipher;
    private readonly bool _is13;
    private readonly byte _secretSize;
    private Secret _secret;
    private Secret _key;
    private Nonce _iv;

    private RecordKeys(AeadCipher cipher, bool is13, int secretSize)
    {
        _cipher = cipher;
        _is13 = is13;
        _secretSize = (byte)secretSize;
    }

    /// <summary>The number of the next record.</summary>
    public ulong Number { get; private set; }

    /// <summary>True for TLS 1.3.</summary>
    public bool Is13 => _is13;

    private bool HasExplicitNonce => !_is13 && _cipher != AeadCipher.ChaCha20Poly1305;

    /// <summary>The keys that follow from a traffic secret (RFC 8446 §7.3).</summary>
    /// <param name="secret">32 bytes for SHA-256, 48 for SHA-384.</param>
    public static RecordKeys From13(AeadCipher cipher, ReadOnlySpan<byte> secret)
    {
        RecordKeys keys = new(cipher, is13: true, secret.Length);
        secret.CopyTo(keys._secret);
        ExpandLabel(secret, "key", keys._key[..Aead.KeySize(cipher)]);
        ExpandLabel(secret, "iv", keys._iv[..Aead.NonceSize]);
        return keys;
    }

    /// <summary>The two directions that follow from a master secret, the client's first (RFC 5246 §6.3). Each has sent its Finished under them, so record 1 is next.</summary>
    public static (RecordKeys Client, RecordKeys Server) From12(AeadCipher cipher, HashAlgorithmName hash, ReadOnlySpan<byte> master, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom)
    {
        int keySize = Aead.KeySize(cipher);
        int ivSize = cipher == AeadCipher.ChaCha20Poly1305 ? Aead.NonceSize : SaltSize;
        byte[] block = Expand12(hash, master, [.. "key expansion"u8, .. serverRandom, .. clientRandom], 2 * (keySize + ivSize));
        return (Take(0), Take(1));

        RecordKeys Take(int side)
        {
            RecordKeys keys = new(cipher, is13: false, secretSize: 0) { Number = 1 };
            block.AsSpan(side * keySize, keySize).CopyTo(keys._key);
            block.AsSpan((2 * keySize) + (side * ivSize), ivSize).CopyTo(keys._iv);
            return keys;
        }
    }

    /// <summary>The keys that follow these (RFC 8446 §7.2). TLS 1.3 only.</summary>
    public RecordKeys Next()
    {
        Span<byte> next = stackalloc byte[_secretSize];
        ExpandLabel(_secret[.._secretSize], "traffic upd", next);
        RecordKeys keys = From13(_cipher, next);
        CryptographicOperations.ZeroMemory(next);
        return keys;
    }

    /// <summary>Writes one record to <paramref name="target"/>, which has <see cref="Overhead"/> more than <paramref name="plain"/>, and returns its size.</summary>
    public int Seal(byte type, ReadOnlySpan<byte> plain, Span<byte> target)
    {
        int at = HeaderSize + (HasExplicitNonce ? ExplicitSize : 0);
        int size = at - HeaderSize + plain.Length + (_is13 ? 1 : 0) + Aead.TagSize;
        WriteHeader(target, _is13 ? ApplicationData : type, size);
        Span<byte> nonce = stackalloc byte[Aead.NonceSize];
        if (HasExplicitNonce)
        {
            BinaryPrimitives.WriteUInt64BigEndian(target[HeaderSize..], Number);
        }

        MakeNonce(target[HeaderSize..], nonce);
        Span<byte> also = stackalloc byte[ExplicitSize + HeaderSize];
        Aead.Seal(_cipher, this, _key[..Aead.KeySize(_cipher)], nonce, MakeAlso(target, type, plain.Length, also), plain, _is13 ? type : (byte)0, target[at..(HeaderSize + size)]);
        Number++;
        return HeaderSize + size;
    }

    /// <summary>Opens a whole record where it lies; false when it is not genuine. <paramref name="plain"/> is where its content is then, and <paramref name="type"/> what it is (0 when there is no such thing in it).</summary>
    public bool TryOpen(Span<byte> record, out byte type, out Range plain)
    {
        int at = HeaderSize + (HasExplicitNonce ? ExplicitSize : 0);
        int end = record.Length - Aead.TagSize;
        type = 0;
        plain = default;
        if (end < at)
        {
            return false;
        }

        Span<byte> nonce = stackalloc byte[Aead.NonceSize];
        MakeNonce(record[HeaderSize..], nonce);
        Span<byte> also = stackalloc byte[ExplicitSize + HeaderSize];
        if (!Aead.TryOpen(_cipher, this, _key[..Aead.KeySize(_cipher)], nonce, MakeAlso(record, record[0], end - at, also), record[at..]))
        {
            return false;
        }

        Number++;
        type = record[0];
        if (_is13)
        {
            // The content's type is its last byte that is not 0; zeros behind it are padding.
            int last = record[at..end].LastIndexOfAnyExcept((byte)0);
            type = last < 0 ? (byte)0 : record[at + last];
            end = at + Math.Max(last, 0);
        }

        plain = at..end;
        return true;
    }

    /// <summary>Forgets the key.</summary>
    public void Clear()
    {
        CryptographicOperations.ZeroMemory(_key);
        CryptographicOperations.ZeroMemory(_secret);
    }

    private static void WriteHeader(Span<byte> target, byte type, int size)
    {
        target[0] = type;
        target[1] = 3;
        target[2] = 3;
        BinaryPrimitives.WriteUInt16BigEndian(target[3..], (ushort)size);
    }

    private void MakeNonce(ReadOnlySpan<byte> explicitNonce, Span<byte> nonce)
    {
        ((ReadOnlySpan<byte>)_iv)[..Aead.NonceSize].CopyTo(nonce);
        if (HasExplicitNonce)
        {
            explicitNonce[..ExplicitSize].CopyTo(nonce[SaltSize..]);
            return;
        }

        Span<byte> number = nonce[SaltSize..];
        BinaryPrimitives.WriteUInt64BigEndian(number, BinaryPrimitives.ReadUInt64BigEndian(number) ^ Number);
    }

    /// <summary>What is authenticated beside the content.</summary>
    private ReadOnlySpan<byte> MakeAlso(ReadOnlySpan<byte> header, byte type, int plainSize, Span<byte> target)
    {
        if (_is13)
        {
            return header[..HeaderSize];
        }

        BinaryPrimitives.WriteUInt64BigEndian(target, Number);
        WriteHeader(target[ExplicitSize..], type, plainSize);
        return target;
    }

    private static void ExpandLabel(ReadOnlySpan<byte> secret, string label, Span<byte> target)
    {
        // struct { uint16 length; opaque label<7..255> = "tls13 " + label; opaque context<0..255> = ""; } HkdfLabel
        byte[] info = [0, (byte)target.Length, (byte)("tls13 ".Length + label.Length), .. "tls13 "u8, .. Encoding.ASCII.GetBytes(label), 0];
        HKDF.Expand(secret.Length == SecretSizeMax ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256, secret, target, info);
    }

    /// <summary>P_hash (RFC 5246 §5).</summary>
    private static byte[] Expand12(HashAlgorithmName hash, ReadOnlySpan<byte> secret, byte[] seed, int size)
    {
        List<byte> block = [];
        byte[] link = seed;
        while (block.Count < size)
        {
            link = CryptographicOperations.HmacData(hash, secret, link);
            block.AddRange(CryptographicOperations.HmacData(hash, secret, [.. link, .. seed]));
        }

        return [.. block.Take(size)];
    }

    [InlineArray(SecretSizeMax)]
    private struct Secret
    {
        private byte _first;
    }

    [InlineArray(Aead.NonceSize)]
    private struct Nonce
    {
        private byte _first;
    }
}
