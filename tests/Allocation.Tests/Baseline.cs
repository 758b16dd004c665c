using System.Globalization;
using System.Text.Json;

using FastChat.TestSupport;

namespace FastChat.Allocation.Tests;

/// <summary>
/// bench/baselines/alloc.json: for every benchmark the bytes that one operation allocates. Figures are deterministic, so a lower one is news as well and is written
/// down: otherwise the way back up would be free.
/// </summary>
internal static class Baseline
{
    /// <summary>The file, relative to the repository.</summary>
    public const string File = "bench/baselines/alloc.json";

    /// <summary>Where a run leaves what it measured, in the same format.</summary>
    public const string MeasuredFile = "artifacts/alloc.json";

    /// <summary>Object sizes are multiples of eight, but amortised growth is not: a figure may differ by this part.</summary>
    private const double Tolerance = 0.05;

    /// <summary>
    /// With several threads the process is measured, and the test host allocates too: 40 bytes in 4,000 operations are nobody's. For the same reason the
    /// baseline is a ceiling there, and not a figure: how far a producer gets ahead depends on the scheduler.
    /// </summary>
    private const double ProcessNoise = 0.1;

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static SortedDictionary<string, double> Read() =>
        new(JsonSerializer.Deserialize<Dictionary<string, double>>(System.IO.File.ReadAllText(RepositoryRoot.PathOf(File)))!, StringComparer.Ordinal);

    /// <summary>Leaves what was measured where it can be taken over with one copy.</summary>
    public static void WriteMeasured(SortedDictionary<string, double> measured)
    {
        string path = RepositoryRoot.PathOf(MeasuredFile);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, JsonSerializer.Serialize(measured, Format) + "\n");
    }

    /// <summary>What is wrong with a figure, or null: the operation, both figures, and what to do.</summary>
    public static string? Judge(string operation, double? expected, double measured, bool hasThreads = false)
    {
        if (expected is not { } bytes)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{operation} allocates {measured} bytes per operation and has no entry in {File}. {HowToUpdate}");
        }

        double excess = measured - bytes;
        if (hasThreads ? excess <= ProcessNoise : Math.Abs(excess) <= bytes * Tolerance)
        {
            return null;
        }

        string what = measured > bytes ? "Find what allocates; only if it is meant to, update the baseline." : "Good: write it down, so that it stays.";
        return string.Create(
            CultureInfo.InvariantCulture, $"{operation}: expected {bytes} bytes allocated per operation, measured {measured}. {what} {HowToUpdate}");
    }

    private const string HowToUpdate = $"To update: ./test.sh allocation; cp {MeasuredFile} {File}; review the difference.";
}
