using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Presence;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Storage;

using Microsoft.Extensions.Logging;

namespace FastChat.Broker.Connections;

/// <summary>What every connection needs, made once at start.</summary>
internal sealed record ConnectionServices
{
    private static readonly int HalfOfTheProcessors = Math.Max(1, Environment.ProcessorCount / 2);

    /// <param name="clock">Time and timers.</param>
    public ConnectionServices(TimeProvider clock)
    {
        Clock = clock;
        ComingAndGoing = new Turnstile(HalfOfTheProcessors, clock, SignInLanes.Count);
        ReadingTurns = new Turnstile(HalfOfTheProcessors, clock);
    }

    public required Router Router { get; init; }

    public required IConversationLog ConversationLog { get; init; }

    public required SessionRegistry Sessions { get; init; }

    public required PresenceRoom Presence { get; init; }

    public required Accounts Accounts { get; init; }

    /// <summary>What challenges whoever proves a password.</summary>
    public required ScramSignIn Scram { get; init; }

    /// <summary>Who is let in by the word of somebody else.</summary>
    public required AssertionSignIn Vouched { get; init; }

    /// <summary>Where sign-ins and refusals are noted.</summary>
    public required AuditLog Audit { get; init; }

    public required FrameDispatcher Dispatcher { get; init; }

    /// <summary>What stands before the door.</summary>
    public required AddressLimits Addresses { get; init; }

    /// <summary>How much who is inside may do.</summary>
    public required UserLimits Limits { get; init; }

    public required ConnectionSettings Settings { get; init; }

    public required RandomSource Random { get; init; }

    public required BrokerMetrics Metrics { get; init; }

    public TimeProvider Clock { get; }

    public required ILogger Log { get; init; }

    /// <summary>What signing in and teardown pass, in the lanes of <see cref="SignInLanes"/>.</summary>
    public Turnstile ComingAndGoing { get; }

    /// <summary>What reading pages of the log passes.</summary>
    public Turnstile ReadingTurns { get; }
}

/// <summary>Times and sizes of a connection (protocol.md §2.3).</summary>
internal sealed record ConnectionSettings
{
    /// <summary>Name and version that Welcome gives.</summary>
    public string Server { get; init; } = "FastChat";

    /// <summary>From connect to Hello.</summary>
    public TimeSpan LoginDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the first to the last byte of a frame.</summary>
    public TimeSpan FrameDeadline { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The interval in which each side sends something.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>While bytes wait and the peer takes none.</summary>
    public TimeSpan WriteDeadline { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>How long a closing connection may take to leave.</summary>
    public TimeSpan CloseDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of live records that wait for one connection before it lags.</summary>
    public int OutboxBudgetBytes { get; init; } = 256 * 1024;

    /// <summary>The longest message body.</summary>
    public int BodySizeMax { get; init; } = Protocol.ProtocolLimits.BodySizeMax;

    /// <summary>Publishes of one connection that may be unanswered.</summary>
    public int InFlightMax { get; init; } = Protocol.ProtocolLimits.InFlightMax;
}
