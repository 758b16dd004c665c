using System.Globalization;

namespace FastChat.Bench.Load.Reports;

/// <summary>A result row as a person reads it.</summary>
internal static class RowText
{
    /// <summary>One line with the figures that the row has.</summary>
    public static string Of(ResultRow row)
    {
        List<string> parts = [row.System.PadRight(10), row.Version.Length > 24 ? row.Version[..24] : row.Version];
        Add(parts, row.Rate, "{0:N0}/s");
        Add(parts, row.MbPerS, "{0:N1} MB/s");
        Add(parts, row.OneReaderRate, "{0:N0}/s to one reader");
        Add(parts, row.P50Us, "p50 {0:N0} µs");
        Add(parts, row.P99Us, "p99 {0:N0} µs");
        Add(parts, row.P999Us, "p99.9 {0:N0} µs");
        Add(parts, row.FdatasyncP50Us, "fdatasync p50 {0:N0} µs");
        Add(parts, row.FdatasyncP99Us, "fdatasync p99 {0:N0} µs");
        Add(parts, row.P50Us / row.FdatasyncP50Us, "ack/fdatasync p50 {0:0.00}");
        Add(parts, row.P99Us / row.FdatasyncP99Us, "ack/fdatasync p99 {0:0.00}");
        Add(parts, row.LiveP99Ratio, "live p99 {0:0.0} × that before");
        Add(parts, row.CpuUsPerOp, "{0:0.##} µs CPU/op");
        Add(parts, row.CpuPercent, "{0:0.0} % of a processor");
        Add(parts, row.RssKbPerSession, "{0:0.0} KB/session");
        Add(parts, row.FlushesPerAck, "{0:0.00} flushes/ack at 1 outstanding");
        Add(parts, row.FlushRate, "{0:N0} flushes/s");
        Add(parts, row.Resumed99S, "99 % resumed in {0:0.0} s");
        Add(parts, row.GrowthRatio, "{0:0.00} of the rate at 1,000 conversations");
        Add(parts, row.StormFrames, "{0:N0} presence frames in the storm");
        Add(parts, row.PresenceBytesPerS, "{0:N0} B/s of presence in all");
        Add(parts, row.ConnectionBytesPerS, "{0:N0} B/s to one connection");
        Add(parts, row.BurstS, "at most {0:0.00} s' worth beyond a budget's rate");
        Add(parts, row.KnownP50Us, "what is different p50 {0:N0} µs");
        Add(parts, row.WholeListP50Us, "whole list p50 {0:N0} µs");
        Add(parts, row.ColdUs, "cold {0:N0} µs");
        Add(parts, row.AckRatio, "ack {0:0.00} of the small one's");
        Add(parts, row.CpuRatio, "CPU {0:0.00}");
        Add(parts, row.RateRatio, "rate {0:0.00}");
        Add(parts, row.BytesPerQuiet, "{0:N0} B/quiet conversation");
        Add(parts, row.BytesPerOnceActive, "{0:N0} B/once active");
        Add(parts, 100 * row.Headroom, "headroom {0:0} %");
        Add(parts, row.Errors > 0 ? row.Errors : null, "{0} ERRORS");
        if (row.Headroom is < 0.2)
        {
            parts.Add("VOID: the generator had less than 20 % headroom");
        }

        parts.AddRange((row.Broken ?? []).Select(promise => "BROKEN: " + promise));
        if (row.Note.Length > 0)
        {
            parts.Add(row.Note);
        }

        return string.Join("  ", parts);
    }

    private static void Add(List<string> parts, double? value, string format)
    {
        if (value is { } number)
        {
            parts.Add(string.Format(CultureInfo.InvariantCulture, format, number));
        }
    }
}
