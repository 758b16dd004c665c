namespace FastChat.Protocol;

/// <summary>
/// What somebody is in a conversation (protocol.md §5.3). The numbers are stored and say nothing about who may do more: <see cref="MemberRoles.Rank"/> does.
/// </summary>
public enum MemberRole : byte
{
    /// <summary>Nothing: not a member.</summary>
    None = 0,

    /// <summary>Reads and writes.</summary>
    Member = 1,

    /// <summary>Also keeps order: removes, mutes and bans members, takes their messages away, pins, calls everyone.</summary>
    Moderator = 2,

    /// <summary>Also adds members, gives roles below the own one, and says what the conversation is.</summary>
    Admin = 3,

    /// <summary>May do everything, and make others owners.</summary>
    Owner = 4,

    /// <summary>A member who reads and reacts, and does not write.</summary>
    Reader = 5,

    /// <summary>Not a member yet: knows of the conversation and may accept or decline.</summary>
    Invited = 6,

    /// <summary>Not a member, and cannot become one.</summary>
    Banned = 7,
}

/// <summary>Rules about roles that more than one room needs.</summary>
public static class MemberRoles
{
    /// <summary>Who has more may do more; members begin at 1.</summary>
    public static int Rank(MemberRole role) => role switch
    {
        MemberRole.Reader => 1,
        MemberRole.Member => 2,
        MemberRole.Moderator => 3,
        MemberRole.Admin => 4,
        MemberRole.Owner => 5,
        _ => 0,
    };

    /// <summary>True for those who belong to the conversation: they have it in their list and are counted.</summary>
    public static bool IsMember(MemberRole role) => Rank(role) > 0;

    /// <summary>A role's name on the wire.</summary>
    public static string NameOf(MemberRole role) => role switch
    {
        MemberRole.Member => "member",
        MemberRole.Moderator => "moderator",
        MemberRole.Admin => "admin",
        MemberRole.Owner => "owner",
        MemberRole.Reader => "reader",
        MemberRole.Invited => "invited",
        MemberRole.Banned => "banned",
        _ => "none",
    };

    /// <summary>The role of a name; None when unknown or null.</summary>
    public static MemberRole Parse(string? name) => name switch
    {
        "member" => MemberRole.Member,
        "moderator" => MemberRole.Moderator,
        "admin" => MemberRole.Admin,
        "owner" => MemberRole.Owner,
        "reader" => MemberRole.Reader,
        "invited" => MemberRole.Invited,
        "banned" => MemberRole.Banned,
        _ => MemberRole.None,
    };
}
