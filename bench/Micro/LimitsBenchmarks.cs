using BenchmarkDotNet.Attributes;

using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Bench.Micro;

/// <summary>Limits for benchmarks, which refuse nothing and charge for everything.</summary>
internal static class LimitsBench
{
    /// <summary>Makes them.</summary>
    public static UserLimits Generous(BrokerMetrics metrics, bool isOn = true) => new(
        new LimitSettings { IsOn = isOn, PublishesPerSecond = 1e9, PublishBytesPerSecond = 1e12, ConversationPublishesPerSecond = 1e9 }, TimeProvider.System, RandomSource.Cryptographic, metrics, AuditLog.None);
}

/// <summary>What a publish pays for being limited: three buckets of the user and the conversation, four cells in all. The shard's work on it is 790 ns.</summary>
[MemoryDiagnoser]
public class LimitsBenchmarks
{
    private readonly BrokerMetrics _metrics = new();
    private readonly Peer _peer = new(new Actor(new UserId(3), new DeviceId(4), AccountRights.None), "somebody", new Outbox(1, 1 << 20, 0));
    private UserLimits? _on;
    private UserLimits? _off;
    private TokenBucket _bucket;
    private long _fullAt;
    private long _now;
    private UInt128 _conversation;

    /// <summary>Makes them.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _on = LimitsBench.Generous(_metrics);
        _off = LimitsBench.Generous(_metrics, isOn: false);
        _bucket = new TokenBucket(new Rate(1e9, 1e9), TimeProvider.System.TimestampFrequency);
        _now = _on.Now;
    }

    /// <summary>Ends the metrics.</summary>
    [GlobalCleanup]
    public void End() => _metrics.Dispose();

    /// <summary>One bucket.</summary>
    [Benchmark]
    public bool Bucket() => _bucket.TryTake(ref _fullAt, _now += 100, 1, out _);

    /// <summary>A publish, each into another of 1,000 conversations.</summary>
    [Benchmark(Baseline = true)]
    public bool May_publish()
    {
        _conversation = (_conversation + 1) % 1000;
        return _on!.MayPublish(_peer, new ConversationId(_conversation << 64), 128, _now += 100, out _);
    }

    /// <summary>The same while the rates are off.</summary>
    [Benchmark]
    public bool May_publish_off() => _off!.MayPublish(_peer, new ConversationId(1), 128, _now, out _);
}
