using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// All sessions but a hundred are cut at once by resets, ten messages are published to each of their conversations, and then all come back: signed in, subscribed from where they were, and given
/// what they missed. The time counts from the cut until 99 % have that. The hundred that were not cut hear messages at a low rate: how late they hear them is what a storm costs the others.
/// </summary>
internal sealed class StormScenario : IScenario
{
    private const int SessionsDefault = 18_000;
    private const int WitnessesMax = 100;
    private const int Missed = 10;
    private const int LiveRate = 20;
    private const double PublishPatienceSeconds = 30;
    private const double ReturnPatienceSeconds = 120;

    private const int WitnessedConversation = 0;
    private const int ProbedConversation = 1;
    private const int FirstConversation = 2;

    // Two at the least: one is cut, one is not.
    public RunSettings WithDefaults(RunSettings settings) => settings with
    {
        Connections = settings.Connections > 0 ? Math.Max(2, settings.Connections) : SessionsDefault,
        Rate = settings.Rate > 0 ? settings.Rate : LiveRate,
    };

    // The two publishers and the probe come on top.
    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, FirstConversation + settings.Conversations, settings.Connections + 3, settings.Size);

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        using Fleet fleet = new(system, settings);
        StormPublisher live = new(), missed = new();
        fleet.Open([live, missed]);
        StormCrowd crowd = new(system, Missed) { KeepsMissed = Probe(fleet, system, missed) };
        int witnesses = Math.Min(WitnessesMax, settings.Connections / 2);
        StormSession[] sessions = Enumerable.Range(0, settings.Connections - witnesses)
            .Select(i => new StormSession(crowd, FirstConversation + (i % settings.Conversations))).ToArray();
        fleet.Open(Enumerable.Range(0, witnesses).Select(_ => new StormWitness(crowd, WitnessedConversation)));
        fleet.Open(sessions);

        Schedule schedule = new(settings.Rate, planned => live.Publish(WitnessedConversation, planned));
        fleet.RunFor(settings.WarmUpSeconds, schedule.Advance);
        crowd.Before.Clear();
        fleet.RunFor(Math.Max(1, settings.Seconds / 2), schedule.Advance);
        long residentBefore = system.Server.ResidentKb;
        Usage usage = new(system.Server, flushes);
        crowd.Cut(sessions, () =>
        {
            long now = Stopwatch.GetTimestamp();
            _ = schedule.Advance(now);
            fleet.Reactor.Poll(now);
        });
        double cut = Stopwatch.GetElapsedTime(crowd.CutAt).TotalSeconds;
        PublishMissed(missed, settings.Conversations);
        double stored = RunUntil(fleet, schedule, () => missed.IsAnswered || fleet.Errors > 0, PublishPatienceSeconds, crowd.CutAt);
        if (!missed.IsAnswered)
        {
            throw new RunFailedException($"{system.Name}: what the sessions miss was not stored: {fleet.FirstError ?? "no answer"}");
        }

        double all = RunUntil(
            fleet,
            schedule,
            () =>
            {
                crowd.LetReturn();
                return crowd.IsOver;
            },
            ReturnPatienceSeconds,
            crowd.CutAt);
        UsedResources used = usage.End();
        long residentAfter = system.Server.ResidentKb;

        // What comes twice comes now; and what the plan had sent by then is waited for.
        fleet.RunFor(1, schedule.Advance);
        fleet.RunFor(1);
        if (crowd.Before.Count + crowd.During.Count == 0)
        {
            fleet.CountError("the sessions that were not cut heard nothing");
        }

        double? resumed = crowd.GoalAt > 0 ? Stopwatch.GetElapsedTime(crowd.CutAt, crowd.GoalAt).TotalSeconds : null;
        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = 0.99 * sessions.Length / resumed,
            Resumed99S = resumed,
            P50Us = crowd.During.Percentile(50),
            P99Us = crowd.During.Percentile(99),
            CpuUsPerOp = used.ServerSeconds * 1e6 / Math.Max(1, crowd.Resumed),
            FlushRate = used.Flushes / used.Seconds,
            Headroom = used.Headroom,
            Errors = fleet.Errors + (sessions.Length - crowd.Resumed),
            Note = string.Join("; ", Notes(system, settings, fleet, crowd, sessions, cut, stored, all, residentBefore, residentAfter)),
        };
    }

    /// <summary>True when one session that is cut, missing three messages, is given them once it is back: only then may a return be said to resume anything.</summary>
    private static bool Probe(Fleet fleet, SystemUnderTest system, StormPublisher publisher)
    {
        const int count = 3;
        StormCrowd alone = new(system, count);
        StormSession session = new(alone, ProbedConversation);
        fleet.Open([session]);
        alone.Cut([session]);
        for (int i = 0; i < count; i++)
        {
            publisher.Publish(ProbedConversation);
        }

        // A system that does not answer gets the time to take them, so that none is heard live by who is back.
        fleet.RunFor(publisher.Link.Wire.Acknowledges ? 0 : 0.2);
        fleet.RunWhile(() => !publisher.IsAnswered, PublishPatienceSeconds);
        alone.LetReturn();
        bool isResumed = fleet.RunWhile(() => !alone.IsOver, 1) && alone.Resumed == 1;
        session.Cut();
        return fleet.Errors == 0 ? isResumed : throw new RunFailedException($"{system.Name}: one session was cut and came back: {fleet.FirstError}");
    }

    private static void PublishMissed(StormPublisher publisher, int conversations)
    {
        for (int i = 0; i < Missed * conversations; i++)
        {
            publisher.Publish(FirstConversation + (i % conversations));
        }
    }

    /// <summary>Runs, errors or not, until a condition holds; returns the seconds since a time. A storm whose sessions are refused goes on: how many they were stands in the row.</summary>
    private static double RunUntil(Fleet fleet, Schedule schedule, Func<bool> condition, double patienceSeconds, long since)
    {
        long begun = Stopwatch.GetTimestamp();
        while (!condition() && Stopwatch.GetElapsedTime(begun).TotalSeconds < patienceSeconds)
        {
            long now = Stopwatch.GetTimestamp();
            fleet.Reactor.Poll(Math.Min(schedule.Advance(now), now + (Stopwatch.Frequency / 100)));
        }

        return Stopwatch.GetElapsedTime(since).TotalSeconds;
    }

    private static IEnumerable<string> Notes(
        SystemUnderTest system, RunSettings settings, Fleet fleet, StormCrowd crowd, StormSession[] sessions, double cut, double stored, double all, long residentBefore, long residentAfter)
    {
        if (!crowd.KeepsMissed)
        {
            yield return "no resume: missed messages are lost";
        }

        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"{crowd.Resumed} of {sessions.Length} back after {all:0.00} s, at most {Fleet.OpeningMax} on their way at once; all cut after {cut:0.00} s, {Missed * settings.Conversations} missed messages published by {stored:0.00} s; p99 of the others {crowd.Before.Percentile(99):0} µs before; RSS {residentBefore / 1024} → {residentAfter / 1024} MiB");
        foreach (string text in new[] { system.Caveat(settings.Scenario), fleet.FirstError ?? string.Empty }.Where(text => text.Length > 0))
        {
            yield return text;
        }
    }
}
