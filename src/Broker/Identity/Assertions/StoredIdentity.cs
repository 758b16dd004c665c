using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Identity;

/// <summary>
/// Who somebody is elsewhere: a subject of an issuer, or a certificate's name (no issuer). Stored with the account under <c>F</c> and the user: format u8, zero u8, issuer size u16, since i64 µs (assertions that were issued before are worth nothing), issuer, subject. Found by it under
/// <c>J</c> and <see cref="Hash"/>: format u8, zero (3), user (16; zero = the person was erased).
/// </summary>
internal sealed record StoredIdentity(string Issuer, string Subject)
{
    private const byte Format = 1;
    private const int FixedSize = 12;
    private const int PointerSize = 20;

    /// <summary>Assertions that were issued up to then are worth nothing: a device was signed out.</summary>
    public long SinceMicros { get; init; }

    /// <summary>What the identity is found by. The sizes stand in front: no two pairs run together to the same bytes.</summary>
    public byte[] Hash
    {
        get
        {
            byte[] issuer = Encoding.UTF8.GetBytes(Issuer);
            byte[] size = new byte[sizeof(int)];
            BinaryPrimitives.WriteInt32BigEndian(size, issuer.Length);
            return SHA256.HashData([.. size, .. issuer, .. Encoding.UTF8.GetBytes(Subject)]);
        }
    }

    /// <summary>Where it is found.</summary>
    public byte[] PointerKey
    {
        get
        {
            byte[] key = new byte[StateKeys.IdentitySize];
            StateKeys.WriteIdentity(key, Hash);
            return key;
        }
    }

    /// <summary>Where it stands with its account.</summary>
    public static byte[] KeyOf(UserId user)
    {
        byte[] key = new byte[StateKeys.AccountSize];
        StateKeys.WriteIdentityOf(key, user);
        return key;
    }

    /// <summary>What stands under <see cref="PointerKey"/>; no user: the person was erased, and is not to come back by signing in.</summary>
    public static byte[] Pointer(UserId user)
    {
        byte[] bytes = new byte[PointerSize];
        bytes[0] = Format;
        user.Write(bytes.AsSpan(4));
        return bytes;
    }

    /// <summary>False when the bytes are no pointer.</summary>
    public static bool TryParsePointer(ReadOnlySpan<byte> source, out UserId user)
    {
        bool isPointer = source.Length == PointerSize && source[0] == Format;
        user = isPointer ? UserId.Read(source[4..]) : default;
        return isPointer;
    }

    /// <summary>What stands under <see cref="KeyOf"/>.</summary>
    public byte[] ToBytes()
    {
        byte[] issuer = Encoding.UTF8.GetBytes(Issuer);
        byte[] subject = Encoding.UTF8.GetBytes(Subject);
        byte[] bytes = new byte[FixedSize + issuer.Length + subject.Length];
        bytes[0] = Format;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), (ushort)issuer.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), SinceMicros);
        issuer.CopyTo(bytes, FixedSize);
        subject.CopyTo(bytes, FixedSize + issuer.Length);
        return bytes;
    }

    /// <summary>False when the bytes are no identity.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out StoredIdentity? identity)
    {
        identity = null;
        int size = source.Length > FixedSize && source[0] == Format ? BinaryPrimitives.ReadUInt16LittleEndian(source[2..]) : int.MaxValue;
        if (size < source.Length - FixedSize)
        {
            identity = new StoredIdentity(Encoding.UTF8.GetString(source.Slice(FixedSize, size)), Encoding.UTF8.GetString(source[(FixedSize + size)..]))
            {
                SinceMicros = BinaryPrimitives.ReadInt64LittleEndian(source[4..]),
            };
        }

        return identity is not null;
    }

    /// <summary>Nobody's subject.</summary>
    public override string ToString() => $"an identity of {Issuer}";
}
