using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Conversations;

/// <summary>A membership as it is stored under <c>m</c> and <c>l</c>: role u8, since u64.</summary>
/// <param name="Role">What the member may do.</param>
/// <param name="Since">Sequence of the record that added the member; 0 = from the start.</param>
internal readonly record struct Membership(MemberRole Role, ulong Since)
{
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[9];
        bytes[0] = (byte)Role;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), Since);
        return bytes;
    }

    /// <summary>False when the bytes are no membership.</summary>
    public static bool TryParse(ReadOnlySpan<byte> source, out Membership membership)
    {
        membership = source.Length == 9 ? Parse(source) : default;
        return membership.Role is MemberRole.Member or MemberRole.Owner;
    }

    public static Membership Parse(ReadOnlySpan<byte> source) => new((MemberRole)source[0], BinaryPrimitives.ReadUInt64LittleEndian(source[1..]));
}
