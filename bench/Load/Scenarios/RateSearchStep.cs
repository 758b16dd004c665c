using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>What a system did at one rate of a <see cref="RateSearch"/>.</summary>
/// <param name="Rate">The planned rate, publishes a second.</param>
/// <param name="Failure">Why the rate was not held, in a few words; null when it was.</param>
internal sealed record RateSearchStep(double Rate, string? Failure)
{
    /// <summary>Deliveries in the measured stretch.</summary>
    public long Delivered { get; init; }

    public double? P50Us { get; init; }

    public double? P99Us { get; init; }

    /// <summary>What the measured stretch used; null when the step broke off before it.</summary>
    public UsedResources? Used { get; init; }
}
