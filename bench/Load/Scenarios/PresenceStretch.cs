using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A stretch of time in which everybody changes how they are seen once a second, as often as is allowed for long.</summary>
/// <param name="Changes">Changes that were made.</param>
/// <param name="AllBytesPerSecond">What all lookers were sent.</param>
/// <param name="MostBytesPerSecond">What the looker was sent that was sent most.</param>
/// <param name="Used">What it used.</param>
internal sealed record PresenceStretch(long Changes, double AllBytesPerSecond, double MostBytesPerSecond, UsedResources Used)
{
    // The first second's worth of a budget may be sent at once: it is over when the measured stretch begins.
    private const double FirstSeconds = 2;

    /// <summary>Lets everybody change, measures, and lets the last answers come.</summary>
    public static PresenceStretch Measure(PresenceStage stage, ServerProcess server, FlushCounter flushes, double seconds)
    {
        IReadOnlyList<PresenceSession> speakers = stage.Speakers;
        int next = 0;
        Schedule schedule = new(speakers.Count, planned => speakers[next++ % speakers.Count].Change(planned));
        stage.RunFor(FirstSeconds, schedule);
        stage.Answers.Clear();
        long changes = speakers.Sum(speaker => speaker.Changed);
        long all = stage.All.Bytes;
        long[] each = [.. stage.Lookers.Select(looker => looker.Meter.Bytes)];
        Usage usage = new(server, flushes);
        stage.RunFor(seconds, schedule);
        UsedResources used = usage.End();
        PresenceStretch measured = new(
            speakers.Sum(speaker => speaker.Changed) - changes,
            (stage.All.Bytes - all) / used.Seconds,
            stage.Lookers.Select((looker, i) => looker.Meter.Bytes - each[i]).Max() / used.Seconds,
            used);
        stage.WaitForAnswers();
        return measured;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Changes / Used.Seconds:0} changes/s: {AllBytesPerSecond / 1000:0.0} kB/s in all, at most {MostBytesPerSecond / 1000:0.0} kB/s to one");
}
