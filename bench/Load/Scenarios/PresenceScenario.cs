using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.FastChat;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// What it costs that people see who is there, in the two ways in which chat servers melt. First a storm: everybody but the lookers is cut and comes back within the grace, of which the
/// lookers must not be told a byte. Then the
/// worst: everybody goes for good and comes again, and everybody changes how they are seen as often as is allowed, before few lookers and before all of them. Then the budgets must hold over
/// any stretch of time, and when it
/// is quiet again every looker must know the truth. What is not so is broken, and the command says so.
/// </summary>
/// <param name="graceSeconds">The broker's grace.</param>
/// <param name="awaySeconds">How long everybody stays away in the storm before they come back.</param>
/// <param name="quietSeconds">Nothing more is told when nothing was for so long: more than two ticks.</param>
/// <param name="budgets">The broker's budgets; null for its defaults.</param>
internal sealed class PresenceScenario(double graceSeconds = 15, double awaySeconds = 0, double quietSeconds = 2.5, PresenceBudgets? budgets = null) : IScenario
{
    private const int SessionsDefault = 18_000;
    private const double SettlePatienceSeconds = 180;
    private const double ReturnPatienceSeconds = 120;

    // Both budgets cannot be the limit at once: of so few lookers each has more to be told than its own allows, and all together less than the common one.
    private const int FewLookers = 60;

    public bool IsOfChat => true;

    public RunSettings WithDefaults(RunSettings settings) => settings with { Connections = settings.Connections > 0 ? Math.Max(2, settings.Connections) : SessionsDefault };

    public WorkPlan Plan(RunSettings settings) => new(settings.Scenario, 0, settings.Connections, settings.Size) { Accounts = new PresenceTown(settings.Connections).Accounts };

    public ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes)
    {
        FastChatSystem broker = (FastChatSystem)system;
        PresenceTown town = new(settings.Connections);
        town.BuildAsync(broker, CancellationToken.None).GetAwaiter().GetResult();
        using Fleet fleet = new(system, settings);
        PresenceStage stage = new(fleet, town, new StormCrowd(system, missed: 0) { KeepsMissed = false }, budgets ?? new PresenceBudgets());
        stage.Open(settings.Connections);
        List<string> notes = [stage.Describe()];
        stage.Settle(SettlePatienceSeconds, quietSeconds, "everybody came", notes);

        double? storm = Storm(fleet, stage, notes);
        notes.AddRange(LeaveAndReturn(fleet, stage));

        stage.WatchOnly(FewLookers);
        PresenceStretch few = PresenceStretch.Measure(stage, system.Server, flushes, settings.Seconds);
        stage.Settle(SettlePatienceSeconds, quietSeconds, "few looked at changes", notes);
        stage.WatchAll();
        PresenceStretch all = PresenceStretch.Measure(stage, system.Server, flushes, settings.Seconds);
        stage.Settle(SettlePatienceSeconds, quietSeconds, "all looked at changes", notes);
        notes.Add(string.Create(CultureInfo.InvariantCulture, $"{few} to {Math.Min(FewLookers, stage.Lookers.Count)} lookers; {all} to {stage.Lookers.Count}; RSS {system.Server.ResidentKb / 1024} MiB"));

        double burst = stage.PeakSeconds;
        if (burst > PresenceStage.BurstSecondsMax)
        {
            stage.Break(string.Create(CultureInfo.InvariantCulture, $"a budget was exceeded: {burst:0.00} s' worth beyond its rate"));
        }

        return new ResultRow
        {
            System = system.Name,
            Version = system.Version,
            Rate = all.Changes / all.Used.Seconds,
            P50Us = stage.Answers.Percentile(50),
            P99Us = stage.Answers.Percentile(99),
            CpuPercent = 100 * all.Used.ServerSeconds / all.Used.Seconds,
            StormFrames = storm,
            PresenceBytesPerS = all.AllBytesPerSecond,
            ConnectionBytesPerS = few.MostBytesPerSecond,
            BurstS = burst,
            Headroom = all.Used.Headroom,
            Errors = fleet.Errors,
            Broken = stage.Broken,
            Note = string.Join("; ", notes.Append(fleet.FirstError ?? string.Empty).Where(text => text.Length > 0)),
        };
    }

    /// <summary>
    /// Cuts everybody, lets them come back, waits until the grace is over, and says how many frames the lookers were sent since; null when it was no storm, because they came too late.
    /// </summary>
    private double? Storm(Fleet fleet, PresenceStage stage, List<string> notes)
    {
        (long Frames, long Bytes) before = (stage.All.Frames, stage.All.Bytes);
        stage.CutAll();
        fleet.RunFor(awaySeconds);
        double back = Return(fleet, stage);
        fleet.RunFor(graceSeconds + quietSeconds);
        long frames = stage.All.Frames - before.Frames;
        notes.Add(string.Create(
            CultureInfo.InvariantCulture, $"storm: {stage.Sessions.Count} sessions cut and back within {back:0.0} s, the lookers were sent {frames} frames, {stage.All.Bytes - before.Bytes} B"));
        if (awaySeconds == 0 && back > graceSeconds)
        {
            notes.Add("NO STORM: they were not back within the grace, and are told of rightly");
            return null;
        }

        if (frames > 0)
        {
            stage.Break($"{frames} Presence frames for a crowd that was cut and came back");
        }

        return frames;
    }

    private IEnumerable<string> LeaveAndReturn(Fleet fleet, PresenceStage stage)
    {
        List<string> notes = [];
        stage.CutAll();
        fleet.RunFor(graceSeconds);
        stage.IsAway = true;
        stage.Settle(SettlePatienceSeconds, quietSeconds, "everybody went for good", notes);
        stage.IsAway = false;
        double back = Return(fleet, stage);
        stage.Settle(SettlePatienceSeconds, quietSeconds, string.Create(CultureInfo.InvariantCulture, $"they came again within {back:0.0} s"), notes);
        return notes;
    }

    /// <summary>Returns the seconds since the cut.</summary>
    private static double Return(Fleet fleet, PresenceStage stage)
    {
        bool isOver = fleet.RunWhile(
            () =>
            {
                stage.Crowd.LetReturn();
                return !stage.Crowd.IsOver;
            },
            ReturnPatienceSeconds);
        return isOver && stage.Crowd.Lost == 0
            ? Stopwatch.GetElapsedTime(stage.Crowd.CutAt).TotalSeconds
            : throw new RunFailedException($"presence: {stage.Crowd.Resumed} of {stage.Sessions.Count} came back: {fleet.FirstError ?? "nothing happened for two minutes"}");
    }
}
