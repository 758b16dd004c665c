using System.Security.Cryptography;
using System.Text;

namespace FastChat.Protocol;

/// <summary>
/// The keys of SCRAM-SHA-256 (RFC 5802 §3, RFC 7677), and what is signed with them. A password is its bytes in UTF-8, as it was given: nothing is normalised, so that every verifier of an account takes the same password. Whoever has the stored key can check a proof and cannot make one.
/// </summary>
/// <param name="ClientKey">What a proof is made with; empty for who only checks. Keep it secret.</param>
/// <param name="StoredKey">Its hash, what a proof is checked with.</param>
/// <param name="ServerKey">What the broker shows that it knows the account with.</param>
public sealed record ScramKeys(byte[] ClientKey, byte[] StoredKey, byte[] ServerKey)
{
    /// <summary>Bytes of a key, a proof and a signature.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    /// <summary>Derives the keys of a password. This is what takes its time.</summary>
    public static ScramKeys Derive(string password, ReadOnlySpan<byte> salt, int iterations)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(password);
        byte[] salted = Rfc2898DeriveBytes.Pbkdf2(bytes, salt, iterations, HashAlgorithmName.SHA256, Size);
        byte[] clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        ScramKeys keys = new(clientKey, SHA256.HashData(clientKey), HMACSHA256.HashData(salted, "Server Key"u8));
        CryptographicOperations.ZeroMemory(bytes);
        CryptographicOperations.ZeroMemory(salted);
        return keys;
    }

    /// <summary>Proves the client key over an exchange, to whoever knows its hash.</summary>
    public byte[] Prove(string authMessage) => Exclusive(ClientKey, HMACSHA256.HashData(StoredKey, Encoding.UTF8.GetBytes(authMessage)));

    /// <summary>True when a proof was made over this exchange by who knows the client key of this hash.</summary>
    public static bool IsProof(ReadOnlySpan<byte> storedKey, string authMessage, ReadOnlySpan<byte> proof) =>
        proof.Length == Size && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Exclusive(proof, HMACSHA256.HashData(storedKey, Encoding.UTF8.GetBytes(authMessage)))), storedKey);

    /// <summary>What the broker shows in turn.</summary>
    public static byte[] Sign(ReadOnlySpan<byte> serverKey, string authMessage) => HMACSHA256.HashData(serverKey, Encoding.UTF8.GetBytes(authMessage));

    /// <summary>Nothing of them.</summary>
    public override string ToString() => nameof(ScramKeys);

    private static byte[] Exclusive(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        byte[] result = new byte[Size];
        for (int i = 0; i < Size; i++)
        {
            result[i] = (byte)(one[i] ^ other[i]);
        }

        return result;
    }
}
