using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>
/// What somebody is in a conversation, as it is stored under <c>m</c>, and under <c>l</c> unless they are banned: role u8, since u64, and together or not at all visible from u64, muted until i64.
/// It is what the last membership record about them says (<see cref="After"/>); of the maker and of the members of the beginning there is none.
/// </summary>
/// <param name="Role">What they may do.</param>
/// <param name="Since">Sequence of the record that made them what they are: a member, invited, banned. 0 = from the start.</param>
/// <param name="VisibleFrom">The first sequence that they may read where not everybody reads everything; 0 = all.</param>
/// <param name="MutedUntil">Until when they may not write, µs since 1970-01-01 UTC; 0 = they may.</param>
internal readonly record struct Membership(MemberRole Role, ulong Since, ulong VisibleFrom = 0, long MutedUntil = 0)
{
    private const int SizeMin = 9;
    private const int SizeMax = 25;

    /// <summary>The first sequence that somebody may read, at least 1: everyone reads all of an open conversation.</summary>
    public static ulong FirstVisible(ConversationKind kind, in Membership? membership) => ConversationKinds.IsOpen(kind) ? 1 : Math.Max(1, membership?.VisibleFrom ?? 1);

    /// <summary>True for those who belong to the conversation.</summary>
    public bool IsMember => MemberRoles.IsMember(Role);

    /// <summary>What somebody is after a membership record about them; null = nothing. Nothing before it matters.</summary>
    public static Membership? After(in MembershipBody body, ulong sequence) =>
        body.Role == MemberRole.None ? null : new Membership(body.Role, body.Since != 0 ? body.Since : sequence, body.VisibleFrom, body.MutedUntil);

    /// <summary>What their own list says: the banned have no entry.</summary>
    public byte[]? ToListEntry() => Role == MemberRole.Banned ? null : ToBytes();

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[VisibleFrom == 0 && MutedUntil == 0 ? SizeMin : SizeMax];
        bytes[0] = (byte)Role;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), Since);
        if (bytes.Length > SizeMin)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(9), VisibleFrom);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(17), MutedUntil);
        }

        return bytes;
    }

    /// <summary>False when the bytes are no membership.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, out Membership membership)
    {
        membership = source.Length is SizeMin or SizeMax ? Parse(source) : default;
        return membership.Role is > MemberRole.None and <= MemberRole.Banned && (source.Length == SizeMin || membership.VisibleFrom != 0 || membership.MutedUntil != 0);
    }

    public static Membership Parse(ReadOnlySpan<byte> source)
    {
        Membership membership = new((MemberRole)source[0], BinaryPrimitives.ReadUInt64LittleEndian(source[1..]));
        return source.Length < SizeMax
            ? membership
            : membership with { VisibleFrom = BinaryPrimitives.ReadUInt64LittleEndian(source[9..]), MutedUntil = BinaryPrimitives.ReadInt64LittleEndian(source[17..]) };
    }
}
