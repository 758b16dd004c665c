using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>What a message to one conversation costs with a hundred of its members connected, measured once: alone, and as fast as all of them receive.</summary>
/// <param name="AckP50Us">Publish to acknowledgement with one unanswered, p50.</param>
/// <param name="AckP99Us">The same, p99.</param>
/// <param name="FanOut">As fast as they receive.</param>
internal sealed record ChannelTurn(double AckP50Us, double AckP99Us, GrowthFanOut FanOut)
{
    /// <summary>Measures once.</summary>
    public static ChannelTurn Measure(SystemUnderTest system, RunSettings settings, FlushCounter flushes, int conversation)
    {
        using Fleet fleet = new(system, settings);
        fleet.Open(Enumerable.Range(0, GrowthFanOut.Online).Select(_ => new Member(subscribeTo: conversation)));
        LonePublisher publisher = new(conversation);
        fleet.Open([publisher]);
        fleet.RunFor(settings.WarmUpSeconds / 3);
        fleet.Latencies.Clear();
        fleet.RunFor(settings.Seconds);
        publisher.Stop();
        fleet.RunUntil(() => fleet.Delivered == fleet.Payloads.Next * GrowthFanOut.Online, "the last deliveries");
        double p50 = fleet.Latencies.Percentile(50) ?? throw new RunFailedException($"{system.Name}: nothing was acknowledged");
        return new ChannelTurn(p50, fleet.Latencies.Percentile(99)!.Value, GrowthFanOut.Measure(system, settings, flushes, conversation));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"ack p50 {AckP50Us:0} µs, p99 {AckP99Us:0}, {FanOut.Rate / 1e6:0.00} M deliveries/s, {FanOut.CpuUsPerMessage:0.0} µs CPU/message");

    /// <summary>Publishes the next message when the last one is acknowledged.</summary>
    private sealed class LonePublisher(int conversation) : Member
    {
        private bool _isStopped;

        public void Stop() => _isStopped = true;

        public override void OnReady()
        {
            base.OnReady();
            Publish(conversation, Stopwatch.GetTimestamp());
        }

        public override void OnAcknowledged(long number)
        {
            base.OnAcknowledged(number);
            if (!_isStopped)
            {
                Publish(conversation, Stopwatch.GetTimestamp());
            }
        }
    }
}
