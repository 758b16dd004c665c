namespace FastChat.History;

/// <summary>The promises that a history can be held against, by their numbers in docs/history-format.md.</summary>
public enum Promise : byte
{
    /// <summary>Every acknowledged publish is in the log where it was acknowledged, with the same bytes.</summary>
    Durable = 1,

    /// <summary>An id names at most one message; every retry is answered with the same position; another body is refused.</summary>
    ExactlyOnce,

    /// <summary>Every record was sent by whom it names.</summary>
    NoPhantom,

    /// <summary>What was refused never appears.</summary>
    NoAborted,

    /// <summary>Sequences are 1 to head.</summary>
    Dense,

    /// <summary>A position names the same bytes for everyone.</summary>
    Agreement,

    /// <summary>Acknowledged before another was sent: smaller sequence.</summary>
    RealTimeOrder,

    /// <summary>A session's publishes keep their order in a conversation.</summary>
    SenderOrder,

    /// <summary>Delivery on a connection is contiguous, in order, without duplicates.</summary>
    LiveDelivery,

    /// <summary>A subscription continues where it was asked to, or says why not.</summary>
    Resume,

    /// <summary>After the faults everyone who is online reaches the head within ten seconds.</summary>
    CatchUp,

    /// <summary>Who was acknowledged sees it.</summary>
    ReadYourWrites,

    /// <summary>Reads of a device never go back.</summary>
    MonotonicReads,

    /// <summary>Read cursors.</summary>
    Cursors,

    /// <summary>Nobody receives what lies behind their removal.</summary>
    Membership,

    /// <summary>A revoked session is silent.</summary>
    Revocation,

    /// <summary>What was erased is gone.</summary>
    Erasure,

    /// <summary>What a member should get is delivered or fetched.</summary>
    FanOut,

    /// <summary>Replicas hold the same log.</summary>
    Replicas,

    /// <summary>Heads and epochs never go down.</summary>
    HeadAndEpoch,

    /// <summary>A request has one outcome.</summary>
    HonestErrors,

    /// <summary>What is refused for want of room was not done; nothing is dropped silently.</summary>
    Overload,
}

/// <summary>What is known of the promises without looking at a history.</summary>
public static class Promises
{
    /// <summary>All of them, in order.</summary>
    public static IReadOnlyList<Promise> All { get; } = Enum.GetValues<Promise>();

    /// <summary>True when a history of today can say something about it; docs/history-format.md says why the others cannot.</summary>
    public static bool HasCheck(Promise promise) => promise != Promise.Replicas;

    /// <summary>P1, P2, ….</summary>
    public static string NumberOf(Promise promise) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"P{(int)promise}");

    /// <summary>What people call it.</summary>
    public static string TitleOf(Promise promise) => promise switch
    {
        Promise.Durable => "acknowledged is stored",
        Promise.ExactlyOnce => "stored once, answered alike",
        Promise.NoPhantom => "nothing forged or foreign",
        Promise.NoAborted => "refused never appears",
        Promise.Dense => "no holes in a log",
        Promise.Agreement => "same position, same bytes",
        Promise.RealTimeOrder => "real-time order",
        Promise.SenderOrder => "sender order",
        Promise.LiveDelivery => "delivery without gap or repeat",
        Promise.Resume => "resume at the next record",
        Promise.CatchUp => "everyone catches up",
        Promise.ReadYourWrites => "read your writes",
        Promise.MonotonicReads => "reads never go back",
        Promise.Cursors => "read cursors",
        Promise.Membership => "nothing after removal",
        Promise.Revocation => "revoked is silent",
        Promise.Erasure => "erased is gone",
        Promise.FanOut => "everyone gets everything",
        Promise.Replicas => "replicas agree",
        Promise.HeadAndEpoch => "heads and epochs only rise",
        Promise.HonestErrors => "one outcome per attempt",
        Promise.Overload => "refusals are honest",
        _ => throw new ArgumentOutOfRangeException(nameof(promise)),
    };
}
