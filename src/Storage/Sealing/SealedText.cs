namespace FastChat.Storage;

/// <summary>
/// A text of somebody's in a conversation that is kept in small state, encrypted as the body of a record is (<see cref="SealedBody"/>): nonce (12) ‖ ciphertext ‖ tag (16), with what the caller says associated. It allocates: it is for
/// what is rare. Any thread.
/// </summary>
internal static class SealedText
{
    /// <summary>Bytes that may be associated.</summary>
    public const int AssociatedSizeMax = HmacSha256.MessageSizeMax - Sha256.Size;

    public static byte[] Seal(in BodyKeys keys, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> text)
    {
        byte[] target = new byte[text.Length + SealedBody.Overhead];
        using Aes256Gcm cipher = new();
        SealedBody.Encrypt(target, associated, text, keys, cipher);
        return target;
    }

    public static byte[]? Open(in BodyKeys keys, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> source)
    {
        using Aes256Gcm cipher = new();
        byte[] text = new byte[Math.Max(source.Length - SealedBody.Overhead, 0)];
        return source.Length >= SealedBody.Overhead && SealedBody.TryDecrypt(text, associated, source, keys, cipher) ? text : null;
    }
}
