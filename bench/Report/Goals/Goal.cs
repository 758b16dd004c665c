using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Goals;

/// <summary>Which side of a bound is good.</summary>
internal enum Side
{
    /// <summary>At least the bound.</summary>
    AtLeast,

    /// <summary>At most the bound.</summary>
    AtMost,

    /// <summary>Less than the bound.</summary>
    Below,
}

/// <summary>One thing that was promised of a scenario.</summary>
/// <param name="What">What is compared, without the bound.</param>
/// <param name="Peer">The system it is measured against; null when it is our row alone.</param>
/// <param name="Side">Which side of the bound is good.</param>
/// <param name="Bound">In <paramref name="Unit"/>.</param>
/// <param name="Unit">× for a ratio.</param>
/// <param name="Figure">The figure of ours that moves it, by its name in the files.</param>
/// <param name="Measure">The measured value; null when the result does not tell.</param>
internal sealed record Goal(string What, string? Peer, Side Side, double Bound, string Unit, string Figure, Func<LoadResult, double?> Measure)
{
    /// <summary>Our rate is at least so many times a peer's.</summary>
    public static Goal Rate(string peer, double bound) => new($"rate ÷ {SystemName.Short(peer)}'s", peer, Side.AtLeast, bound, "×", FastChat.Bench.Report.Results.Figure.Rate, result => result.RateRatio(peer));

    /// <summary>A figure of ours is at most so many times a peer's.</summary>
    public static Goal Within(string what, string figure, string peer, double bound) =>
        new($"{what} ÷ {SystemName.Short(peer)}'s", peer, Side.AtMost, bound, "×", figure, result => Ratio(result.Row(LoadResult.Ours)?[figure], result.Row(peer)?[figure]));

    /// <summary>A figure of ours is at most so many times the machine's own, measured in the same run.</summary>
    public static Goal Beside(string what, string figure, string own, double bound) =>
        new(what, null, Side.AtMost, bound, "×", figure, result => Ratio(result.Row(LoadResult.Ours)?[figure], result.Row(LoadResult.Ours)?[own]));

    /// <summary>A figure of ours by itself; <paramref name="scale"/> takes it from the file's unit to the goal's.</summary>
    public static Goal Own(string what, string figure, Side side, double bound, string unit, double scale = 1) =>
        new(what, null, side, bound, unit, figure, result => result.Row(LoadResult.Ours)?[figure] * scale);

    /// <summary>Whether a result reaches it.</summary>
    /// <param name="result">The result.</param>
    /// <param name="otherShape">What the goal was set for, when the result has another shape; else null.</param>
    public Verdict Judge(LoadResult result, string? otherShape)
    {
        double? measured = Measure(result);
        if (result.Row(LoadResult.Ours) is not { } ours)
        {
            return new Verdict(this, Mark.NotMeasured, null, "FastChat was not measured");
        }

        if (measured is not { } value)
        {
            return new Verdict(this, Mark.NotMeasured, null, Peer is not null && result.Row(Peer) is null ? $"{SystemName.Short(Peer)} took no part" : "not in this file");
        }

        if (otherShape is not null)
        {
            return new Verdict(this, Mark.OtherShape, value, $"the goal is for {otherShape}");
        }

        bool reached = Side switch
        {
            Side.AtLeast => value >= Bound,
            Side.AtMost => value <= Bound,
            _ => value < Bound,
        };
        string? reason = ours.Disqualification is { } own ? $"our row: {own}" : Peer is not null ? Objection(result.Row(Peer)!, reached) : null;
        return reason is null ? new Verdict(this, reached ? Mark.Reached : Mark.Missed, value, string.Empty) : new Verdict(this, Mark.DoesNotCount, value, reason);
    }

    /// <summary>
    /// Why a peer's row is no measure; null when it is. A void one never is. One that is not durable where we are does less work: a goal reached against it is reached all the more, but
    /// one missed is no miss of what was promised, which is at equal durability.
    /// </summary>
    private string? Objection(ResultRow peer, bool reached) =>
        peer.IsVoid ? $"{SystemName.Short(peer.System)}'s row: void" : peer.IsNotDurable && !reached ? $"{SystemName.Short(peer.System)}'s row: not durable" : null;

    private static double? Ratio(double? one, double? other) => other > 0 ? one / other : null;
}
