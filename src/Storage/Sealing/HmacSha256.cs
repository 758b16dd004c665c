namespace FastChat.Storage;

/// <summary>HMAC-SHA-256 (RFC 2104, FIPS 198-1) of up to <see cref="MessageSizeMax"/> bytes with a key of 32. Any thread, no allocation: see <see cref="Sha256"/> for what the platform's way costs.</summary>
internal static class HmacSha256
{
    public const int KeySize = 32;
    public const int MessageSizeMax = 192;

    private const int BlockSize = 64;

    /// <summary>Writes 32 bytes to <paramref name="target"/>.</summary>
    public static void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, Span<byte> target)
    {
        if (key.Length != KeySize || message.Length > MessageSizeMax)
        {
            throw new ArgumentException($"the key has {KeySize} bytes, the message up to {MessageSizeMax}");
        }

        Span<byte> input = stackalloc byte[BlockSize + MessageSizeMax];
        Pad(key, 0x36, input);
        message.CopyTo(input[BlockSize..]);
        Span<byte> inner = stackalloc byte[Sha256.Size];
        Sha256.Hash(input[..(BlockSize + message.Length)], inner);
        Pad(key, 0x5c, input);
        inner.CopyTo(input[BlockSize..]);
        Sha256.Hash(input[..(BlockSize + Sha256.Size)], target);
    }

    private static void Pad(ReadOnlySpan<byte> key, byte pad, Span<byte> target)
    {
        target[..BlockSize].Fill(pad);
        for (int i = 0; i < KeySize; i++)
        {
            target[i] ^= key[i];
        }
    }
}
