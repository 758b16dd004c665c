using FastChat.Broker.Audit;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Storage;

namespace FastChat.Broker.Hosting;

/// <summary>What a broker takes from the world beside its store and its connections. With a simulated one a seed repeats a run.</summary>
internal sealed record Surroundings
{
    /// <summary>The machine's own.</summary>
    public static Surroundings Real { get; } = new();

    /// <summary>Time and timers.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Where ids and tokens come from.</summary>
    public RandomSource Random { get; init; } = RandomSource.Cryptographic;

    /// <summary>Where the audit log goes.</summary>
    public AuditLog Audit { get; init; } = AuditLog.None;

    /// <summary>Where the shard loops and the committer run.</summary>
    public Workers Workers { get; init; } = Workers.Threads;

    /// <summary>As <see cref="RoutingOptions.CommitHereMax"/>. A simulated sync takes no time for who makes it, so in a world with 0 the next turn fills meanwhile, as it does beside a real disk.</summary>
    public int CommitHereMax { get; init; } = RoutingOptions.CommitHereMaxDefault;
}
