using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
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

    public required Router Router { get; init; }

    public required IConversationLog ConversationLog { get; init; }

    public required SessionRegistry Sessions { get; init; }

    public required PresenceRoom Presence { get; init; }

    public required Accounts Accounts { get; init; }

    /// <summary>Where sign-ins and refusals are noted.</summary>
    public required AuditLog Audit { get; init; }

    public required FrameDispatcher Dispatcher { get; init; }

    public required ConnectionLimits Limits { get; init; }

    public required ConnectionSettings Settings { get; init; }

    public required RandomSource Random { get; init; }

    public required BrokerMetrics Metrics { get; init; }

    public required TimeProvider Clock { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>What signing in and teardown pass.</summary>
    public Turnstile ComingAndGoing { get; } = new(HalfOfTheProcessors);

    /// <summary>What reading pages of the log passes.</summary>
    public Turnstile ReadingTurns { get; } = new(HalfOfTheProcessors);
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
