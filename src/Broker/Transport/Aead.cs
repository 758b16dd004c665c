using FastChat.Shared;

namespace FastChat.Broker.Transport;

/// <summary>The ciphers of TLS records that this broker speaks: authenticated ones, with a nonce of 12 bytes and a tag of 16.</summary>
internal enum AeadCipher : byte
{
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

/// <summary>
/// Seals and opens one record at a time, with a thread's own cipher contexts: a key is loaded into one for each record that another connection did not leave there, which costs less than half a microsecond, and so a connection holds
/// its key's bytes and not a kilobyte of prepared cipher for each direction. Any thread.
/// </summary>
internal sealed unsafe class Aead
{
    /// <summary>Bytes of a tag.</summary>
    public const int TagSize = 16;

    /// <summary>Bytes of a nonce.</summary>
    public const int NonceSize = 12;

    private const int CipherCount = 3;

    [ThreadStatic]
    private static Aead? t_own;

    private readonly nint[] _contexts = new nint[2 * CipherCount];
    private readonly object?[] _keyOf = new object?[2 * CipherCount];

    private Aead()
    {
    }

    /// <summary>Frees the contexts of a thread that has ended.</summary>
    ~Aead()
    {
        foreach (nint context in _contexts)
        {
            Libcrypto.Free(context);
        }
    }

    /// <summary>Bytes of a key.</summary>
    public static int KeySize(AeadCipher cipher) => cipher == AeadCipher.Aes128Gcm ? 16 : 32;

    /// <summary>Encrypts <paramref name="plain"/>, and <paramref name="last"/> behind it unless it is 0, to <paramref name="target"/>, with the tag at the end.</summary>
    /// <param name="owner">Whose key it is: the same owner has the same key.</param>
    public static void Seal(AeadCipher cipher, object owner, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> header, ReadOnlySpan<byte> plain, byte last, Span<byte> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length, plain.Length + (last != 0 ? 1 : 0) + TagSize, nameof(target));
        nint context = (t_own ??= new Aead()).Prepare(cipher, owner, key, nonce, isSealing: true);
        int written;
        int more = 0;
        fixed (byte* head = header, source = plain, sealedBytes = target)
        {
            Check(Libcrypto.Update(context, null, &written, head, header.Length));
            Check(Libcrypto.Update(context, sealedBytes, &written, source, plain.Length));
            if (last != 0)
            {
                Check(Libcrypto.Update(context, sealedBytes + written, &more, &last, 1));
            }

            byte* tag = sealedBytes + written + more;
            Check(Libcrypto.Finish(context, tag, &written));
            Check(Libcrypto.Control(context, Libcrypto.GetTag, TagSize, tag));
        }
    }

    /// <summary>Decrypts <paramref name="bytes"/> where they lie, all but the tag at their end; false when they are not what the owner of the key sealed.</summary>
    /// <param name="owner">Whose key it is: the same owner has the same key.</param>
    public static bool TryOpen(AeadCipher cipher, object owner, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> header, Span<byte> bytes)
    {
        nint context = (t_own ??= new Aead()).Prepare(cipher, owner, key, nonce, isSealing: false);
        int written;
        fixed (byte* head = header, body = bytes)
        {
            int size = bytes.Length - TagSize;
            Check(Libcrypto.Update(context, null, &written, head, header.Length));
            bool isWhole = Libcrypto.Update(context, body, &written, body, size) == 1
                && Libcrypto.Control(context, Libcrypto.SetTag, TagSize, body + size) == 1
                && Libcrypto.Finish(context, body + size, &written) == 1;
            if (!isWhole)
            {
                Libssl.ClearErrors();
            }

            return isWhole;
        }
    }

    private nint Prepare(AeadCipher cipher, object owner, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, bool isSealing)
    {
        int index = (2 * (int)cipher) + (isSealing ? 1 : 0);
        if (_contexts[index] == 0)
        {
            _contexts[index] = Libcrypto.New();
            Check(Libcrypto.Begin(_contexts[index], Algorithm(cipher), 0, null, null, isSealing ? 1 : 0));
        }

        fixed (byte* keyBytes = key, nonceBytes = nonce)
        {
            // A key's schedule is what costs: it is kept while the same connection goes on.
            byte* loaded = ReferenceEquals(_keyOf[index], owner) ? null : keyBytes;
            Check(Libcrypto.Begin(_contexts[index], 0, 0, loaded, nonceBytes, isSealing ? 1 : 0));
        }

        _keyOf[index] = owner;
        return _contexts[index];
    }

    private static nint Algorithm(AeadCipher cipher) => cipher switch
    {
        AeadCipher.Aes128Gcm => Libcrypto.Aes128Gcm(),
        AeadCipher.Aes256Gcm => Libcrypto.Aes256Gcm(),
        _ => Libcrypto.ChaCha20Poly1305(),
    };

    private static void Check(int result)
    {
        if (result != 1)
        {
            throw new IOException($"a record's cipher failed: {Libssl.TakeError()}");
        }
    }
}
