using System.Net;

namespace FastChat.Broker.Limits;

/// <summary>
/// What the operator allows, in one immutable object: it can be replaced while the broker runs (<see cref="UserLimits.Settings"/>, <see cref="AddressLimits.Settings"/>), and everything that asks sees the old ones or the new ones.
/// The defaults disturb neither people nor a chat bot that answers everybody, and stop a program that runs wild within ten seconds; docs/operations.md says what to set for which kind of service.
/// </summary>
internal sealed record LimitSettings
{
    /// <summary>False: nobody is held to any of these rates. Caps of connections, and the budgets that protect other people (<see cref="FixedBudgets"/>), hold all the same.</summary>
    public bool IsOn { get; init; } = true;

    /// <summary>Seconds' worth of its rate that every bucket here holds.</summary>
    public double BurstSeconds { get; init; } = 10;

    /// <summary>Messages a second of one user, on all their connections together.</summary>
    public double PublishesPerSecond { get; init; } = 1000;

    /// <summary>Bytes of them a second.</summary>
    public double PublishBytesPerSecond { get; init; } = 8 << 20;

    /// <summary>What a user's control requests may cost in a second (<see cref="OperationCosts"/>).</summary>
    public double RequestsPerSecond { get; init; } = 1000;

    /// <summary>By so much a service account may do more than a person of the three above: it stands for many.</summary>
    public double ServiceFactor { get; init; } = 10;

    /// <summary>Messages a second into one conversation, by everybody together.</summary>
    public double ConversationPublishesPerSecond { get; init; } = 5000;

    /// <summary>Bytes a second that are read from one connection, each frame counted with <see cref="FrameCost"/> more.</summary>
    public double ConnectionBytesPerSecond { get; init; } = 32 << 20;

    /// <summary>Connections of one user.</summary>
    public int ConnectionsPerUserMax { get; init; } = 1024;

    /// <summary>Connections of one address, signed in or not.</summary>
    public int ConnectionsPerAddressMax { get; init; } = 2048;

    /// <summary>Connections a second from one address.</summary>
    public double ConnectsPerSecond { get; init; } = 100;

    /// <summary>Sign-ins with a password, and new accounts, a second from one address.</summary>
    public double SignInsPerSecond { get; init; } = 5;

    /// <summary>Wrong passwords from one address before the pauses begin.</summary>
    public int WrongPasswordsFree { get; init; } = 20;

    /// <summary>Networks whose addresses are not limited: a proxy's, which stands for everybody behind it.</summary>
    public IReadOnlyList<IPNetwork> Trusted { get; init; } = [];

    /// <summary>Bytes that a frame counts beside its own: an empty one has a cost, too. With the default, 32,000 empty frames a second.</summary>
    public const int FrameCost = 1024;

    /// <summary>The bucket of a rate, holding <see cref="BurstSeconds"/> of it; one that limits nothing while the rates are off.</summary>
    public TokenBucket Bucket(double perSecond, TimeProvider clock) =>
        IsOn ? new TokenBucket(new Rate(perSecond, Math.Max(1, perSecond * BurstSeconds)), clock.TimestampFrequency) : default;
}
