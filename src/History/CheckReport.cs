namespace FastChat.History;

/// <summary>A contradiction between events.</summary>
/// <param name="Promise">What does not hold.</param>
/// <param name="Text">What was seen.</param>
/// <param name="Places">The events that contradict one another, as file:line.</param>
public sealed record Violation(Promise Promise, string Text, IReadOnlyList<string> Places)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Promises.NumberOf(Promise)} {Promises.TitleOf(Promise)}: {Text} ({string.Join(", ", Places)})";
}

/// <summary>What a history said about one promise.</summary>
/// <param name="Promise">Which.</param>
/// <param name="Judged">How often it could have been broken; 0 = the history holds no evidence.</param>
/// <param name="Violations">How often it was.</param>
public sealed record PromiseReport(Promise Promise, long Judged, long Violations);

/// <summary>What the checks found.</summary>
public sealed record CheckReport
{
    /// <summary>Lines read.</summary>
    public required long Events { get; init; }

    /// <summary>Requests among them.</summary>
    public required long Operations { get; init; }

    /// <summary>Publishes whose outcome nobody learnt.</summary>
    public required long UnknownOutcomes { get; init; }

    /// <summary>Publishes sent.</summary>
    public required long Publishes { get; init; }

    /// <summary>Records of publishers that write no history, passed over.</summary>
    public required long ForeignRecords { get; init; }

    /// <summary>Files whose last line was torn.</summary>
    public required int TornFiles { get; init; }

    /// <summary>Every promise, in order.</summary>
    public required IReadOnlyList<PromiseReport> Promises { get; init; }

    /// <summary>The first violations of each promise, with their places.</summary>
    public required IReadOnlyList<Violation> Details { get; init; }

    /// <summary>Promises for which the history holds evidence.</summary>
    public int PromisesJudged => Promises.Count(static promise => promise.Judged > 0);

    /// <summary>Contradictions found, those beyond the kept details included.</summary>
    public long Violations => Promises.Sum(static promise => promise.Violations);
}
