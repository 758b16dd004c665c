namespace FastChat.Protocol;

/// <summary>How a person is there (protocol.md §4.9).</summary>
public enum Availability : byte
{
    /// <summary>Not there, or not to be seen.</summary>
    Offline = 0,

    /// <summary>There.</summary>
    Online = 1,

    /// <summary>There, and not at a device; chosen, or because every device says that it is idle.</summary>
    Away = 2,

    /// <summary>There, and not to be disturbed.</summary>
    DoNotDisturb = 3,

    /// <summary>There, and looks offline to everybody else: only the person's own devices are told this.</summary>
    Invisible = 4,
}

/// <summary>Names of <see cref="Availability"/> in control bodies.</summary>
public static class Availabilities
{
    /// <summary>The name on the wire.</summary>
    public static string NameOf(Availability availability) => availability switch
    {
        Availability.Online => "online",
        Availability.Away => "away",
        Availability.DoNotDisturb => "dnd",
        Availability.Invisible => "invisible",
        _ => "offline",
    };

    /// <summary>The availability of a name; Offline when unknown or null.</summary>
    public static Availability Parse(string? name) => name switch
    {
        "online" => Availability.Online,
        "away" => Availability.Away,
        "dnd" => Availability.DoNotDisturb,
        "invisible" => Availability.Invisible,
        _ => Availability.Offline,
    };
}
