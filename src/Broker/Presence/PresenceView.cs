using FastChat.Protocol;

namespace FastChat.Broker.Presence;

/// <summary>A person as somebody sees them. Two that are equal look the same, to the byte.</summary>
internal readonly record struct PresenceView(Availability Availability, long LastSeenMicros, string Status)
{
    private const long MicrosOfMinute = 60_000_000;

    /// <summary>Nobody knows anything.</summary>
    public static PresenceView Unknown { get; } = new(Availability.Offline, 0, string.Empty);

    /// <summary>
    /// As the person's own devices see it. The line is shown while the person is there: an invisible one must look like an offline one in every byte, also when the line is changed meanwhile.
    /// </summary>
    public static PresenceView OfOwn(PresenceRecord record, bool isHere, bool isIdle, long nowMicros)
    {
        if (!isHere)
        {
            return OfGone(record);
        }

        Availability availability = record.Chosen == Availability.Online && isIdle ? Availability.Away : record.Chosen;
        bool isOver = record.StatusUntilMicros != 0 && record.StatusUntilMicros <= nowMicros;
        return new PresenceView(availability, 0, isOver ? string.Empty : record.Status);
    }

    /// <summary>As everybody else sees who looks to themselves like <paramref name="own"/>.</summary>
    public static PresenceView OfOthers(in PresenceView own, PresenceRecord record) => own.Availability == Availability.Invisible ? OfGone(record) : own;

    /// <summary>The entry of a frame or a reply.</summary>
    public PresenceEntry ToEntry(UserId user) => new(user, Availability, LastSeenMicros, Status);

    private static PresenceView OfGone(PresenceRecord record) => new(Availability.Offline, record.LastSeenMicros - (record.LastSeenMicros % MicrosOfMinute), string.Empty);
}
