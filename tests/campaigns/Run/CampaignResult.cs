using System.Text.Json;
using System.Text.Json.Serialization;

using FastChat.History;

namespace FastChat.Campaigns;

/// <summary>What a campaign found: the last line of its output. What does not apply is null and absent.</summary>
internal sealed record CampaignResult
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public required string Campaign { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>Faults injected.</summary>
    public long Cycles { get; init; }

    /// <summary>Publishes that were acknowledged.</summary>
    public long? Acked { get; init; }

    /// <summary>Acknowledged and not there (P1), or gone when everything was read again at the end.</summary>
    public long? Lost { get; init; }

    /// <summary>Stored twice, or answered in two ways (P2).</summary>
    public long? Duplicated { get; init; }

    /// <summary>Out of order (P7, P8, P9).</summary>
    public long? Reordered { get; init; }

    /// <summary>All contradictions of all promises, those above included, and defects that the store found in itself.</summary>
    public long Violations { get; init; }

    /// <summary>Forged, or other bytes than were sent (P3, P6); after damage also too little.</summary>
    public long? ServedWrong { get; init; }

    /// <summary>Damage that was told of: at the start, or to whoever read the place.</summary>
    public long? Detected { get; init; }

    /// <summary>Damage after which everything was served as it had been written.</summary>
    public long? Harmless { get; init; }

    /// <summary>From the start of the process until it accepts connections, in seconds.</summary>
    [JsonPropertyName("restart_p99_s")]
    public double? RestartP99S { get; init; }

    /// <summary>The longest of them.</summary>
    public double? RestartMaxS { get; init; }

    /// <summary>Messages that the store holds at the end.</summary>
    public long? Stored { get; init; }

    /// <summary>Publishes whose outcome nobody learnt; they may be stored or not.</summary>
    public long? Unknown { get; init; }

    /// <summary>Faults that were met: calls that failed, syncs that took long.</summary>
    public long? Met { get; init; }

    /// <summary>The most memory that the broker had resident while it was looked at, in MiB.</summary>
    public long? RssMaxMb { get; init; }

    /// <summary>Before anybody was stalled.</summary>
    public long? RssBeforeMb { get; init; }

    /// <summary>When the last one read again.</summary>
    public long? RssAfterMb { get; init; }

    /// <summary>Readers that were connected.</summary>
    public int? Readers { get; init; }

    /// <summary>How many of them were stalled.</summary>
    public int? Stalled { get; init; }

    /// <summary>The p99 of deliveries to the others while nobody was stalled: the median of all such whiles.</summary>
    [JsonPropertyName("quiet_p99_ms")]
    public double? QuietP99Ms { get; init; }

    /// <summary>The same while some were.</summary>
    [JsonPropertyName("stalled_p99_ms")]
    public double? StalledP99Ms { get; init; }

    /// <summary>The second by the first; both count as 5 ms at least, of fewer than 5,000 readers as 100 ms.</summary>
    public double? Ratio { get; init; }

    /// <summary>Wall clock.</summary>
    public double Seconds { get; init; }

    /// <summary>True when nothing is wrong.</summary>
    [JsonIgnore]
    public bool IsClean => Violations == 0;

    /// <summary>One line.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    /// <summary>This and what the checker says of another round.</summary>
    public CampaignResult Plus(CheckReport report)
    {
        long Of(params Promise[] promises) => report.Promises.Where(one => promises.Contains(one.Promise)).Sum(one => one.Violations);
        return this with
        {
            Lost = (Lost ?? 0) + Of(Promise.Durable),
            Duplicated = (Duplicated ?? 0) + Of(Promise.ExactlyOnce),
            Reordered = (Reordered ?? 0) + Of(Promise.RealTimeOrder, Promise.SenderOrder, Promise.LiveDelivery),
            ServedWrong = (ServedWrong ?? 0) + Of(Promise.NoPhantom, Promise.Agreement),
            Violations = Violations + report.Violations,
            Unknown = (Unknown ?? 0) + report.UnknownOutcomes,
        };
    }
}
