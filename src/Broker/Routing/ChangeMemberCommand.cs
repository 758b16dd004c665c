using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>What is to happen to one member, or to somebody who is none. Numbers are part of the replicated commands.</summary>
internal enum MemberChange : byte
{
    None = 0,

    /// <summary>Become a member of an open conversation.</summary>
    Join = 1,

    /// <summary>Accept an invitation.</summary>
    Accept = 2,

    /// <summary>Decline an invitation.</summary>
    Decline = 3,

    /// <summary>Invite, as what <see cref="ChangeMemberCommand.Role"/> says.</summary>
    Invite = 4,

    /// <summary>Take an invitation back.</summary>
    Uninvite = 5,

    /// <summary>Give another role.</summary>
    SetRole = 6,

    /// <summary>Mute until <see cref="ChangeMemberCommand.MutedUntil"/>; 0 = not any more.</summary>
    Mute = 7,

    /// <summary>Remove for good.</summary>
    Ban = 8,

    /// <summary>Allow to come back.</summary>
    Unban = 9,
}

/// <summary>Names of <see cref="MemberChange"/>.</summary>
internal static class MemberChanges
{
    /// <summary>The change of a name on the wire; None when there is none of that name.</summary>
    public static MemberChange Parse(string? name) => name switch
    {
        "join" => MemberChange.Join,
        "accept" => MemberChange.Accept,
        "decline" => MemberChange.Decline,
        "invite" => MemberChange.Invite,
        "uninvite" => MemberChange.Uninvite,
        "role" => MemberChange.SetRole,
        "mute" => MemberChange.Mute,
        "ban" => MemberChange.Ban,
        "unban" => MemberChange.Unban,
        _ => MemberChange.None,
    };

    /// <summary>True for what people do with themselves.</summary>
    public static bool IsOwn(MemberChange change) => change is MemberChange.Join or MemberChange.Accept or MemberChange.Decline;

    /// <summary>What is told to whom it is not allowed.</summary>
    public static string ToReason(this MemberChange change) => change switch
    {
        MemberChange.Join => "joining there is not allowed",
        MemberChange.Invite => "inviting this user is not allowed",
        MemberChange.SetRole => "giving this role is not allowed",
        MemberChange.Mute => "muting this member is not allowed",
        MemberChange.Ban => "banning this member is not allowed",
        _ => "changing the members is not allowed",
    };
}

/// <summary>Body of <see cref="CommandKind.ChangeMember"/>: conversation (16), user (16), change u8, role u8, muted until i64.</summary>
internal sealed record ChangeMemberCommand(ConversationId Conversation, UserId User, MemberChange Change, MemberRole Role = MemberRole.None, long MutedUntil = 0)
{
    public const int Size = (2 * Id128.Size) + 2 + sizeof(long);

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        Conversation.Write(bytes);
        User.Write(bytes.AsSpan(16));
        bytes[32] = (byte)Change;
        bytes[33] = (byte)Role;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(34), MutedUntil);
        return bytes;
    }

    public static ChangeMemberCommand Parse(ReadOnlySpan<byte> source) => new(
        ConversationId.Read(source), UserId.Read(source[16..]), (MemberChange)source[32], (MemberRole)source[33], BinaryPrimitives.ReadInt64LittleEndian(source[34..]));
}
