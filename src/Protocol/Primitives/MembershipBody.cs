namespace FastChat.Protocol;

/// <summary>
/// Body of the membership kinds: <c>[0..16) user · [16] role · [17..24) zero</c> (protocol.md §5.2). Who did it is the record's sender.
/// </summary>
/// <param name="User">The member concerned.</param>
/// <param name="Role">The role given; 0 for a removal.</param>
public readonly record struct MembershipBody(UserId User, byte Role)
{
    /// <summary>Bytes of the body.</summary>
    public const int Size = 24;

    /// <summary>Reads a body; false when it is shorter than <see cref="Size"/>.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out MembershipBody body)
    {
        body = default;
        if (source.Length < Size)
        {
            return false;
        }

        body = new MembershipBody(UserId.Read(source), source[16]);
        return true;
    }

    /// <summary>Writes the body.</summary>
    public void Write(Span<byte> target)
    {
        target[..Size].Clear();
        User.Write(target);
        target[16] = Role;
    }
}
