namespace FastChat.Bench.Load.Reports;

/// <summary>What one run of one system gave; a figure that the scenario does not have is null. The names are those of the last line (bench/README.md).</summary>
internal sealed record ResultRow
{
    public required string System { get; init; }

    public required string Version { get; init; }

    /// <summary>Operations a second: acknowledgements, deliveries or reads, as the scenario says.</summary>
    public double? Rate { get; init; }

    public double? P50Us { get; init; }

    public double? P99Us { get; init; }

    public double? P999Us { get; init; }

    public double? P9999Us { get; init; }

    /// <summary>The machine's own append and fdatasync beside the server's data, just before the load.</summary>
    public double? FdatasyncP50Us { get; init; }

    public double? FdatasyncP99Us { get; init; }

    /// <summary>Processor time of the server for one operation.</summary>
    public double? CpuUsPerOp { get; init; }

    public double? RssKbPerSession { get; init; }

    /// <summary>Processor time of the server in percent of one processor.</summary>
    public double? CpuPercent { get; init; }

    /// <summary>Flushes for each acknowledgement with one publish outstanding: durable only when it is at least 1.</summary>
    public double? FlushesPerAck { get; init; }

    [System.Text.Json.Serialization.JsonPropertyName("resumed_99_s")]
    public double? Resumed99S { get; init; }

    /// <summary>The rate on the largest store by that with a thousand conversations in a filled one (growth).</summary>
    public double? GrowthRatio { get; init; }

    /// <summary>What <see cref="Rate"/> carries in message bodies, in 10⁶ bytes a second.</summary>
    public double? MbPerS { get; init; }

    /// <summary>Messages a second with one reader, where <see cref="Rate"/> is that of many.</summary>
    public double? OneReaderRate { get; init; }

    /// <summary>p99 of what is live while others read history, by the p99 before.</summary>
    public double? LiveP99Ratio { get; init; }

    /// <summary>Flushes a second during the measured stretch.</summary>
    public double? FlushRate { get; init; }

    /// <summary>Share of its time in which the generator had nothing to do.</summary>
    public double? Headroom { get; init; }

    /// <summary>Presence frames to the lookers while everybody was cut and came back (presence).</summary>
    public double? StormFrames { get; init; }

    /// <summary>Bytes of Presence frames a second to all lookers together while as many as possible change (presence).</summary>
    public double? PresenceBytesPerS { get; init; }

    /// <summary>The same for the connection that got most, while few look and their own budget is the limit (presence).</summary>
    public double? ConnectionBytesPerS { get; init; }

    /// <summary>How far any stretch of time went beyond a budget's rate, in seconds' worth of it; one second's worth is allowed (presence).</summary>
    public double? BurstS { get; init; }

    /// <summary>First request to last byte, p50, of everything that is different for a device that knows the whole list (inbox).</summary>
    public double? KnownP50Us { get; init; }

    /// <summary>The same for the pages of the whole list, one after the other (inbox).</summary>
    public double? WholeListP50Us { get; init; }

    /// <summary>The first opening after a start (inbox).</summary>
    public double? ColdUs { get; init; }

    /// <summary>A cost in the conversation of many members by that in the small one (channel): acknowledgement's p50.</summary>
    public double? AckRatio { get; init; }

    /// <summary>The same for processor time of a message.</summary>
    public double? CpuRatio { get; init; }

    /// <summary>The same for deliveries a second.</summary>
    public double? RateRatio { get; init; }

    /// <summary>Bytes of the server's memory for each conversation that nothing happened in since the start (quiet).</summary>
    public double? BytesPerQuiet { get; init; }

    /// <summary>Bytes for each conversation in which something happened once since the start (quiet).</summary>
    public double? BytesPerOnceActive { get; init; }

    /// <summary>What was promised and not kept: the command then ends with 1. Null or empty when nothing was.</summary>
    public IReadOnlyList<string>? Broken { get; init; }

    public long Errors { get; init; }

    /// <summary>What to know before comparing this row; empty when nothing.</summary>
    public string Note { get; init; } = string.Empty;
}
