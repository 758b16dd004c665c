using System.Globalization;

namespace FastChat.Bench.Report.Results;

/// <summary>What one comparison wrote: the work, the machine, the median row of each system in the order asked for, and every run.</summary>
internal sealed record LoadResult
{
    /// <summary>The system whose repository this is; every goal is about its row.</summary>
    public const string Ours = "fastchat";

    /// <summary>The system that stands for what the machine can do: compared with, but no peer.</summary>
    public const string Limit = "limit";

    /// <summary>The file's name without its folder.</summary>
    public required string File { get; init; }

    public required string Scenario { get; init; }

    /// <summary>Facts of the machine by their names in the file.</summary>
    public required IReadOnlyDictionary<string, string> Machine { get; init; }

    /// <summary>Settings by their names in the file.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    public required IReadOnlyList<ResultRow> Rows { get; init; }

    /// <summary>The first system's rate by each other's, medians over the turns.</summary>
    public required IReadOnlyDictionary<string, double> Ratios { get; init; }

    /// <summary>Every run of each system; empty when the file holds medians only.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<ResultRow>> Runs { get; init; }

    /// <summary>The row of a system, or null.</summary>
    public ResultRow? Row(string system) => Rows.FirstOrDefault(row => row.System == system);

    /// <summary>A setting as a number; null when it has none.</summary>
    public double? Setting(string name) =>
        Settings.TryGetValue(name, out string? text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : null;

    /// <summary>Smallest and largest of a figure over the runs of a system; null where no run has it.</summary>
    public (double Least, double Most)? Range(string system, string figure)
    {
        double[] values = Runs.TryGetValue(system, out IReadOnlyList<ResultRow>? runs) ? [.. runs.Select(run => run[figure]).OfType<double>()] : [];
        return values.Length == 0 ? null : (values.Min(), values.Max());
    }

    /// <summary>Our rate by another system's: pair by pair where the comparison was ours, else of the medians.</summary>
    public double? RateRatio(string system)
    {
        if (Rows.Count > 0 && Rows[0].System == Ours && Ratios.TryGetValue(system, out double ratio))
        {
            return ratio;
        }

        return Row(system)?[Figure.Rate] is > 0 and { } theirs ? Row(Ours)?[Figure.Rate] / theirs : null;
    }

    /// <summary>A figure of ours by another system's; for the rate, <see cref="RateRatio"/>.</summary>
    public double? Ratio(string system, string figure) =>
        figure == Figure.Rate ? RateRatio(system) : Row(system)?[figure] is > 0 and { } theirs ? Row(Ours)?[figure] / theirs : null;

    /// <summary>A system's growth curve: step by step the median rate of its runs. The median row's note has the steps of all runs one after the other and is asked only when there are no runs.</summary>
    public IReadOnlyList<GrowthStep> Steps(string system)
    {
        IReadOnlyList<GrowthStep>[] curves = Runs.TryGetValue(system, out IReadOnlyList<ResultRow>? runs) ? [.. runs.Select(run => run.Steps)] : [];
        if (curves.Length == 0 || curves.Any(curve => curve.Count != curves[0].Count))
        {
            return Row(system)?.Steps ?? [];
        }

        return [.. curves[0].Select((step, i) => step with { Rate = Median([.. curves.Select(curve => curve[i].Rate).Order()]) })];
    }

    private static double Median(double[] sorted) => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
}
