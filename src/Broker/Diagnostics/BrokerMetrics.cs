using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

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
    private readonly List<(string Name, Func<long> Read)> _readable = [];
    private readonly RecentDurations _commitDurations;
    private readonly Total _published;
    private readonly Total _refused;
    private readonly Total _errors;
    private readonly Total _closed;
    private readonly Total _limited;
    private readonly Total _vouched;
    private readonly Total _notVouched;
    private readonly Total _commits;
    private readonly Total _committedBytes;
    private readonly Histogram<double> _commitSeconds;
    private readonly Total _presenceFrames;
    private readonly Total _presenceBytes;
    private readonly Total _presenceDeferred;
    private readonly Total _signalsRelayed;
    private readonly Total _signalsDropped;
    private readonly StripedCount _received = new();
    private readonly StripedCount _sent = new();
    private readonly StripedCount _caughtUp = new();

    /// <param name="clock">What <c>commit.p50</c> and <c>commit.p99</c> are of late by; the system's own when there is none.</param>
    public BrokerMetrics(TimeProvider? clock = null)
    {
        _commitDurations = new RecentDurations(clock ?? TimeProvider.System);
        _published = Count("fastchat.published", "{message}", "publishes acknowledged");
        _refused = Count("fastchat.refused", "{request}", "publishes refused");
        _errors = Count("fastchat.errors", "{request}", "requests of every kind that were answered by an Error, by code");
        _closed = Count("fastchat.closed", "{connection}", "connections closed by the broker, by code");
        _limited = Count("fastchat.limited", "{refusal}", "what was refused because of a limit, by limit");
        _vouched = Count("fastchat.assertions.accepted", "{assertion}", "assertions and certificates that signed somebody in, or kept them signed in");
        _notVouched = Count("fastchat.assertions.refused", "{assertion}", "assertions and certificates that did not");
        _commits = Count("fastchat.commits", "{commit}", "group commits");
        _committedBytes = Count("fastchat.committed", "By", "bytes committed");
        _commitSeconds = _meter.CreateHistogram<double>("fastchat.commit.duration", "s", "write and sync of a group commit");
        _presenceFrames = Count("fastchat.presence.frames", "{frame}", "Presence frames sent");
        _presenceBytes = Count("fastchat.presence.bytes", "By", "bytes of Presence frames, headers included");
        _presenceDeferred = Count("fastchat.presence.deferred", "{watch}", "times that a watch had to wait for a later tick");
        _signalsRelayed = Count("fastchat.signals.relayed", "{frame}", "typing signals put into an outbox");
        Observe("fastchat.received", "By", "bytes of frames read from signed-in connections, since the start", () => _received.Value);
        Observe("fastchat.sent", "By", "bytes of frames given to the transports of signed-in connections, since the start", () => _sent.Value);
        _readable.Add(("fastchat.commit.p50", () => _commitDurations.Percentile(0.5)));
        _readable.Add(("fastchat.commit.p99", () => _commitDurations.Percentile(0.99)));
        _signalsDropped = Count("fastchat.signals.dropped", "{frame}", "typing signals dropped, on arrival or for one listener");
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

    /// <summary>A request was answered by an Error.</summary>
    public void Error(Protocol.ErrorCode code) => _errors.Add(1, new KeyValuePair<string, object?>("code", code.ToString()));

    /// <summary>The broker closed a connection.</summary>
    public void Closed(Protocol.CloseCode code) => _closed.Add(1, new KeyValuePair<string, object?>("code", code.ToString()));

    /// <summary>Something was refused because of a limit. The name is one of a few of the broker's own.</summary>
    public void Limited(string limit) => _limited.Add(1, new KeyValuePair<string, object?>("limit", limit));

    /// <summary>An assertion, or a certificate, was looked at.</summary>
    public void Vouched(bool isAccepted) => (isAccepted ? _vouched : _notVouched).Add(1);

    /// <summary>A commit became durable.</summary>
    public void Committed(CommitObservation commit)
    {
        _commits.Add(1);
        _committedBytes.Add(commit.Bytes);
        _commitSeconds.Record(commit.Duration.TotalSeconds);
        _commitDurations.Add(commit.Duration);
    }

    /// <summary>Frames were read, so many bytes. Read loops, once for all that a read brought.</summary>
    public void Received(long bytes) => _received.Add(bytes);

    /// <summary>Frames were given to the transport, so many bytes. Write loops, once a flush.</summary>
    public void Sent(long bytes) => _sent.Add(bytes);

    /// <summary>So many records left that were read from the log for a subscription. Write loops, once a page.</summary>
    public void CaughtUp(int count) => _caughtUp.Add(count);

    /// <summary>Records that left so, since the start.</summary>
    public long CaughtUpCount => _caughtUp.Value;

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
    public void Observe(string name, string unit, string description, Func<long> read)
    {
        _meter.CreateObservableGauge(name, read, unit, description);
        _readable.Add((name, read));
    }

    /// <summary>Everything that is counted or can be read now, by the meters' names; commits' durations in µs, over the last ten to twenty seconds. What is added after the start is not in it. Any thread.</summary>
    public IEnumerable<(string Name, long Value)> Read() => _readable.Select(static readable => (readable.Name, readable.Read()));

    /// <summary>The counters that are told apart by something, and how often each of it was: by codes and words of the broker's own, of which there are a few. Any thread.</summary>
    public IEnumerable<(string Name, IEnumerable<(string Word, long Value)> Parts)> ReadParts() =>
        [("fastchat.errors", _errors.Parts), ("fastchat.closed", _closed.Parts), ("fastchat.limited", _limited.Parts)];

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private Total Count(string name, string unit, string description)
    {
        Total total = new(_meter.CreateCounter<long>(name, unit, description));
        _readable.Add((name, () => total.Value));
        return total;
    }

    /// <summary>A counter that can be read as well.</summary>
    private sealed class Total(Counter<long> counter)
    {
        private readonly ConcurrentDictionary<string, StrongBox<long>> _parts = new(StringComparer.Ordinal);
        private long _value;

        public IEnumerable<(string Word, long Value)> Parts => _parts.Select(static part => (part.Key, Interlocked.Read(ref part.Value.Value)));

        public long Value => Interlocked.Read(ref _value);

        public void Add(long count)
        {
            counter.Add(count);
            Interlocked.Add(ref _value, count);
        }

        public void Add(long count, KeyValuePair<string, object?> tag)
        {
            counter.Add(count, tag);
            Interlocked.Add(ref _value, count);
            Interlocked.Add(ref _parts.GetOrAdd((string)tag.Value!, static _ => new StrongBox<long>()).Value, count);
        }
    }
}
