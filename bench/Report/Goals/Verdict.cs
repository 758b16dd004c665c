namespace FastChat.Bench.Report.Goals;

/// <summary>How a result stands to a goal.</summary>
internal enum Mark
{
    /// <summary>Reached.</summary>
    Reached,

    /// <summary>Measured and not reached.</summary>
    Missed,

    /// <summary>The result does not tell.</summary>
    NotMeasured,

    /// <summary>Measured by a row that does not hold: void, not durable, with errors.</summary>
    DoesNotCount,

    /// <summary>Measured at a size the goal was not set for.</summary>
    OtherShape,
}

/// <summary>A goal, judged.</summary>
/// <param name="Goal">The goal.</param>
/// <param name="Mark">The judgement.</param>
/// <param name="Measured">In the goal's unit; null when it was not measured.</param>
/// <param name="Why">The reason where it is neither reached nor missed.</param>
internal sealed record Verdict(Goal Goal, Mark Mark, double? Measured, string Why);
