namespace FastChat.Broker.Limits;

/// <summary>What a user has a bucket for. The values are places in <see cref="UserAllowance"/>.</summary>
internal enum Budget : byte
{
    /// <summary>Messages published; set by the operator.</summary>
    Publishes,

    /// <summary>Bytes of them, as they came; set by the operator.</summary>
    PublishBytes,

    /// <summary>Control requests, by what they cost (<see cref="OperationCosts"/>); set by the operator.</summary>
    Requests,

    /// <summary>Names looked up.</summary>
    Names,

    /// <summary>Ids looked up, and strangers' profiles.</summary>
    Ids,

    /// <summary>Profiles asked about, whosever they are.</summary>
    Looks,

    /// <summary>Changes of one's profile.</summary>
    Profiles,

    /// <summary>Searches for people.</summary>
    Searches,

    /// <summary>Blocks set or taken back.</summary>
    Blocks,

    /// <summary>Conversations made.</summary>
    Made,

    /// <summary>Own joins, leaves, acceptances and refusals.</summary>
    Own,

    /// <summary>Members added, removed or changed.</summary>
    Others,

    /// <summary>Tries at one's own password, to change it.</summary>
    Passwords,
}

/// <summary>
/// The budgets whose size is the protocol's (protocol.md §2.3) and not the operator's: they stand between a user and what is other people's, who exists, what they show, which conversations they are in, and hold with every configuration.
/// </summary>
internal static class FixedBudgets
{
    /// <summary>Kinds of budgets.</summary>
    public const int Count = (int)Budget.Passwords + 1;

    /// <summary>The size of one; the operator's ones have none here.</summary>
    public static Rate? Of(Budget budget) => budget switch
    {
        // A name can be guessed, so looking up names is what tells who exists: at two a second a list of a hundred million phone numbers takes a year and a half. At once: two requests of as many as one may hold.
        Budget.Names => new Rate(PerSecond: 2, Burst: 1000),

        // An id cannot be guessed; who has one has seen it, and a reader of a busy channel resolves thousands of senders at once.
        Budget.Ids => new Rate(100, 10_000),

        // Those of everybody one knows, after an absence. Each may read a thousand entries of two lists, which is half a millisecond.
        Budget.Looks => new Rate(200, 20_000),
        Budget.Profiles => new Rate(1, 5),

        // What somebody types, letter by letter.
        Budget.Searches => new Rate(2, 20),

        // A list that is brought along from elsewhere.
        Budget.Blocks => new Rate(5, 100),

        // Each change of a membership is a record for everybody who reads the conversation, and each entry of a list is read with every look at the inbox: both are somebody else's cost.
        Budget.Made => new Rate(1, 10_000),
        Budget.Own => new Rate(1, 1000),
        Budget.Others => new Rate(50, 20_000),

        // Whoever finds a device unlocked must not be able to guess its password at leisure.
        Budget.Passwords => new Rate(1.0 / 60, 5),
        _ => null,
    };

    /// <summary>True when nobody is exempt: whoever runs the broker or imports into it knows the names and brings whole worlds along, but a change of a profile is told to many and a search reads thousands of entries whoever asks.</summary>
    public static bool IsForAll(Budget budget) => budget is Budget.Looks or Budget.Profiles or Budget.Searches or Budget.Blocks or Budget.Passwords;
}
