using System.Diagnostics.Metrics;

using FastChat.Storage;

namespace FastChat.Broker.Diagnostics;

/// <summary>
/// What the broker counts, as meters of the name <see cref="MeterName"/> (docs/operations.md). Counting must cost nothing: loops count per turn, not per message. Never a
/// name, an address or a body.
/// </summary>
internal sealed class BrokerMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "FastChat.Broker";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _published;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _closed;
    private readonly Counter<long> _commits;
    private readonly Counter<long> _committedBytes;
    private readonly Histogram<double> _commitSeconds;

    public BrokerMetrics()
    {
        _published = _meter.CreateCounter<long>("fastchat.published", "{message}", "publishes acknowledged");
        _refused = _meter.CreateCounter<long>("fastchat.refused", "{request}", "publishes refused");
        _closed = _meter.CreateCounter<long>("fastchat.closed", "{connection}", "connections closed by the broker, by code");
        _commits = _meter.CreateCounter<long>("fastchat.commits", "{commit}", "group commits");
        _committedBytes = _meter.CreateCounter<long>("fastchat.committed", "By", "bytes committed");
        _commitSeconds = _meter.CreateHistogram<double>("fastchat.commit.duration", "s", "write and sync of a group commit");
    }

    /// <summary>Publishes were acknowledged.</summary>
    public void Published(int count)
    {
        if (count > 0)
        {
            _published.Add(count);
        }
    }

    /// <summary>A publish was refused.</summary>
    public void Refused() => _refused.Add(1);

    /// <summary>The broker closed a connection.</summary>
    public void Closed(Protocol.CloseCode code) => _closed.Add(1, new KeyValuePair<string, object?>("code", code.ToString()));

    /// <summary>A commit became durable.</summary>
    public void Committed(CommitObservation commit)
    {
        _commits.Add(1);
        _committedBytes.Add(commit.Bytes);
        _commitSeconds.Record(commit.Duration.TotalSeconds);
    }

    /// <summary>Adds a gauge that is read when somebody asks.</summary>
    public void Observe(string name, string unit, string description, Func<long> read) => _meter.CreateObservableGauge(name, read, unit, description);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
