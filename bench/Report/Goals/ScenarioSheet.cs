using FastChat.Bench.Report.Results;

namespace FastChat.Bench.Report.Goals;

/// <summary>The plots that a section may have.</summary>
internal enum PlotKind
{
    /// <summary>The key figure of each system, with the range of its runs.</summary>
    Bars,

    /// <summary>Latencies over percentiles.</summary>
    Percentiles,

    /// <summary>Memory over sessions.</summary>
    Slope,

    /// <summary>Rate over what is stored.</summary>
    Steps,
}

/// <summary>What the page says of a scenario: one entry of <see cref="SheetCatalog"/>.</summary>
internal sealed record ScenarioSheet
{
    /// <summary>The scenario's name in the files.</summary>
    public required string Scenario { get; init; }

    public required string Title { get; init; }

    /// <summary>What is measured, in one sentence.</summary>
    public required string Sentence { get; init; }

    /// <summary>The figure that the bars and the summary show.</summary>
    public string KeyFigure { get; init; } = Figure.Rate;

    /// <summary>What an axis with that figure says.</summary>
    public string KeyTitle { get; init; } = "operations per second";

    /// <summary>The unit behind a value.</summary>
    public string KeyUnit { get; init; } = "/s";

    public bool IsMoreBetter { get; init; } = true;

    /// <summary>What the percentile plot's axis says.</summary>
    public string LatencyTitle { get; init; } = "latency";

    public IReadOnlyList<PlotKind> Plots { get; init; } = [PlotKind.Bars];

    public IReadOnlyList<Goal> Goals { get; init; } = [];

    /// <summary>Whether it is about this result, among several sheets of a scenario.</summary>
    public Func<LoadResult, bool> Fits { get; init; } = _ => true;

    /// <summary>The settings that tell one size of it from another, each with the word for it.</summary>
    public IReadOnlyList<(string Setting, string Words)> Sizes { get; init; } =
        [("connections", "connections"), ("outstanding", "outstanding"), ("conversations", "conversations"), ("size", "B")];

    /// <summary>The size that the goals were set for, in words.</summary>
    public string GoalShape { get; init; } = string.Empty;

    /// <summary>Whether a result has that size.</summary>
    public Func<LoadResult, bool> HasGoalShape { get; init; } = _ => true;

    /// <summary>Every goal, judged.</summary>
    public IReadOnlyList<Verdict> Judge(LoadResult result) => [.. Goals.Select(goal => goal.Judge(result, HasGoalShape(result) ? null : GoalShape))];
}
