using System.Security.Cryptography;

using FastChat.Shared;

namespace FastChat.Storage;

/// <summary>
/// AES-256-GCM (NIST SP 800-38D) with another key for every call and without an allocation: nonce of 96 bits, tag of 128. One thread at a time.
/// <para>
/// The platform's <see cref="AesGcm"/> is an object with a native context for each key. Each person has a key in each conversation, so that would be a finalized object and a kilobyte and more of native memory for each of
/// tens of thousands of pairs, or an allocation per message. <see cref="Libcrypto"/> gives one context any number of keys; where it is missing the platform's class is used, with the same bytes.
/// </para>
/// </summary>
internal sealed unsafe class Aes256Gcm : IDisposable
{
    public const int KeySize = 32;
    public const int NonceSize = 12;
    public const int TagSize = 16;

    private nint _context;

    /// <param name="isDirect">False takes the platform's way in any case. For tests.</param>
    public Aes256Gcm(bool isDirect = true)
    {
        if (!isDirect || !Libcrypto.IsSupported)
        {
            return;
        }

        // The cipher once: looking it up costs more than a message.
        _context = Libcrypto.New();
        if (_context == 0 || Libcrypto.Begin(_context, Libcrypto.Aes256Gcm(), 0, null, null, 1) != 1)
        {
            throw new CryptographicException("libcrypto gives no context for AES-256-GCM");
        }
    }

    ~Aes256Gcm() => Free();

    /// <summary>True when libcrypto is called directly.</summary>
    public bool IsDirect => _context != 0;

    /// <summary>Writes the ciphertext, as long as the plaintext, and the tag.</summary>
    public void Encrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag)
    {
        ThrowUnless(key.Length == KeySize && nonce.Length == NonceSize && tag.Length == TagSize && ciphertext.Length == plaintext.Length);
        if (_context == 0)
        {
            using AesGcm platform = new(key, TagSize);
            platform.Encrypt(nonce, plaintext, ciphertext, tag, associated);
            return;
        }

        fixed (byte* tagBytes = tag)
        {
            if (!Run(1, key, nonce, associated, plaintext, ciphertext, null) || Libcrypto.Control(_context, Libcrypto.GetTag, TagSize, tagBytes) != 1)
            {
                throw new CryptographicException("libcrypto refused to encrypt");
            }
        }
    }

    /// <summary>Writes the plaintext; false, with nothing left in it, when key, nonce, associated bytes, ciphertext and tag do not belong together.</summary>
    public bool TryDecrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext)
    {
        ThrowUnless(key.Length == KeySize && nonce.Length == NonceSize && tag.Length == TagSize && ciphertext.Length == plaintext.Length);
        if (_context == 0)
        {
            try
            {
                using AesGcm platform = new(key, TagSize);
                platform.Decrypt(nonce, ciphertext, tag, plaintext, associated);
                return true;
            }
            catch (AuthenticationTagMismatchException)
            {
                return false;
            }
        }

        fixed (byte* tagBytes = tag)
        {
            bool isRight = Run(0, key, nonce, associated, ciphertext, plaintext, tagBytes);
            if (!isRight)
            {
                plaintext.Clear();
            }

            return isRight;
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private bool Run(int isEncrypting, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> source, Span<byte> target, byte* tag)
    {
        int written = 0;
        byte* rest = stackalloc byte[TagSize];
        fixed (byte* keyBytes = key, nonceBytes = nonce, associatedBytes = associated, sourceBytes = source, targetBytes = target)
        {
            return Libcrypto.Begin(_context, 0, 0, keyBytes, nonceBytes, isEncrypting) == 1
                && (tag == null || Libcrypto.Control(_context, Libcrypto.SetTag, TagSize, tag) == 1)
                && (associated.IsEmpty || Libcrypto.Update(_context, null, &written, associatedBytes, associated.Length) == 1)
                && (source.IsEmpty || Libcrypto.Update(_context, targetBytes, &written, sourceBytes, source.Length) == 1)
                && Libcrypto.Finish(_context, rest, &written) == 1;
        }
    }

    private void Free()
    {
        if (_context != 0)
        {
            Libcrypto.Free(_context);
            _context = 0;
        }
    }

    private static void ThrowUnless(bool fits)
    {
        if (!fits)
        {
            throw new ArgumentException("AES-256-GCM: key of 32 bytes, nonce of 12, tag of 16, texts of one length");
        }
    }
}
