using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FastChat.Storage;

/// <summary>
/// AES-256-GCM (NIST SP 800-38D) with another key for every call and without an allocation: nonce of 96 bits, tag of 128. One thread at a time.
/// <para>
/// The platform's <see cref="AesGcm"/> is an object with a native context for each key. Each person has a key in each conversation, so that would be a finalized object and a kilobyte and more of native memory for each of
/// tens of thousands of pairs, or an allocation per message. libcrypto's own functions give one context any number of keys. They are its public interface since 1.1 (EVP); where they are missing the platform's class is used, with
/// the same bytes.
/// </para>
/// </summary>
internal sealed unsafe class Aes256Gcm : IDisposable
{
    public const int KeySize = 32;
    public const int NonceSize = 12;
    public const int TagSize = 16;

    private const int GetTag = 0x10;
    private const int SetTag = 0x11;

    private static readonly delegate* unmanaged<void*> s_new;
    private static readonly delegate* unmanaged<void*, void> s_free;
    private static readonly delegate* unmanaged<void*, void*, void*, byte*, byte*, int, int> s_begin;
    private static readonly delegate* unmanaged<void*, byte*, int*, byte*, int, int> s_update;
    private static readonly delegate* unmanaged<void*, byte*, int*, int> s_end;
    private static readonly delegate* unmanaged<void*, int, int, void*, int> s_control;
    private static readonly void* s_cipher;

    private void* _context;

    static Aes256Gcm()
    {
        // The library that the platform itself uses and has loaded already.
        if (OperatingSystem.IsLinux()
            && NativeLibrary.TryLoad("libcrypto.so.3", out nint library)
            && NativeLibrary.TryGetExport(library, "EVP_aes_256_gcm", out nint cipher)
            && NativeLibrary.TryGetExport(library, "EVP_CIPHER_CTX_new", out nint create)
            && NativeLibrary.TryGetExport(library, "EVP_CIPHER_CTX_free", out nint free)
            && NativeLibrary.TryGetExport(library, "EVP_CipherInit_ex", out nint begin)
            && NativeLibrary.TryGetExport(library, "EVP_CipherUpdate", out nint update)
            && NativeLibrary.TryGetExport(library, "EVP_CipherFinal_ex", out nint end)
            && NativeLibrary.TryGetExport(library, "EVP_CIPHER_CTX_ctrl", out nint control))
        {
            s_new = (delegate* unmanaged<void*>)create;
            s_free = (delegate* unmanaged<void*, void>)free;
            s_begin = (delegate* unmanaged<void*, void*, void*, byte*, byte*, int, int>)begin;
            s_update = (delegate* unmanaged<void*, byte*, int*, byte*, int, int>)update;
            s_end = (delegate* unmanaged<void*, byte*, int*, int>)end;
            s_control = (delegate* unmanaged<void*, int, int, void*, int>)control;
            s_cipher = ((delegate* unmanaged<void*>)cipher)();
        }
    }

    /// <param name="isDirect">False takes the platform's way in any case. For tests.</param>
    public Aes256Gcm(bool isDirect = true)
    {
        if (!isDirect || s_cipher == null)
        {
            return;
        }

        // The cipher once: looking it up costs more than a message.
        _context = s_new();
        if (_context == null || s_begin(_context, s_cipher, null, null, null, 1) != 1)
        {
            throw new CryptographicException("libcrypto gives no context for AES-256-GCM");
        }
    }

    ~Aes256Gcm() => Free();

    /// <summary>True when libcrypto is called directly.</summary>
    public bool IsDirect => _context != null;

    /// <summary>Writes the ciphertext, as long as the plaintext, and the tag.</summary>
    public void Encrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag)
    {
        ThrowUnless(key.Length == KeySize && nonce.Length == NonceSize && tag.Length == TagSize && ciphertext.Length == plaintext.Length);
        if (_context == null)
        {
            using AesGcm platform = new(key, TagSize);
            platform.Encrypt(nonce, plaintext, ciphertext, tag, associated);
            return;
        }

        fixed (byte* tagBytes = tag)
        {
            if (!Run(1, key, nonce, associated, plaintext, ciphertext, null) || s_control(_context, GetTag, TagSize, tagBytes) != 1)
            {
                throw new CryptographicException("libcrypto refused to encrypt");
            }
        }
    }

    /// <summary>Writes the plaintext; false, with nothing left in it, when key, nonce, associated bytes, ciphertext and tag do not belong together.</summary>
    public bool TryDecrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext)
    {
        ThrowUnless(key.Length == KeySize && nonce.Length == NonceSize && tag.Length == TagSize && ciphertext.Length == plaintext.Length);
        if (_context == null)
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
            return s_begin(_context, null, null, keyBytes, nonceBytes, isEncrypting) == 1
                && (tag == null || s_control(_context, SetTag, TagSize, tag) == 1)
                && (associated.IsEmpty || s_update(_context, null, &written, associatedBytes, associated.Length) == 1)
                && (source.IsEmpty || s_update(_context, targetBytes, &written, sourceBytes, source.Length) == 1)
                && s_end(_context, rest, &written) == 1;
        }
    }

    private void Free()
    {
        if (_context != null)
        {
            s_free(_context);
            _context = null;
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
