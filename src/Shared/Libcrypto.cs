using System.Runtime.InteropServices;

namespace FastChat.Shared;

/// <summary>
/// What is asked of OpenSSL 3's libcrypto, the library that .NET itself uses on Linux, to encrypt with very many keys: one cipher context takes any number of them, where the platform's classes are an object with native memory for
/// each. Its public interface since 1.1 (EVP). Functions give 1 when it went well.
/// </summary>
internal static unsafe partial class Libcrypto
{
    /// <summary>For <see cref="Control"/>: gives the tag of what was encrypted.</summary>
    public const int GetTag = 0x10;

    /// <summary>For <see cref="Control"/>: takes the tag of what is decrypted.</summary>
    public const int SetTag = 0x11;

    private const string Library = "libcrypto.so.3";

    private static readonly Lazy<bool> s_isLoaded = new(static () => OperatingSystem.IsLinux() && NativeLibrary.TryLoad(Library, out _));

    /// <summary>True where the library is.</summary>
    public static bool IsSupported => s_isLoaded.Value;

    [LibraryImport(Library, EntryPoint = "EVP_aes_128_gcm")]
    public static partial nint Aes128Gcm();

    [LibraryImport(Library, EntryPoint = "EVP_aes_256_gcm")]
    public static partial nint Aes256Gcm();

    [LibraryImport(Library, EntryPoint = "EVP_chacha20_poly1305")]
    public static partial nint ChaCha20Poly1305();

    /// <summary>A context; 0 when there is no memory. <see cref="Free"/> ends it.</summary>
    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_new")]
    public static partial nint New();

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_free")]
    public static partial void Free(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_ctrl")]
    public static partial int Control(nint context, int command, int number, byte* bytes);

    /// <summary>Begins with a cipher, a key, a nonce: what is null or 0 stays what it was.</summary>
    [LibraryImport(Library, EntryPoint = "EVP_CipherInit_ex")]
    public static partial int Begin(nint context, nint cipher, nint engine, byte* key, byte* nonce, int isEncrypting);

    /// <summary>Takes bytes; associated ones when there is no <paramref name="target"/>.</summary>
    [LibraryImport(Library, EntryPoint = "EVP_CipherUpdate")]
    public static partial int Update(nint context, byte* target, int* written, byte* source, int size);

    [LibraryImport(Library, EntryPoint = "EVP_CipherFinal_ex")]
    public static partial int Finish(nint context, byte* target, int* written);
}
