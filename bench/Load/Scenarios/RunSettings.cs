using System.Text.Json.Serialization;

using FastChat.Bench.Compare;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>The shape of a run. All numbers are checked by the command line; 0 stands for the scenario's own default.</summary>
internal sealed record RunSettings
{
    /// <summary>The kind of work; the last line names it itself.</summary>
    [JsonIgnore]
    public Scenario Scenario { get; init; }

    /// <summary>Measured seconds of a run.</summary>
    public double Seconds { get; init; } = 10;

    /// <summary>Seconds before them that are not counted: just-in-time compilation and caches.</summary>
    public double WarmUpSeconds { get; init; } = 3;

    public int Connections { get; init; }

    public int Outstanding { get; init; }

    public int Conversations { get; init; } = 1000;

    /// <summary>Bytes of a message body.</summary>
    public int Size { get; init; } = 128;

    /// <summary>Messages a second, where a rate is fixed.</summary>
    public int Rate { get; init; }

    /// <summary>Messages of the conversation that is read.</summary>
    public int Messages { get; init; }

    /// <summary>Who read it at once.</summary>
    public int Readers { get; init; }

    public string Transport { get; init; } = "tcp";

    /// <summary>Server on processor 0 and generator on processor 1 instead of both everywhere.</summary>
    public bool Pin { get; init; }

    /// <summary>Directory of the chat logs, where they are replayed; null for the default one. No part of the result: it says where, not what.</summary>
    [JsonIgnore]
    public string? Corpus { get; init; }

    /// <summary>The file that histories go into; null for none. No part of the result, whose note says that it was recorded.</summary>
    [JsonIgnore]
    public string? History { get; init; }

    /// <summary>Conversations at the largest step of growth.</summary>
    public int Largest { get; init; }
}
