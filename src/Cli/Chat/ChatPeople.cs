using System.Globalization;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>People as the chat shows them: a dot that says how they are there, a name, and the line that they chose. Pure.</summary>
internal static class ChatPeople
{
    /// <summary>
    /// The members of a room with who is there, one to a line, for <c>/who</c>. Members who may not be told of, because the reader is none or there are too many, stand without a dot.
    /// </summary>
    public static string Lines(IReadOnlyList<MemberInfo> members, IReadOnlyDictionary<UserId, PresenceEntry> presence, TimeZoneInfo zone) => string.Join('\n', members
        .OrderBy(member => presence.TryGetValue(member.User, out PresenceEntry? entry) && entry.Availability != Availability.Offline ? 0 : 1)
        .ThenBy(static member => member.Name, StringComparer.OrdinalIgnoreCase)
        .Select(member =>
        {
            string name = SafeText.OneLine(member.Name) + (member.Role is MemberRole.Member or MemberRole.None ? string.Empty : $" ({MemberRoles.NameOf(member.Role)})");
            return presence.TryGetValue(member.User, out PresenceEntry? entry) ? $"{Dot(entry.Availability)} {string.Join("  ", Parts(entry, zone).Prepend(name))}" : name;
        }));

    /// <summary>One person in the header of a direct conversation.</summary>
    public static string Line(PresenceEntry entry, TimeZoneInfo zone)
    {
        IEnumerable<string> parts = entry.Availability == Availability.Online ? Parts(entry, zone).Prepend("online") : Parts(entry, zone);
        return string.Join(' ', parts.Prepend(Dot(entry.Availability)));
    }

    /// <summary>The dot.</summary>
    public static string Dot(Availability availability) => availability switch
    {
        Availability.Online => "●",
        Availability.Offline => "○",
        Availability.Invisible => "◌",
        _ => "◐",
    };

    /// <summary>An availability in words.</summary>
    public static string Name(Availability availability) => availability == Availability.DoNotDisturb ? "do not disturb" : Availabilities.NameOf(availability);

    // How they are there, and their line: what there is of both.
    private static IEnumerable<string> Parts(PresenceEntry entry, TimeZoneInfo zone)
    {
        if (entry.Availability == Availability.Offline)
        {
            yield return entry.LastSeenMicros != 0 && Timestamps.TryToTime(entry.LastSeenMicros, out DateTimeOffset seen)
                ? $"last seen {TimeZoneInfo.ConvertTime(seen, zone).ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)}"
                : "offline";
        }
        else if (entry.Availability != Availability.Online)
        {
            yield return Name(entry.Availability);
        }

        if (entry.Status.Length > 0)
        {
            yield return $"“{SafeText.OneLine(entry.Status)}”";
        }
    }
}
