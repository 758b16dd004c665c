using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>
/// A refresh token's text: <c>fr1_</c> and, in Base64url, 32 random bytes that its family keeps and 32 that change with each step. By the first half a token that was used long ago still says whose it was, so a family is one record
/// however old it is, and nobody who does not hold a token can have it ended.
/// </summary>
internal readonly record struct RefreshToken(byte[] Family, byte[] Step)
{
    private const string Prefix = "fr1_";
    private const int HalfSize = 32;

    /// <summary>The first token of a family.</summary>
    public static RefreshToken New(RandomSource random)
    {
        byte[] family = new byte[HalfSize];
        byte[] step = new byte[HalfSize];
        random.Fill(family);
        random.Fill(step);
        return new RefreshToken(family, step);
    }

    /// <summary>False when the text is no refresh token.</summary>
    public static bool TryParse(string text, out RefreshToken token)
    {
        token = default;
        Span<byte> bytes = stackalloc byte[2 * HalfSize];
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) || text.Length != Prefix.Length + Base64Url.GetEncodedLength(bytes.Length)
            || !Base64Url.IsValid(text.AsSpan(Prefix.Length)) || !Base64Url.TryDecodeFromChars(text.AsSpan(Prefix.Length), bytes, out int size) || size != bytes.Length)
        {
            return false;
        }

        token = new RefreshToken(bytes[..HalfSize].ToArray(), bytes[HalfSize..].ToArray());
        return true;
    }

    /// <summary>
    /// The token that follows this one, and the access token that comes with it. Whoever has this token can be given them again, although the broker keeps neither of them: it keeps the salt, which is worth nothing without this token.
    /// </summary>
    public (RefreshToken Next, string Access) Follow(ReadOnlySpan<byte> salt)
    {
        byte[] step = HMACSHA256.HashData(Step, (byte[])[.. "refresh"u8, .. salt]);
        byte[] access = HMACSHA256.HashData(Step, (byte[])[.. "access"u8, .. salt]);
        return (new RefreshToken(Family, step), Accounts.TokenText(access));
    }

    /// <summary>What the family stands under.</summary>
    public byte[] FamilyHash => SHA256.HashData(Family);

    /// <summary>What this step is known by.</summary>
    public byte[] StepHash => SHA256.HashData(Step);

    /// <summary>The text.</summary>
    public string Text => Prefix + Base64Url.EncodeToString([.. Family, .. Step]);

    /// <summary>Never the token.</summary>
    public override string ToString() => "a refresh token";
}

/// <summary>
/// A family of refresh tokens as it is stored under <c>R</c> and the SHA-256 of its half of them: format u8, used u8, zero u16, generation u32, user (16), device u64, renewed i64 µs, then five times 32 bytes: SHA-256 of the
/// current and of the previous step, the salt that led from one to the other, SHA-256 of the current and of the previous access token (zero = none).
/// </summary>
/// <param name="User">Whose it is.</param>
/// <param name="Device">The device that it belongs to.</param>
/// <param name="Generation">Steps, from 1.</param>
/// <param name="RenewedMicros">When the current step was made.</param>
internal sealed record StoredFamily(UserId User, DeviceId Device, uint Generation, long RenewedMicros)
{
    public const int HashSize = 32;

    private const byte Format = 1;
    private const int FixedSize = 40;
    private const int Size = FixedSize + (5 * HashSize);

    /// <summary>What the current step brought was used by somebody: the step before it is not answered any more.</summary>
    public bool IsUsed { get; init; }

    public byte[] Current { get; init; } = new byte[HashSize];

    public byte[] Previous { get; init; } = new byte[HashSize];

    public byte[] Salt { get; init; } = new byte[HashSize];

    public byte[] Access { get; init; } = new byte[HashSize];

    public byte[] PreviousAccess { get; init; } = new byte[HashSize];

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        bytes[0] = Format;
        bytes[1] = IsUsed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Generation);
        User.Write(bytes.AsSpan(8));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), Device.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), RenewedMicros);
        Current.CopyTo(bytes, FixedSize);
        Previous.CopyTo(bytes, FixedSize + HashSize);
        Salt.CopyTo(bytes, FixedSize + (2 * HashSize));
        Access.CopyTo(bytes, FixedSize + (3 * HashSize));
        PreviousAccess.CopyTo(bytes, FixedSize + (4 * HashSize));
        return bytes;
    }

    /// <summary>False when the bytes are no family.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out StoredFamily? family)
    {
        family = source.Length != Size || source[0] != Format ? null : new StoredFamily(
            UserId.Read(source[8..]),
            new DeviceId(BinaryPrimitives.ReadUInt64LittleEndian(source[24..])),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]))
        {
            IsUsed = source[1] != 0,
            Current = source.Slice(FixedSize, HashSize).ToArray(),
            Previous = source.Slice(FixedSize + HashSize, HashSize).ToArray(),
            Salt = source.Slice(FixedSize + (2 * HashSize), HashSize).ToArray(),
            Access = source.Slice(FixedSize + (3 * HashSize), HashSize).ToArray(),
            PreviousAccess = source.Slice(FixedSize + (4 * HashSize), HashSize).ToArray(),
        };
        return family is not null;
    }

    /// <summary>No hash.</summary>
    public override string ToString() => $"family of device {Device} step {Generation}";
}
