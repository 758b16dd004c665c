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
    private readonly Counter<long> _limited;
    private readonly Counter<long> _commits;
    private readonly Counter<long> _committedBytes;
    private readonly Histogram<double> _commitSeconds;
    private readonly Counter<long> _presenceFrames;
    private readonly Counter<long> _presenceBytes;
    private readonly Counter<long> _presenceDeferred;
    private readonly Counter<long> _signalsRelayed;
    private readonly Counter<long> _signalsDropped;

    public BrokerMetrics()
    {
        _published = _meter.CreateCounter<long>("fastchat.published", "{message}", "publishes acknowledged");
        _refused = _meter.CreateCounter<long>("fastchat.refused", "{request}", "publishes refused");
        _closed = _meter.CreateCounter<long>("fastchat.closed", "{connection}", "connections closed by the broker, by code");
        _limited = _meter.CreateCounter<long>("fastchat.limited", "{refusal}", "what was refused because of a limit, by limit");
        _commits = _meter.CreateCounter<long>("fastchat.commits", "{commit}", "group commits");
        _committedBytes = _meter.CreateCounter<long>("fastchat.committed", "By", "bytes committed");
        _commitSeconds = _meter.CreateHistogram<double>("fastchat.commit.duration", "s", "write and sync of a group commit");
        _presenceFrames = _meter.CreateCounter<long>("fastchat.presence.frames", "{frame}", "Presence frames sent");
        _presenceBytes = _meter.CreateCounter<long>("fastchat.presence.bytes", "By", "bytes of Presence frames, headers included");
        _presenceDeferred = _meter.CreateCounter<long>("fastchat.presence.deferred", "{watch}", "times that a watch had to wait for a later tick");
        _signalsRelayed = _meter.CreateCounter<long>("fastchat.signals.relayed", "{frame}", "typing signals put into an outbox");
        _signalsDropped = _meter.CreateCounter<long>("fastchat.signals.dropped", "{frame}", "typing signals dropped, on arrival or for one listener");
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

    /// <summary>Something was refused because of a limit. The name is one of a few of the broker's own.</summary>
    public void Limited(string limit) => _limited.Add(1, new KeyValuePair<string, object?>("limit", limit));

    /// <summary>A commit became durable.</summary>
    public void Committed(CommitObservation commit)
    {
        _commits.Add(1);
        _committedBytes.Add(commit.Bytes);
        _commitSeconds.Record(commit.Duration.TotalSeconds);
    }

    /// <summary>A Presence frame was put into an outbox.</summary>
    public void PresenceTold(int bytes)
    {
        _presenceFrames.Add(1);
        _presenceBytes.Add(bytes);
    }

    /// <summary>Watches with something to tell wait for a later tick.</summary>
    public void PresenceDeferred(int watches) => _presenceDeferred.Add(watches);

    /// <summary>A signal was relayed to so many connections and dropped for so many.</summary>
    public void Signal(int relayed, int dropped)
    {
        _signalsRelayed.Add(relayed);
        _signalsDropped.Add(dropped);
    }

    /// <summary>Adds a gauge that is read when somebody asks.</summary>
    public void Observe(string name, string unit, string description, Func<long> read) => _meter.CreateObservableGauge(name, read, unit, description);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
