using FastChat.Protocol;

namespace FastChat.Fuzz.Targets;

/// <summary>Equality of control bodies, value by value.</summary>
internal static class ControlValues
{
    public static bool AreEqual(object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (byte[] x, byte[] y) => x.AsSpan().SequenceEqual(y),
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(pair => AreEqual(pair.First, pair.Second)),
        (ControlMap x, ControlMap y) => x.Count == y.Count && x.Keys.SequenceEqual(y.Keys) && x.Keys.All(key => AreEqual(x[key], y[key])),
        (double x, double y) => BitConverter.DoubleToInt64Bits(x) == BitConverter.DoubleToInt64Bits(y),
        _ => a is not null && a.Equals(b),
    };
}

/// <summary>The keys of control bodies (protocol.md §3.2, §4.6, §4.7): what mutation puts in, because no chance would spell them.</summary>
internal static class ControlKeys
{
    public static IReadOnlyList<string> All { get; } =
    [
        "version", "client", "token", "name", "password", "register", "device", "session", "window", "server", "resumed", "user", "heartbeat_ms", "frame_size_max", "body_size_max", "in_flight_max",
        "time_us", "conversation", "kind", "title", "role", "epoch", "head", "created", "members", "users", "names", "since", "external", "after", "more", "event", "create", "conversations", "key", "public", "group",
        "owner", "member", "none", "display_name", "avatar", "locale", "fields", "if_version", "unchanged", "prefix", "limit", "blocked", "blocked_at", "rights", "publish", "import", "read", "created_at",
        "profiles", "blocks", "services", "changed", "complete", "first", "last", "root", "delivered", "private", "thread", "known", "recovered", "total", "gone", "next", "unread", "unread_more", "mentions", "activity",
        "text", "deleted", "sender", "sent_at", "sequence", "deleted_by", "pinned_by", "edits", "edited_by", "content", "replies", "in_thread", "reactions", "reaction", "count", "own", "annotations", "records", "cursors",
        "public_read", "from", "id", "duplicate", "uses_left", "expires", "expired", "creator", "topic", "archived", "slow_mode", "history", "availability", "status", "status_until", "last_seen", "online", "entries",
        "begin", "discard", "state", "looked", "until", "erased", "backups", "refresh", "assertion", "certificate", "keys", "add", "remove", "renews", "token_seconds", "devices", "signed_in", "current", "others", "all", "ended", "new", "suspended", "sessions", "remote",
        "muted_until", "visible_from", "peer", "run", "running", "done", "failure", "backup", "taken_at", "commit", "files", "copied", "dropped", "scram", "iterations", "stored_key", "server_key", "changes",
    ];
}
