using System.Globalization;

namespace FastChat.Bench.Report.Results;

/// <summary>A column of the tables: the name of a figure in the files, and how people read it.</summary>
/// <param name="Name">Its name in the files.</param>
/// <param name="Title">Heading.</param>
/// <param name="Unit">Unit below the heading; empty for none.</param>
/// <param name="Format">Of a number in that unit.</param>
/// <param name="Scale">From the file's unit to that one.</param>
internal sealed record Figure(string Name, string Title, string Unit, string Format, double Scale = 1)
{
    public const string Rate = "rate";
    public const string P50 = "p50_us";
    public const string P99 = "p99_us";
    public const string P999 = "p999_us";
    public const string P9999 = "p9999_us";
    public const string Cpu = "cpu_us_per_op";
    public const string KbPerSession = "rss_kb_per_session";
    public const string Resumed99 = "resumed_99_s";
    public const string Headroom = "headroom";
    public const string Errors = "errors";
    public const string SyncP50 = "fdatasync_p50_us";
    public const string SyncP99 = "fdatasync_p99_us";
    public const string GrowthRatio = "growth_ratio";
    public const string StormFrames = "storm_frames";
    public const string PresenceRate = "presence_bytes_per_s";
    public const string ConnectionPresenceRate = "connection_bytes_per_s";
    public const string Burst = "burst_s";
    public const string KnownP50 = "known_p50_us";
    public const string WholeListP50 = "whole_list_p50_us";
    public const string AckRatio = "ack_ratio";
    public const string CpuRatio = "cpu_ratio";
    public const string RateRatio = "rate_ratio";
    public const string BytesPerQuiet = "bytes_per_quiet";
    public const string BytesPerOnceActive = "bytes_per_once_active";

    private static readonly Figure[] s_known =
    [
        new(Rate, "rate", "1/s", "N0"),
        new("mb_per_s", "throughput", "MB/s", "N1"),
        new("one_reader_rate", "one reader", "1/s", "N0"),
        new(P50, "p50", "µs", "N0"),
        new(P99, "p99", "µs", "N0"),
        new(P999, "p99.9", "µs", "N0"),
        new(P9999, "p99.99", "µs", "N0"),
        new(SyncP50, "fdatasync p50", "µs", "N0"),
        new(SyncP99, "fdatasync p99", "µs", "N0"),
        new("live_p99_ratio", "live p99 ÷ before", "", "N2"),
        new(Cpu, "server CPU", "µs/op", "N2"),
        new("cpu_percent", "server CPU", "% of one", "N1"),
        new(KbPerSession, "memory", "KB/session", "N1"),
        new(Resumed99, "99 % resumed", "s", "N2"),
        new(GrowthRatio, "largest ÷ second", "", "N2"),
        new(StormFrames, "presence in the storm", "frames", "N0"),
        new(PresenceRate, "presence in all", "kB/s", "N1", 1e-3),
        new(ConnectionPresenceRate, "presence to one", "kB/s", "N2", 1e-3),
        new(Burst, "beyond a budget", "s' worth", "N2"),
        new(KnownP50, "what is different, p50", "µs", "N0"),
        new(WholeListP50, "whole list, p50", "µs", "N0"),
        new("cold_us", "cold", "µs", "N0"),
        new(AckRatio, "ack, large ÷ small", "", "N2"),
        new(CpuRatio, "CPU, large ÷ small", "", "N2"),
        new(RateRatio, "rate, large ÷ small", "", "N2"),
        new(BytesPerQuiet, "quiet conversation", "B", "N0"),
        new(BytesPerOnceActive, "once active", "B", "N0"),
        new("flushes_per_ack", "flushes per ack", "1 outstanding", "N2"),
        new("flush_rate", "flushes", "1/s", "N0"),
        new(Headroom, "headroom", "%", "N0", 100),
        new(Errors, "errors", "", "N0"),
    ];

    /// <summary>The figures that any of these rows has, known ones first. One that this report does not know yet is shown under its own name rather than left out.</summary>
    public static IReadOnlyList<Figure> In(IReadOnlyCollection<ResultRow> rows)
    {
        HashSet<string> present = [.. rows.SelectMany(row => row.Figures.Keys)];
        IEnumerable<Figure> others = present.Except(s_known.Select(figure => figure.Name)).Order(StringComparer.Ordinal).Select(Unknown);
        return [.. s_known.Where(figure => present.Contains(figure.Name)), .. others];
    }

    /// <summary>What people call a figure.</summary>
    public static string TitleOf(string name) => Array.Find(s_known, figure => figure.Name == name)?.Title ?? name;

    /// <summary>A row's figure as text; a dash when it has none.</summary>
    public string Text(ResultRow row) => row[Name] is { } value ? (value * Scale).ToString(Format, CultureInfo.InvariantCulture) : "–";

    private static Figure Unknown(string name)
    {
        (string, string)[] units = [("_us", "µs"), ("_ms", "ms"), ("_s", "s"), ("_kb", "KB"), ("_mb", "MB"), ("_percent", "%")];
        (string ending, string unit) = units.Append((string.Empty, string.Empty)).First(pair => name.EndsWith(pair.Item1, StringComparison.Ordinal));
        return new Figure(name, name[..^ending.Length].Replace('_', ' '), unit, unit == "µs" ? "N0" : "#,0.##");
    }
}
