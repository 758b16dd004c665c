using System.Buffers.Binary;
using System.Security.Cryptography;

namespace FastChat.History;

/// <summary>
/// What a history says of a body: the first 8 bytes of its SHA-256, so that an erased record, whose body is the SHA-256 of what was erased, still has the hash that it had.
/// 64 bits: among 10 million different bodies two share a hash with a probability of about 3 in a million, and then a swap of just these two goes unseen.
/// </summary>
public static class BodyHash
{
    /// <summary>The hash of a body.</summary>
    public static ulong Of(ReadOnlySpan<byte> body)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(body, hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash);
    }

    /// <summary>The hash of a record's body, erased or not.</summary>
    public static ulong OfRecord(ReadOnlySpan<byte> body, bool isErased) =>
        isErased && body.Length >= sizeof(ulong) ? BinaryPrimitives.ReadUInt64BigEndian(body) : Of(body);
}
