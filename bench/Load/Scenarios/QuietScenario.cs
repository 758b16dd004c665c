using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// What conversations cost in memory in which nothing happens. The server is started on a store with none, half and all of them, and its memory read after a while of quiet: the slope of the
/// second half is what one costs that merely exists, for a store that is not
/// empty fills caches of a fixed size. Then one message goes to each, and when it is quiet again the slope is what one costs that was active once. A server's memory is no ruler: the note
/// has all readings.
/// </summary>
/// <param name="settleSeconds">Time of quiet before a reading.</param>
internal sealed class QuietScenario(double settleSeconds = 12) : IScenario
{
    private const int ConversationsDefault = 200_000;
    private const int Outstanding = 512;
    private const double SampleSeconds = 2;
    private const int Samples = 5;

    public bool IsOfChat => true;

    public RunSettings WithDefaults(RunSettings settings)
    {
        int largest = Math.Max(2, settings.Largest > 0 ? settings.Largest : ConversationsDefault);
        return settings with { Largest = largest, Conversations = largest, Connections = 1 };
    }

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 0, 1, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        FastChatSystem broker = (FastChatSystem)system;
        List<(int Conversations, long Kb)> readings = [];
        foreach (int conversations in new[] { 0, settings.Largest / 2, settings.Largest })
        {
            Wait(broker.PrepareAsync(Plan(settings) with { Conversations = conversations }, CancellationToken.None));
            Wait(broker.RestartAsync(CancellationToken.None));
            readings.Add((conversations, Read(system, settings)));
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"     {system.Name}: {conversations:N0} conversations, RSS {readings[^1].Kb / 1024.0:0.0} MiB"));
        }

        // The smaller half first: what a first message costs a server at all is not charged to conversations.
        long[] active = [Publish(system, settings, 0, settings.Largest / 2), Publish(system, settings, settings.Largest / 2, settings.Largest)];
        Wait(broker.RestartAsync(CancellationToken.None));
        long restarted = Read(system, settings);
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            BytesPerQuiet = (readings[^1].Kb - readings[^2].Kb) * 1024.0 / (settings.Largest - (settings.Largest / 2)),
            BytesPerOnceActive = (active[1] - active[0]) * 1024.0 / (settings.Largest - (settings.Largest / 2)),
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"RSS after a start and {settleSeconds:0} s of quiet: {string.Join(", ", readings.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Kb / 1024.0:0.0} MiB with {one.Conversations}")))}; after one message to the first half {active[0] / 1024.0:0.0} MiB, to all {active[1] / 1024.0:0.0} MiB; after another start {restarted / 1024.0:0.0} MiB; the least of {Samples} samples, no collection forced"),
        };
    }

    private static void Wait(Task task) => task.GetAwaiter().GetResult();

    /// <summary>One message to each of these conversations; returns the memory when it is quiet again.</summary>
    private long Publish(SystemUnderTest system, RunSettings settings, int first, int end)
    {
        using Fleet fleet = new(system, settings);
        Member publisher = new();
        fleet.Open([publisher]);
        for (int next = first; next < end; next++)
        {
            fleet.RunUntil(() => fleet.Payloads.Next - fleet.Acknowledged < Outstanding, "acknowledgements");
            publisher.Publish(next, Stopwatch.GetTimestamp());
        }

        fleet.RunUntil(() => fleet.Acknowledged == fleet.Payloads.Next, "the last acknowledgements");
        return Read(fleet, system);
    }

    private long Read(SystemUnderTest system, RunSettings settings)
    {
        using Fleet fleet = new(system, settings);
        return Read(fleet, system);
    }

    private long Read(Fleet fleet, SystemUnderTest system)
    {
        fleet.RunFor(Math.Max(0, settleSeconds - SampleSeconds));
        long least = long.MaxValue;
        for (int i = 0; i < Samples; i++)
        {
            fleet.RunFor(SampleSeconds / Samples);
            least = Math.Min(least, system.Server.ResidentKb);
        }

        return least;
    }
}
