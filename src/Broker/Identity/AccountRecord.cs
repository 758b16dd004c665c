using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Identity;

/// <summary>
/// An account as it is stored under <c>a</c>: flags u8 (1 = external, 128 = erased: nobody signs in, and nothing but the id is left), rights u8, name size u8, zero u8, created i64 µs, name, verifier (the rest; none = cannot
/// sign in with a password).
/// </summary>
internal sealed record AccountRecord(string Name, bool IsExternal, AccountRights Rights, long CreatedMicros, string? Verifier)
{
    private const int FixedSize = 12;
    private const byte External = 1;
    private const byte Erased = 128;

    /// <summary>The person was erased.</summary>
    public bool IsErased { get; init; }

    /// <summary>What is left of an account whose person was erased.</summary>
    public static AccountRecord OfErased { get; } = new(string.Empty, false, AccountRights.None, 0, null) { IsErased = true };

    public byte[] ToBytes()
    {
        byte[] name = Encoding.UTF8.GetBytes(Name);
        byte[] verifier = Encoding.ASCII.GetBytes(Verifier ?? string.Empty);
        byte[] bytes = new byte[FixedSize + name.Length + verifier.Length];
        bytes[0] = (byte)((IsExternal ? External : 0) | (IsErased ? Erased : 0));
        bytes[1] = (byte)Rights;
        bytes[2] = (byte)name.Length;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), CreatedMicros);
        name.CopyTo(bytes, FixedSize);
        verifier.CopyTo(bytes, FixedSize + name.Length);
        return bytes;
    }

    /// <summary>False when the bytes say nothing about an account.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, [NotNullWhen(true)] out AccountRecord? account)
    {
        account = source.Length >= FixedSize && source.Length >= FixedSize + source[2] ? Parse(source) : null;
        return account is not null;
    }

    public static AccountRecord Parse(ReadOnlySpan<byte> source)
    {
        int nameSize = source[2];
        ReadOnlySpan<byte> verifier = source[(FixedSize + nameSize)..];
        return new(
            Encoding.UTF8.GetString(source.Slice(FixedSize, nameSize)),
            (source[0] & 1) != 0,
            (AccountRights)source[1],
            BinaryPrimitives.ReadInt64LittleEndian(source[4..]),
            verifier.IsEmpty ? null : Encoding.ASCII.GetString(verifier))
        {
            IsErased = (source[0] & Erased) != 0,
        };
    }

    /// <summary>Never the verifier.</summary>
    public override string ToString() => $"account {Name}";
}

/// <summary>A token as it is stored under the SHA-256 of its text: user (16), device u64, created i64 µs, expires i64 µs (0 = never).</summary>
internal readonly record struct TokenRecord(UserId User, DeviceId Device, long CreatedMicros, long ExpiresMicros)
{
    private const int Size = 40;

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        User.Write(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Device.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), CreatedMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), ExpiresMicros);
        return bytes;
    }

    /// <summary>False when the bytes say nothing about a token.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, out TokenRecord token)
    {
        token = source.Length == Size ? Parse(source) : default;
        return source.Length == Size;
    }

    public static TokenRecord Parse(ReadOnlySpan<byte> source) => new(
        UserId.Read(source),
        new DeviceId(BinaryPrimitives.ReadUInt64LittleEndian(source[16..])),
        BinaryPrimitives.ReadInt64LittleEndian(source[24..]),
        BinaryPrimitives.ReadInt64LittleEndian(source[32..]));
}
