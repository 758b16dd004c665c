using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace FastChat.Broker.Identity;

/// <summary>How a device signed in when it was made. The numbers are stored.</summary>
internal enum SignInWay : byte
{
    /// <summary>By a token that somebody else made: an operator's file, a service account, or a version that did not note it.</summary>
    Token = 0,

    /// <summary>With a name and a password.</summary>
    Password = 1,

    /// <summary>As an external identity, by a signed token of its issuer.</summary>
    External = 2,
}

/// <summary>
/// A device as it is stored under <c>v</c>: format u8, way u8, name size u8, zero u8, created i64, last seen i64, ends i64 (0 = never), tokens since i64 (all µs), SHA-256 that its family (<c>R</c>) stands under
/// (32; zero = none), SHA-256 of its long token (32; zero = none), name. Of older stores: created i64 µs and no more. Whoever misses it can sign in with none of its tokens: that is how a device is ended.
/// </summary>
internal sealed record StoredDevice(SignInWay Way, long CreatedMicros, string Name)
{
    private const byte Format = 1;
    private const int FixedSize = 36 + (2 * HashSize);
    private const int HashSize = 32;

    private static readonly byte[] NoHash = new byte[HashSize];

    /// <summary>When it last signed in, to the hour.</summary>
    public long LastSeenMicros { get; init; } = CreatedMicros;

    /// <summary>When it ends whatever happens; 0 = never.</summary>
    public long EndsMicros { get; init; }

    /// <summary>Tokens that were made before are worth nothing: the password was given, or changed, since.</summary>
    public long TokensSinceMicros { get; init; }

    /// <summary>Where its family of refresh tokens stands; null when it has none.</summary>
    public byte[]? Family { get; init; }

    /// <summary>Where its long token stands; null when it has none.</summary>
    public byte[]? LongToken { get; init; }

    public byte[] ToBytes()
    {
        byte[] name = Encoding.UTF8.GetBytes(Name);
        byte[] bytes = new byte[FixedSize + name.Length];
        bytes[0] = Format;
        bytes[1] = (byte)Way;
        bytes[2] = (byte)name.Length;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), CreatedMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(12), LastSeenMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(20), EndsMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(28), TokensSinceMicros);
        (Family ?? NoHash).CopyTo(bytes, 36);
        (LongToken ?? NoHash).CopyTo(bytes, 36 + HashSize);
        name.CopyTo(bytes, FixedSize);
        return bytes;
    }

    /// <summary>False when the bytes say nothing about a device.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out StoredDevice? device)
    {
        device = null;
        if (source.Length == sizeof(long))
        {
            device = new StoredDevice(SignInWay.Token, BinaryPrimitives.ReadInt64LittleEndian(source), string.Empty);
        }
        else if (source.Length >= FixedSize && source[0] == Format && source.Length == FixedSize + source[2] && (SignInWay)source[1] <= SignInWay.External)
        {
            device = new StoredDevice((SignInWay)source[1], BinaryPrimitives.ReadInt64LittleEndian(source[4..]), Encoding.UTF8.GetString(source[FixedSize..]))
            {
                LastSeenMicros = BinaryPrimitives.ReadInt64LittleEndian(source[12..]),
                EndsMicros = BinaryPrimitives.ReadInt64LittleEndian(source[20..]),
                TokensSinceMicros = BinaryPrimitives.ReadInt64LittleEndian(source[28..]),
                Family = HashOf(source.Slice(36, HashSize)),
                LongToken = HashOf(source.Slice(36 + HashSize, HashSize)),
            };
        }

        return device is not null;
    }

    private static byte[]? HashOf(ReadOnlySpan<byte> stored) => stored.IndexOfAnyExcept((byte)0) < 0 ? null : stored.ToArray();
}
