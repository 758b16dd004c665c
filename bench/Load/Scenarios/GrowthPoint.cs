using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>Durable publishes on a store of some size: filled to it first, as fast as it goes, by the same connections that are then measured.</summary>
/// <param name="Step">The size.</param>
/// <param name="Before">Messages that were stored when the measured stretch began.</param>
/// <param name="Stored">Messages that were stored when all was acknowledged.</param>
/// <param name="Acknowledged">Acknowledgements in the measured stretch.</param>
/// <param name="Used">What it used.</param>
/// <param name="Latencies">From publish to acknowledgement.</param>
internal sealed record GrowthPoint(GrowthStep Step, long Before, long Stored, long Acknowledged, UsedResources Used, Latencies Latencies)
{
    private const double ProgressSeconds = 5;
    private static readonly TimeSpan s_stallMax = TimeSpan.FromMinutes(1);

    /// <summary>Acknowledgements a second.</summary>
    public double Rate => Acknowledged / Used.Seconds;

    /// <summary>Fills and measures.</summary>
    /// <param name="stored">Messages that are stored already.</param>
    /// <exception cref="RunFailedException">A connection failed, or nothing was acknowledged for a minute.</exception>
    public static GrowthPoint Measure(SystemUnderTest system, RunSettings settings, FlushCounter flushes, GrowthStep step, long stored)
    {
        using Fleet fleet = new(system, settings);
        Window[] writers = Enumerable.Range(0, settings.Connections).Select(_ => new Window(settings.Outstanding, step.Conversations)).ToArray();
        fleet.Open(writers);
        Fill(fleet, system.Name, step, stored);
        fleet.RunFor(settings.WarmUpSeconds);
        fleet.Latencies.Clear();
        long before = fleet.Acknowledged;
        Usage usage = new(system.Server, flushes);
        fleet.RunFor(settings.Seconds);
        long done = fleet.Acknowledged - before;
        UsedResources used = usage.End();
        Array.ForEach(writers, writer => writer.Stop());
        fleet.RunUntil(() => fleet.Acknowledged == fleet.Payloads.Next, "the last acknowledgements");
        return new GrowthPoint(step, stored + before, stored + fleet.Acknowledged, done, used, fleet.Latencies);
    }

    private static void Fill(Fleet fleet, string name, GrowthStep step, long stored)
    {
        long moved = Stopwatch.GetTimestamp();
        for (long begun = moved, last = 0; stored + fleet.Acknowledged < step.Stored;)
        {
            long missing = step.Stored - stored - fleet.Acknowledged;
            double rate = fleet.Acknowledged / Math.Max(0.001, Stopwatch.GetElapsedTime(begun).TotalSeconds);
            fleet.RunFor(rate > 0 ? Math.Clamp(missing / rate, 0.01, ProgressSeconds) : 0.1);
            moved = fleet.Acknowledged > last ? Stopwatch.GetTimestamp() : moved;
            last = fleet.Acknowledged;
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"     {name}: {step.Conversations:N0} conversations, {stored + last:N0} of {step.Stored:N0} messages stored"));
            if (fleet.Errors > 0 || Stopwatch.GetElapsedTime(moved) > s_stallMax)
            {
                throw new RunFailedException($"{name}: while it was filled: {fleet.FirstError ?? "nothing was acknowledged for a minute"}");
            }
        }
    }
}
