using System.Runtime.CompilerServices;
using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The two keys of a person in a conversation: one encrypts bodies, one makes their nonces. HKDF-SHA-256 (RFC 5869) of the person's and the conversation's secret together, so that neither of them alone gives it and the end of
/// either of them ends it. By <see cref="HmacSha256"/>: the platform's HKDF takes five times as long, and where more people write in more conversations than there is room to remember, each message waits for it.
/// </summary>
[InlineArray(Size)]
internal struct BodyKeys
{
    public const int Size = 2 * Aes256Gcm.KeySize;

    private byte _first;

    /// <summary>Encrypts.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public readonly ReadOnlySpan<byte> Body => this[..Aes256Gcm.KeySize];

    /// <summary>Makes nonces.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public readonly ReadOnlySpan<byte> Nonce => this[Aes256Gcm.KeySize..];

    private static ReadOnlySpan<byte> Salt => "FastChat body keys 1"u8;

    /// <summary>Derives them.</summary>
    public static BodyKeys Derive(UserId person, in VaultSecret ofPerson, ConversationId conversation, in VaultSecret ofConversation)
    {
        Span<byte> material = stackalloc byte[2 * VaultSecret.Size];
        ofPerson.Write(material);
        ofConversation.Write(material[VaultSecret.Size..]);
        Span<byte> context = stackalloc byte[2 * Id128.Size];
        person.Write(context);
        conversation.Write(context[Id128.Size..]);
        Span<byte> salt = stackalloc byte[HmacSha256.KeySize];
        salt.Clear();
        Salt.CopyTo(salt);
        Span<byte> extracted = stackalloc byte[Sha256.Size];
        HmacSha256.Compute(salt, material, extracted);

        // Two steps of expanding: T(1) = HMAC(extracted, context ‖ 1), T(2) = HMAC(extracted, T(1) ‖ context ‖ 2).
        BodyKeys keys = default;
        Span<byte> made = keys;
        Span<byte> input = stackalloc byte[Sha256.Size + context.Length + 1];
        context.CopyTo(input[Sha256.Size..]);
        input[^1] = 1;
        HmacSha256.Compute(extracted, input[Sha256.Size..], made);
        made[..Sha256.Size].CopyTo(input);
        input[^1] = 2;
        HmacSha256.Compute(extracted, input, made[Sha256.Size..]);
        CryptographicOperations.ZeroMemory(material);
        CryptographicOperations.ZeroMemory(extracted);
        return keys;
    }
}

/// <summary>32 random bytes that belong to a person or to a conversation.</summary>
internal readonly record struct VaultSecret(UInt128 A, UInt128 B)
{
    public const int Size = 32;

    public static VaultSecret Read(ReadOnlySpan<byte> source) => new(Id128.Read(source), Id128.Read(source[Id128.Size..]));

    public void Write(Span<byte> target)
    {
        Id128.Write(target, A);
        Id128.Write(target[Id128.Size..], B);
    }
}

/// <summary>What has become of the keys of a person in a conversation.</summary>
internal enum BodyKeyState : byte
{
    /// <summary>Neither was made yet, or the vault is older than the store.</summary>
    Missing = 0,

    /// <summary>They are there.</summary>
    Ready = 1,

    /// <summary>The person's or the conversation's secret was destroyed: nobody has them any more, and nobody gets new ones.</summary>
    Destroyed = 2,
}
