using System.Globalization;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What the broker's own records say, as sentences. Names are as they are in the record: who prints makes them harmless.</summary>
internal static class SystemTexts
{
    /// <summary>The sentence of a membership record (protocol.md §5.2).</summary>
    public static string OfMember(MessageKind kind, string sender, string member, in MembershipBody body, long sentAtMicros)
    {
        bool isSelf = member == sender;
        return kind switch
        {
            MessageKind.MemberAdded => isSelf ? $"{sender} joined" : $"{sender} added {member}",
            MessageKind.MemberRemoved when body.Role == MemberRole.Banned => $"{member} was banned by {sender}",
            MessageKind.MemberRemoved => isSelf ? $"{sender} left" : $"{sender} removed {member}",
            _ when body.Role == MemberRole.Invited => InvitedAs(body) == MemberRole.Member ? $"{sender} invited {member}" : $"{sender} invited {member} as {WithArticle(InvitedAs(body))}",

            // A record says what somebody is, not what they were: an invitation that was taken back and a ban that was lifted look the same.
            _ when body.Role == MemberRole.None => isSelf ? $"{sender} declined the invitation" : $"{member} is neither invited nor banned any more, says {sender}",
            _ when body.MutedUntil > sentAtMicros => $"{sender} muted {member} until {TimeOf(body.MutedUntil)}",

            // Another role and a mute that was lifted look the same, too; both are true of what somebody is from here on.
            _ when body.Role == MemberRole.Reader => $"{member} is a reader now, says {sender}",
            _ => $"{member} is {WithArticle(body.Role)} who may write, says {sender}",
        };
    }

    /// <summary>The sentence of a record about the conversation.</summary>
    public static string OfChanges(string sender, ConversationChanges changes)
    {
        string[] parts =
        [
            .. Changed("title", changes.Title), .. Changed("topic", changes.Topic), .. Changed("picture", changes.Avatar),
            .. changes.IsArchived is { } archived ? [archived ? "archived the conversation" : "opened the conversation again"] : Array.Empty<string>(),
            .. changes.SlowMode is { } pause ? [pause == TimeSpan.Zero ? "switched slow mode off" : $"set slow mode to {Durations.Format(pause)}"] : Array.Empty<string>(),
            .. RetentionOf(changes),
            .. changes.History is { } history ? [HistoryOf(history)] : Array.Empty<string>(),
        ];
        return parts.Length == 0 ? $"{sender} changed the conversation" : $"{sender} {string.Join(" and ", parts)}";
    }

    /// <summary>A role with its article: "a moderator".</summary>
    public static string WithArticle(MemberRole role) => role switch
    {
        MemberRole.Admin => "an admin",
        MemberRole.Owner => "an owner",
        _ => $"a {MemberRoles.NameOf(role)}",
    };

    /// <summary>As what somebody is invited: the field that says until when a member is muted says it.</summary>
    public static MemberRole InvitedAs(in MembershipBody body) => body.MutedUntil is > 0 and <= byte.MaxValue ? (MemberRole)body.MutedUntil : MemberRole.Member;

    private static IEnumerable<string> RetentionOf(ConversationChanges changes)
    {
        if (changes.Retention is { } age)
        {
            yield return age == TimeSpan.Zero ? "lets messages stay as long as anywhere" : $"has messages go after {Durations.Format(age)}";
        }

        if (changes.RetentionBytes is { } bytes)
        {
            yield return bytes == 0 ? "lets the conversation grow" : $"has the conversation keep {Sizes.Format(bytes)}";
        }
    }

    private static string[] Changed(string what, string? text) => text switch
    {
        null => [],
        "" => [$"took the {what} away"],
        _ => [$"changed the {what} to \"{text}\""],
    };

    private static string HistoryOf(HistoryVisibility history) => history switch
    {
        HistoryVisibility.Invited => "let newcomers read from their invitation on",
        HistoryVisibility.Joined => "let newcomers read from their joining on",
        _ => "let newcomers read everything",
    };

    private static string TimeOf(long micros) => Timestamps.TryToTime(micros, out DateTimeOffset time)
        ? time.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)
        : "the end of time";
}
