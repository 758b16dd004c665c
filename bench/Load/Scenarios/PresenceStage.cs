using System.Diagnostics;
using System.Globalization;

using FastChat.Bench.Load.Measure;
using FastChat.Protocol;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>Everybody in the presence scenario: those who are looked at, those who look, what they were sent and what was broken. Generator thread only.</summary>
/// <param name="fleet">Opens and runs them.</param>
/// <param name="town">Who belongs to what.</param>
/// <param name="crowd">Those who are cut together.</param>
/// <param name="budgets">What the broker promises.</param>
internal sealed class PresenceStage(Fleet fleet, PresenceTown town, StormCrowd crowd, PresenceBudgets budgets)
{
    /// <summary>
    /// One second's worth is a budget's own. Two more are for what a busy machine delivers late, together with what follows; a budget that does not hold passes that within seconds.
    /// </summary>
    public const double BurstSecondsMax = 3;

    private const int BeginningMax = 32;
    private const double HeartbeatSeconds = 30;

    private readonly List<string> _broken = [];
    private readonly List<PresenceLooker> _lookers = [];
    private readonly List<PresenceSession> _sessions = [];
    private readonly PresenceSession?[] _speakers = new PresenceSession?[town.Accounts];

    // So many of the first lookers watch.
    private int _watching = int.MaxValue;

    public StormCrowd Crowd => crowd;

    /// <summary>What all lookers were sent.</summary>
    public PresenceMeter All { get; } = new(budgets.BytesPerSecond);

    /// <summary>Times from a change to its answer.</summary>
    public Latencies Answers { get; } = new();

    /// <summary>Connections that look.</summary>
    public IReadOnlyList<PresenceLooker> Lookers => _lookers;

    /// <summary>Sessions of those who are looked at.</summary>
    public IReadOnlyList<PresenceSession> Sessions => _sessions;

    /// <summary>One session of each person who is looked at: it speaks for them.</summary>
    public IReadOnlyList<PresenceSession> Speakers => [.. _speakers.OfType<PresenceSession>()];

    /// <summary>True while everybody who is looked at is gone.</summary>
    public bool IsAway { get; set; }

    /// <summary>What was promised and not kept.</summary>
    public IReadOnlyList<string> Broken => _broken;

    /// <summary>How far any stretch went beyond the rate of a budget, in seconds' worth of it.</summary>
    public double PeakSeconds => _lookers.Select(looker => looker.Meter.PeakSeconds).Append(All.PeakSeconds).Max();

    /// <summary>Notes something that was promised and not kept.</summary>
    public void Break(string what) => _broken.Add(what);

    /// <summary>Opens all connections.</summary>
    public void Open(int connections)
    {
        Dictionary<int, PresenceGroup[]> groupsOf = Enumerable.Range(0, town.Accounts).ToDictionary(account => account, account => town.GroupsOf(account).ToArray());
        int next = 0;

        // Those who came first are silent for minutes otherwise, and are closed for that.
        fleet.Background = new Schedule(Math.Max(1, connections / HeartbeatSeconds), _ => fleet.Members.ElementAtOrDefault(next++ % connections)?.Heartbeat());
        fleet.Open(Enumerable.Range(0, connections).Select(number => Make(number % town.Accounts, groupsOf)));
    }

    /// <summary>The shape, for people.</summary>
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{_sessions.Count} sessions of {town.People} people in {town.Groups.Count} groups of {town.Groups[0].Members.Length}, {_lookers.Count} lookers with {town.Groups.Sum(group => group.Members.Count(account => account < town.Lookers)) * _lookers.Count / town.Lookers} watches");

    /// <summary>Cuts everybody who is looked at.</summary>
    public void CutAll() => crowd.Cut(_sessions, () => fleet.Reactor.Poll(Stopwatch.GetTimestamp()));

    /// <summary>All but the first lookers end their watches.</summary>
    public void WatchOnly(int few)
    {
        PresenceLooker[] others = [.. _lookers.Skip(few)];
        Array.ForEach(others, looker => looker.Watch(isWatching: false));
        fleet.RunUntil(() => Array.TrueForAll(others, looker => looker.IsAnswered), "watches to end");
        _watching = few;
    }

    /// <summary>All look again.</summary>
    public void WatchAll()
    {
        foreach (PresenceLooker[] part in _lookers.Skip(_watching).Chunk(BeginningMax))
        {
            Array.ForEach(part, looker => looker.Watch(isWatching: true));
            fleet.RunUntil(() => Array.TrueForAll(part, looker => looker.IsAnswered), "watches to begin");
        }

        _watching = int.MaxValue;
    }

    /// <summary>Waits until nobody is told anything more, and holds what the lookers believe against what is so.</summary>
    public void Settle(double patienceSeconds, double quietSeconds, string what, List<string> notes)
    {
        long begun = Stopwatch.GetTimestamp();
        long bytes = All.Bytes;
        bool isQuiet = fleet.RunWhile(() => Stopwatch.GetElapsedTime(Math.Max(begun, All.LastAt)).TotalSeconds < quietSeconds, patienceSeconds);
        double told = All.LastAt > begun ? Stopwatch.GetElapsedTime(begun, All.LastAt).TotalSeconds : 0;
        int wrong = _lookers.Take(_watching).Sum(looker => looker.CountWrong(TruthOf));
        notes.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: told within {told:0.0} s more, {(All.Bytes - bytes) / 1000} kB"));
        if (!isQuiet || wrong > 0)
        {
            Break(string.Create(CultureInfo.InvariantCulture, $"{what}, and after {Stopwatch.GetElapsedTime(begun).TotalSeconds:0} s the lookers believe {wrong} members to be as they are not"));
        }
    }

    /// <summary>Runs for a time, with a plan.</summary>
    public void RunFor(double seconds, Schedule schedule) => fleet.RunFor(seconds, schedule.Advance);

    /// <summary>Waits until no change is unanswered.</summary>
    public void WaitForAnswers() => fleet.RunUntil(() => _sessions.TrueForAll(session => session.IsAnswered), "changes to be answered");

    private Member Make(int account, Dictionary<int, PresenceGroup[]> groupsOf)
    {
        if (account < town.Lookers)
        {
            _lookers.Add(new PresenceLooker(groupsOf[account], All, budgets.ConnectionBytesPerSecond));
            return _lookers[^1];
        }

        PresenceSession session = new(crowd, groupsOf[account] is [var group, ..] ? group.Number : town.Groups[0].Number, Answers);
        _sessions.Add(session);
        _speakers[account] ??= session;
        return session;
    }

    private Availability TruthOf(int account) => account < town.Lookers ? Availability.Online : IsAway ? Availability.Offline : _speakers[account]!.Chosen;
}

/// <summary>What a broker promises not to exceed in Presence frames, over any stretch of time. The defaults are its own (docs/operations.md).</summary>
/// <param name="BytesPerSecond">To all connections together.</param>
/// <param name="ConnectionBytesPerSecond">To one.</param>
internal sealed record PresenceBudgets(int BytesPerSecond = 1_000_000, int ConnectionBytesPerSecond = 8_000);
