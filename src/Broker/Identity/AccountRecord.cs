using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using FastChat.Broker.Sessions;

namespace FastChat.Broker.Identity;

/// <summary>
/// An account as it is stored under <c>a</c>: flags u8 (1 = external, 2 = suspended, 128 = erased: suspended for ever, and nothing but the id is left), rights u8, name size u8, zero u8, created i64 µs, name, verifiers (the rest, ASCII): that
/// of the password (Argon2id), and behind a line feed that for SCRAM; without either nobody signs in with a password.
/// </summary>
internal sealed record AccountRecord(string Name, bool IsExternal, AccountRights Rights, long CreatedMicros, string? Verifier)
{
    private const int FixedSize = 12;
    private const byte External = 1;
    private const byte Suspended = 2;
    private const byte Erased = 128;

    /// <summary>An operator has shut this one out: it signs in nowhere, and its name stays taken.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>What a proof of the password is checked with; null when none is taken.</summary>
    public string? Scram { get; init; }

    /// <summary>True when it has a password, whichever way it is shown.</summary>
    public bool HasPassword => Verifier is not null || Scram is not null;

    /// <summary>The person was erased.</summary>
    public bool IsErased { get; init; }

    /// <summary>What is left of an account whose person was erased.</summary>
    public static AccountRecord OfErased { get; } = new(string.Empty, false, AccountRights.None, 0, null) { IsSuspended = true, IsErased = true };

    public byte[] ToBytes()
    {
        byte[] name = Encoding.UTF8.GetBytes(Name);
        byte[] verifier = Encoding.ASCII.GetBytes(Scram is null ? Verifier ?? string.Empty : $"{Verifier}\n{Scram}");
        byte[] bytes = new byte[FixedSize + name.Length + verifier.Length];
        bytes[0] = (byte)((IsExternal ? External : 0) | (IsSuspended ? Suspended : 0) | (IsErased ? Erased : 0));
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
        ReadOnlySpan<byte> verifiers = source[(FixedSize + nameSize)..];
        int end = verifiers.IndexOf((byte)'\n');
        ReadOnlySpan<byte> verifier = end < 0 ? verifiers : verifiers[..end];
        return new(
            Encoding.UTF8.GetString(source.Slice(FixedSize, nameSize)),
            (source[0] & External) != 0,
            (AccountRights)source[1],
            BinaryPrimitives.ReadInt64LittleEndian(source[4..]),
            verifier.IsEmpty ? null : Encoding.ASCII.GetString(verifier))
        {
            Scram = end < 0 ? null : Encoding.ASCII.GetString(verifiers[(end + 1)..]),
            IsSuspended = (source[0] & Suspended) != 0,
            IsErased = (source[0] & Erased) != 0,
        };
    }

    /// <summary>Never a verifier.</summary>
    public override string ToString() => $"account {Name}";
}
