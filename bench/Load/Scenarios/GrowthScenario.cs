using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// The cost curve on one server that becomes fuller and fuller: durable publishes, and for FastChat fan-out, at each <see cref="GrowthStep"/>; at the end what members cost who are not there. The
/// figures of the row are those of the largest step, the note has all.
/// </summary>
internal sealed class GrowthScenario : IScenario
{
    public RunSettings WithDefaults(RunSettings settings)
    {
        int largest = settings.Largest > 0 ? settings.Largest : 1_000_000;
        return settings with
        {
            Largest = largest,
            Conversations = largest,
            Connections = settings.Connections > 0 ? settings.Connections : 64,
            Outstanding = settings.Outstanding > 0 ? settings.Outstanding : 64,
        };
    }

    public WorkPlan Plan(RunSettings settings) => PlanOf(settings, GrowthStep.UpTo(settings.Largest)[0]);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        List<GrowthPoint> points = [];
        List<string> notes = [];
        foreach (GrowthStep step in GrowthStep.UpTo(settings.Largest))
        {
            Prepare(system, settings, step);
            points.Add(GrowthPoint.Measure(system, settings, flushes, step, points.Count > 0 ? points[^1].Stored : 0));
            GrowthFanOut? fanOut = system is FastChatSystem ? GrowthFanOut.Measure(system, settings, flushes, conversation: 0) : null;
            notes.Add(Describe(points[^1], fanOut));
            Console.Error.WriteLine($"     {system.Name}: {notes[^1]}");
        }

        if (system is FastChatSystem broker)
        {
            notes.Add(GrowthMembers.Measure(broker, settings, flushes).ToString());
        }

        GrowthPoint largest = points[^1];
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = largest.Rate,
            P50Us = largest.Latencies.Percentile(50),
            P99Us = largest.Latencies.Percentile(99),
            P999Us = largest.Latencies.Percentile(99.9),
            CpuUsPerOp = largest.Used.ServerSeconds * 1e6 / Math.Max(1, largest.Acknowledged),
            // Against a thousand conversations in a store that is filled: an empty one has nothing to merge yet. The note has all steps.
            GrowthRatio = largest.Rate / Math.Max(1, points[Math.Min(1, points.Count - 1)].Rate),
            FlushRate = largest.Used.Flushes / largest.Used.Seconds,
            Headroom = points.Min(point => point.Used.Headroom),
            Note = string.Join("; ", notes.Append(system.Caveat(settings.Scenario)).Where(text => text.Length > 0)),
        };
    }

    // The generator's thread has nothing else to do meanwhile: no fleet is open between two steps.
    private static void Prepare(SystemUnderTest system, RunSettings settings, GrowthStep step)
    {
        long begun = Stopwatch.GetTimestamp();
        system.PrepareAsync(PlanOf(settings, step), CancellationToken.None).GetAwaiter().GetResult();
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"     {system.Name}: {step.Conversations:N0} conversations prepared, {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s"));
    }

    private static WorkPlan PlanOf(RunSettings settings, GrowthStep step) =>
        new(settings.Scenario, step.Conversations, settings.Connections, settings.Size);

    private static string Describe(GrowthPoint point, GrowthFanOut? fanOut)
    {
        string durable = string.Create(
            CultureInfo.InvariantCulture, $"{point.Step.Conversations:N0} conversations with {point.Before:N0} messages {point.Rate:N0}/s");
        return fanOut is null ? durable : string.Create(CultureInfo.InvariantCulture, $"{durable}, fan-out to {GrowthFanOut.Online} {fanOut.Rate:N0}/s");
    }
}
