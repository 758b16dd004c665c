using FastChat.History;

namespace FastChat.Simulation;

/// <summary>What the towns of a run together must have shown: each kind of operation was done, and refused where the broker has a reason to refuse it.</summary>
internal static class TownEvidence
{
    private static readonly string[] s_done =
    [
        "create public", "create channel", "create group", "create direct", "rename", "topic", "archive", "unarchive", "slow mode", "visibility",
        "add", "kick", "leave", "join", "invite", "uninvite", "accept", "decline", "link", "revoke link", "join by link", "role", "mute", "unmute", "ban", "unban", "members",
        "schedule", "unschedule", "hide", "attach", "attachment", "download", "hidden compared",
        "text", "burst", "again", "opaque", "conditional", "reply", "thread", "mention", "mention all", "expiring", "forward", "edit", "delete", "react", "unreact", "pin", "unpin",
        "page", "states", "thread read", "pins", "inbox", "catch-up", "list", "read", "delivered", "read privately", "read thread", "cursors",
        "profile", "profiles", "search", "block", "unblock", "availability", "status", "idle", "typing",
        "service made", "service revoked", "service text", "on behalf", "service closed", "service heard",
        "connected", "vanished", "returned", "typing seen", "receipt seen", "presence restart", "presence update",
        "notice added", "notice invited", "notice removed", "notice profile", "notice blocks",
        "compared", "states compared", "cursors compared", "presence compared",
    ];

    private static readonly string[] s_refused =
    [
        "create channel", "rename", "archive", "slow mode", "visibility", "add", "kick", "invite", "accept", "link", "join by link", "role", "mute", "ban", "unban", "members",
        "text", "opaque", "conditional", "reply", "thread", "mention", "mention all", "expiring", "forward", "edit", "delete", "react", "unreact", "pin", "unpin",
        "page", "states", "read", "cursors", "profile", "block", "service text", "on behalf", "schedule", "hide", "download",
    ];

    private static readonly ErrorCode[] s_codes =
    [
        ErrorCode.Forbidden, ErrorCode.NoSuchConversation, ErrorCode.NoSuchUser, ErrorCode.NameTaken, ErrorCode.PositionAhead, ErrorCode.RateLimited, ErrorCode.Conflict, ErrorCode.NoSuchMessage,
    ];

    /// <summary>All of it.</summary>
    public static ExpectedEvidence Expected { get; } = new(
        [.. Promises.All.Where(Promises.HasCheck)],
        TownRun.Faults,
        WorldsForFaults: 20,
        [.. s_done, .. s_refused.Select(static name => $"{name} refused"), .. s_codes.Select(static code => $"refusal {code}")]);
}
