namespace FastChat.Protocol;

/// <summary>How much of a conversation's past a new member may read (protocol.md §5.3). Numbers are stored and never reused.</summary>
public enum HistoryVisibility : byte
{
    /// <summary>Everything.</summary>
    All = 0,

    /// <summary>From the record that invited them on; from the one that added them when nobody had invited them.</summary>
    Invited = 1,

    /// <summary>From the record that added them on.</summary>
    Joined = 2,
}

/// <summary>Names of <see cref="HistoryVisibility"/> on the wire.</summary>
public static class HistoryVisibilities
{
    /// <summary>The name.</summary>
    public static string NameOf(HistoryVisibility history) => history switch
    {
        HistoryVisibility.Invited => "invited",
        HistoryVisibility.Joined => "joined",
        _ => "all",
    };

    /// <summary>Reads a name; false when it is none.</summary>
    public static bool TryParse(string? name, out HistoryVisibility history)
    {
        (bool isKnown, history) = name switch
        {
            "all" => (true, HistoryVisibility.All),
            "invited" => (true, HistoryVisibility.Invited),
            "joined" => (true, HistoryVisibility.Joined),
            _ => (false, HistoryVisibility.All),
        };
        return isKnown;
    }
}
