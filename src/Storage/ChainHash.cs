using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Storage;

/// <summary>
/// The hash chain of a conversation: H₀ = 0, Hₙ = SHA-256(Hₙ₋₁ ‖ header of record n ‖ SHA-256(body of record n)), where header is bytes
/// [8, body) of the record. Every node that holds the log computes the same value (P19), a rolled back or edited log shows, and a
/// tombstone that keeps the body's hash keeps the chain.
/// </summary>
public readonly record struct ChainHash(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>Bytes of the hash.</summary>
    public const int Size = 32;

    /// <summary>Reads 32 bytes.</summary>
    public static ChainHash Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt64BigEndian(source),
        BinaryPrimitives.ReadUInt64BigEndian(source[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(source[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(source[24..]));

    /// <summary>Writes 32 bytes.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, A);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], B);
        BinaryPrimitives.WriteUInt64BigEndian(target[16..], C);
        BinaryPrimitives.WriteUInt64BigEndian(target[24..], D);
    }

    /// <summary>The chain behind <paramref name="record"/>.</summary>
    public ChainHash Next(in MessageRecord record)
    {
        Span<byte> bodyHash = stackalloc byte[Size];
        if ((record.Flags & RecordFlags.Erased) != 0)
        {
            record.Body[..Size].CopyTo(bodyHash);
        }
        else
        {
            Sha256.Hash(record.Body, bodyHash);
        }

        return Next(record, bodyHash);
    }

    /// <summary>The chain behind <paramref name="record"/> when the SHA-256 of its body is known already.</summary>
    public ChainHash Next(in MessageRecord record, ReadOnlySpan<byte> bodyHash)
    {
        // Header bytes [8, body): at most 60 + a publisher's 16. The erased flag is left out, so that erasing keeps the chain.
        ReadOnlySpan<byte> header = record.Bytes[8..^record.Body.Length];
        Span<byte> input = stackalloc byte[Size + 76 + Size];
        Write(input);
        header.CopyTo(input[Size..]);
        input[Size + 65 - 8] &= unchecked((byte)~RecordFlags.Erased);
        bodyHash.CopyTo(input[(Size + header.Length)..]);

        Span<byte> output = stackalloc byte[Size];
        Sha256.Hash(input[..(Size + header.Length + Size)], output);
        return Read(output);
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
