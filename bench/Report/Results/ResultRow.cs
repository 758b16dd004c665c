namespace FastChat.Bench.Report.Results;

/// <summary>One system's figures, by their names in the file. A figure that the scenario does not have is absent.</summary>
internal sealed record ResultRow(string System, string Version, IReadOnlyDictionary<string, double> Figures, string Note, IReadOnlyList<GrowthStep> Steps)
{
    private const double HeadroomLeast = 0.2;

    /// <summary>A figure, or null.</summary>
    public double? this[string figure] => Figures.TryGetValue(figure, out double value) ? value : null;

    /// <summary>The generator had too little time to spare: it may be what was measured.</summary>
    public bool IsVoid => this[Figure.Headroom] < HeadroomLeast;

    /// <summary>The row itself says that it is not durable.</summary>
    public bool IsNotDurable => Note.Contains("not durable", StringComparison.OrdinalIgnoreCase);

    public bool HasErrors => this[Figure.Errors] > 0;

    /// <summary>Why no goal is reached with this row, in a few words; null when nothing speaks against it.</summary>
    public string? Disqualification => IsVoid ? "void" : IsNotDurable ? "not durable" : HasErrors ? "errors" : null;
}

/// <summary>One step of a growth curve.</summary>
/// <param name="Conversations">Conversations that there are.</param>
/// <param name="Messages">Messages that are stored.</param>
/// <param name="Rate">Operations a second on a store of that size.</param>
internal readonly record struct GrowthStep(double Conversations, double Messages, double Rate);
