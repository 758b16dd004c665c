using System.Security.Cryptography;
using System.Text;

namespace FastChat.Storage;

/// <summary>A master key of 32 bytes in a file that its owner alone can read: 64 hexadecimal digits, or base64. Wrapped: nonce (12) ‖ ciphertext ‖ tag (16), AES-256-GCM.</summary>
public sealed class FileMasterKey : MasterKey
{
    private const int FileSizeMax = 1024;

    private readonly byte[] _key;
    private readonly string _path;

    private FileMasterKey(byte[] key, string path)
    {
        _key = key;
        _path = path;
    }

    private static ReadOnlySpan<byte> Associated => "FastChat vault key"u8;

    /// <summary>Reads the file.</summary>
    /// <exception cref="StoreOpenException">It is not there, holds no key, or others can read it.</exception>
    public static FileMasterKey Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode)0b000_111_111) != 0)
            {
                throw new StoreOpenException($"Others can read the key file {path}: make it its owner's alone (chmod 600).");
            }

            if (new FileInfo(path).Length > FileSizeMax)
            {
                throw new StoreOpenException($"{path} is too large for a key file.");
            }

            return new FileMasterKey(Parse(File.ReadAllText(path, Encoding.ASCII).Trim()) ?? throw new StoreOpenException($"{path} holds no key: 32 bytes as 64 hexadecimal digits, or as base64."), path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StoreOpenException($"The key file cannot be read: {failure.Message}", failure);
        }
    }

    /// <inheritdoc/>
    public override byte[] Wrap(ReadOnlySpan<byte> key)
    {
        byte[] wrapped = new byte[Aes256Gcm.NonceSize + key.Length + Aes256Gcm.TagSize];
        Span<byte> nonce = wrapped.AsSpan(0, Aes256Gcm.NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using Aes256Gcm cipher = new();
        cipher.Encrypt(_key, nonce, Associated, key, wrapped.AsSpan(Aes256Gcm.NonceSize, key.Length), wrapped.AsSpan(Aes256Gcm.NonceSize + key.Length));
        return wrapped;
    }

    /// <inheritdoc/>
    public override byte[] Unwrap(ReadOnlySpan<byte> wrapped)
    {
        byte[] key = new byte[Math.Max(wrapped.Length - Aes256Gcm.NonceSize - Aes256Gcm.TagSize, 0)];
        using Aes256Gcm cipher = new();
        return key.Length == Aes256Gcm.KeySize
            && cipher.TryDecrypt(_key, wrapped[..Aes256Gcm.NonceSize], Associated, wrapped[Aes256Gcm.NonceSize..^Aes256Gcm.TagSize], wrapped[^Aes256Gcm.TagSize..], key)
            ? key
            : throw new StoreOpenException($"The key in {_path} is not the one that the vault was made with.");
    }

    private static byte[]? Parse(string text)
    {
        byte[] key = new byte[Aes256Gcm.KeySize];
        if (text.Length == 2 * key.Length)
        {
            return Convert.FromHexString(text, key, out _, out _) == System.Buffers.OperationStatus.Done ? key : null;
        }

        return Convert.TryFromBase64String(text, key, out int size) && size == key.Length ? key : null;
    }
}
