using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The members of a room with who is there, one to a line, for <c>/who</c>.</summary>
internal static class ChatPeople
{
    /// <summary>The lines. Members who may not be told of, because the reader is none or there are too many, stand without a mark.</summary>
    public static string Lines(IReadOnlyList<MemberInfo> members, PresenceUpdate? presence)
    {
        Dictionary<UserId, PresenceEntry> entries = presence?.Entries?.ToDictionary(static entry => entry.User) ?? [];
        return string.Join('\n', members
            .OrderBy(member => entries.TryGetValue(member.User, out PresenceEntry? entry) && entry.Availability != Availability.Offline ? 0 : 1)
            .ThenBy(static member => member.Name, StringComparer.OrdinalIgnoreCase)
            .Select(member => LineOf(member, entries.GetValueOrDefault(member.User))));
    }

    private static string LineOf(MemberInfo member, PresenceEntry? entry)
    {
        string name = SafeText.OneLine(member.Name) + (member.Role == MemberRole.Owner ? " (owner)" : string.Empty);
        if (entry is null)
        {
            return name;
        }

        string mark = entry.Availability switch
        {
            Availability.Offline => "○",
            Availability.Invisible => "◌",
            Availability.Online => "●",
            _ => "◐",
        };
        string how = entry.Availability switch
        {
            Availability.Online => string.Empty,
            Availability.DoNotDisturb => "  do not disturb",
            Availability.Offline => entry.LastSeenMicros == 0 ? string.Empty : $"  last seen {DateTimeOffset.UnixEpoch.AddTicks(entry.LastSeenMicros * 10).ToLocalTime():yyyy-MM-dd HH:mm}",
            _ => "  " + Availabilities.NameOf(entry.Availability),
        };
        return $"{mark} {name}{how}{(entry.Status.Length > 0 ? $"  “{SafeText.OneLine(entry.Status)}”" : string.Empty)}";
    }
}
