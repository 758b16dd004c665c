using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FastChat.Storage;

/// <summary>
/// SHA-256 (FIPS 180-4) of a few hundred bytes, twice for every message: its body, and its link of the hash chain. Any thread, no allocation.
/// <para>
/// <see cref="SHA256.HashData(ReadOnlySpan{byte}, Span{byte})"/> makes, looks up and frees an OpenSSL context for each call: 505 ns for 128 bytes, of which 380 are not hashing; a context that is
/// kept (IncrementalHash) still costs 415. OpenSSL's own three functions of SHA-256 work on a structure of the caller's and cost 123 (2-core AMD EPYC, Debian 12, 2026-11-24;
/// bench/Micro, HashBenchmarks). They have been in every libcrypto since 0.9 and are marked deprecated in 3.x, so where they are missing the platform's way is taken; the
/// results are the same bytes.
/// </para>
/// </summary>
public static unsafe class Sha256
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = 32;

    /// <summary>OpenSSL's SHA256_CTX has 112 bytes on every 64-bit platform; more does no harm.</summary>
    private const int ContextSize = 256;

    private static readonly delegate* unmanaged<void*, int> s_begin;
    private static readonly delegate* unmanaged<void*, void*, nuint, int> s_update;
    private static readonly delegate* unmanaged<void*, void*, int> s_end;

    static Sha256()
    {
        // The library that the platform itself uses and has loaded already.
        if (OperatingSystem.IsLinux()
            && NativeLibrary.TryLoad("libcrypto.so.3", out nint library)
            && NativeLibrary.TryGetExport(library, "SHA256_Init", out nint begin)
            && NativeLibrary.TryGetExport(library, "SHA256_Update", out nint update)
            && NativeLibrary.TryGetExport(library, "SHA256_Final", out nint end))
        {
            s_begin = (delegate* unmanaged<void*, int>)begin;
            s_update = (delegate* unmanaged<void*, void*, nuint, int>)update;
            s_end = (delegate* unmanaged<void*, void*, int>)end;
        }
    }

    /// <summary>True when OpenSSL is called directly.</summary>
    public static bool IsDirect => s_begin != null;

    /// <summary>Writes the hash of <paramref name="source"/> to the first 32 bytes of <paramref name="target"/>.</summary>
    /// <exception cref="ArgumentException">The target is shorter.</exception>
    public static void Hash(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (target.Length < Size)
        {
            throw new ArgumentException($"A hash has {Size} bytes.", nameof(target));
        }

        if (s_begin == null)
        {
            SHA256.HashData(source, target);
            return;
        }

        byte* context = stackalloc byte[ContextSize];
        fixed (byte* bytes = source)
        fixed (byte* hash = target)
        {
            if (s_begin(context) != 1 || s_update(context, bytes, (nuint)source.Length) != 1 || s_end(hash, context) != 1)
            {
                throw new CryptographicException("libcrypto refused to hash");
            }
        }
    }
}
