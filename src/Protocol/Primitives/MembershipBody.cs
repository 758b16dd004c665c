using System.Buffers.Binary;

namespace FastChat.Protocol;

/// <summary>
/// Body of the membership kinds (protocol.md §5.2). Who did it is the record's sender.
/// <code>
///  0          16     17       24               32              40        48
/// +----------+------+--------+----------------+---------------+---------+
/// | user(16) | role | zero   | [visible from] | [muted until] | [since] |
/// +----------+------+--------+----------------+---------------+---------+
/// </code>
/// The last three are there together or not at all; without them they are 0.
/// </summary>
/// <param name="User">Whom it concerns.</param>
/// <param name="Role">What they are from here on; 0 = nothing.</param>
/// <param name="VisibleFrom">The first sequence that they may read; 0 = all.</param>
/// <param name="MutedUntil">Until when they may not write, µs since 1970-01-01 UTC; 0 = they may.</param>
/// <param name="Since">Sequence of the record that made them a member, when it is not this one; 0 = this one, or from the beginning.</param>
public readonly record struct MembershipBody(UserId User, MemberRole Role, ulong VisibleFrom = 0, long MutedUntil = 0, ulong Since = 0)
{
    /// <summary>Bytes of a body without the optional part.</summary>
    public const int SizeMin = 24;

    /// <summary>Bytes of a body with it.</summary>
    public const int SizeMax = 48;

    /// <summary>Bytes of this body.</summary>
    public int Size => VisibleFrom == 0 && MutedUntil == 0 && Since == 0 ? SizeMin : SizeMax;

    /// <summary>Reads a body; false when it is shorter than <see cref="SizeMin"/>. What stands behind what this version knows is ignored.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out MembershipBody body)
    {
        body = default;
        if (source.Length < SizeMin)
        {
            return false;
        }

        body = new MembershipBody(UserId.Read(source), (MemberRole)source[16]);
        if (source.Length >= SizeMax)
        {
            body = body with
            {
                VisibleFrom = BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
                MutedUntil = BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
                Since = BinaryPrimitives.ReadUInt64LittleEndian(source[40..]),
            };
        }

        return true;
    }

    /// <summary>Writes the body and returns its size; <paramref name="target"/> holds <see cref="SizeMax"/> bytes.</summary>
    public int Write(Span<byte> target)
    {
        int size = Size;
        target[..size].Clear();
        User.Write(target);
        target[16] = (byte)Role;
        if (size > SizeMin)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target[24..], VisibleFrom);
            BinaryPrimitives.WriteInt64LittleEndian(target[32..], MutedUntil);
            BinaryPrimitives.WriteUInt64LittleEndian(target[40..], Since);
        }

        return size;
    }
}
