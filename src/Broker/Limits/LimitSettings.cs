using System.Net;

using FastChat.Protocol;

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

    /// <summary>Seconds that a sign-in may wait for its turn before its client is told to come back.</summary>
    public double SignInWaitSeconds { get; init; } = 3;

    /// <summary>Networks whose addresses are not limited: a proxy's, which stands for everybody behind it.</summary>
    public IReadOnlyList<IPNetwork> Trusted { get; init; } = [];

    /// <summary>Networks that may be trusted: each new connection's address is held against all of them.</summary>
    public const int TrustedMax = 256;

    /// <summary>The highest rate that makes sense: far above what a machine can do, far below what a bucket's arithmetic can hold.</summary>
    public const double RateMax = 1e12;

    /// <summary>Bytes that a frame counts beside its own: an empty one has a cost, too. With the default, 32,000 empty frames a second.</summary>
    public const int FrameCost = 1024;

    /// <summary>The bucket of a rate, holding <see cref="BurstSeconds"/> of it; one that limits nothing while the rates are off.</summary>
    public TokenBucket Bucket(double perSecond, TimeProvider clock) =>
        IsOn ? new TokenBucket(new Rate(perSecond, Math.Max(1, perSecond * BurstSeconds)), clock.TimestampFrequency) : default;

    /// <summary>Checks the values, also against one another.</summary>
    /// <exception cref="ArgumentException">One makes no sense; the message says which, by its name in the settings file, and why.</exception>
    public void Validate()
    {
        Require(BurstSeconds is >= 0.1 and <= 3600, "limit_burst_seconds: 0.1 to 3,600");
        RequireRate(PublishesPerSecond, 0, "limit_publishes_per_second");
        RequireRate(RequestsPerSecond, 0, "limit_requests_per_second");
        RequireRate(ConversationPublishesPerSecond, 0, "limit_conversation_publishes_per_second");
        RequireRate(ConnectsPerSecond, 0, "limit_connects_per_second");
        RequireRate(SignInsPerSecond, 0, "limit_sign_ins_per_second");
        RequireRate(PublishBytesPerSecond, 1024, "limit_publish_bytes_per_second");

        // One frame has to fit into what may be read at once.
        RequireRate(ConnectionBytesPerSecond, ProtocolLimits.ClientFrameSizeMax, "limit_connection_bytes_per_second");
        Require(ServiceFactor is >= 1 and <= 1e6, "limit_service_factor: 1 to 1,000,000");
        Require(ConnectionsPerUserMax >= 1, "limit_connections_per_user: at least 1");
        Require(ConnectionsPerAddressMax >= 1, "limit_connections_per_address: at least 1");
        Require(WrongPasswordsFree >= 1, "limit_wrong_passwords: at least 1");
        Require(SignInWaitSeconds is > 0 and <= 3600, "limit_sign_in_wait_seconds: above 0, 3,600 at the most");
        Require(Trusted.Count <= TrustedMax, $"limit_trusted: {TrustedMax} networks at the most");
    }

    private static void RequireRate(double rate, double least, string name) => Require(
        double.IsFinite(rate) && (least > 0 ? rate >= least : rate > 0) && rate <= RateMax,
        least > 0 ? $"{name}: {least} to {RateMax:0}" : $"{name}: above 0, {RateMax:0} at the most; \"limits\": false lifts the rates");

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
