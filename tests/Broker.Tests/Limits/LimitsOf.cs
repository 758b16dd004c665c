using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;

namespace FastChat.Broker.Tests;

/// <summary>Limits for tests: with a clock that the test has, and places that a seed decides.</summary>
internal static class LimitsOf
{
    /// <summary>With the settings that an operator gets who sets nothing.</summary>
    public static UserLimits Defaults(TimeProvider clock) => With(clock, new LimitSettings());

    /// <summary>Of addresses.</summary>
    public static AddressLimits Addresses(TimeProvider clock, LimitSettings settings, int connectionsMax = 10_000, int strangersMax = 4096) =>
        new(connectionsMax, strangersMax, settings, clock, new RandomSource(new Random(4).NextBytes), new BrokerMetrics(), AuditLog.None);

    /// <summary>With other settings.</summary>
    public static UserLimits With(TimeProvider clock, LimitSettings settings) => new(settings, clock, new RandomSource(new Random(3).NextBytes), new BrokerMetrics(), AuditLog.None);
}
