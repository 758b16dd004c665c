using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>The sessions of a storm: cuts them, lets them come back, and knows when how many are resumed. Generator thread only.</summary>
/// <param name="system">What they come back to.</param>
/// <param name="missed">Messages that each of them misses.</param>
internal sealed class StormCrowd(SystemUnderTest system, int missed)
{
    private const int CutAtOnce = 64;

    private readonly Queue<StormSession> _waiting = new();
    private int _underWay;
    private int _goal;
    private int _all;

    public SystemUnderTest System => system;

    public int Missed => missed;

    /// <summary>True when the system delivers what was missed. Found out, not believed (<see cref="StormScenario"/>).</summary>
    public bool KeepsMissed { get; set; } = true;

    /// <summary>When they were cut (<see cref="Stopwatch"/> ticks).</summary>
    public long CutAt { get; private set; } = long.MaxValue;

    /// <summary>When 99 % were resumed; 0 while they are not.</summary>
    public long GoalAt { get; private set; }

    /// <summary>Sessions that are resumed.</summary>
    public int Resumed { get; private set; }

    /// <summary>Sessions that gave up.</summary>
    public int Lost { get; private set; }

    /// <summary>True when each is resumed or has given up.</summary>
    public bool IsOver => Resumed + Lost == _all;

    /// <summary>Delays of the witnesses' messages that were planned before the cut.</summary>
    public Latencies Before { get; } = new();

    /// <summary>Those of the later ones.</summary>
    public Latencies During { get; } = new();

    /// <summary>Cuts all, as fast as sockets can be closed. Again only when all are back.</summary>
    /// <param name="sessions">Who is cut.</param>
    /// <param name="meanwhile">Called after every few: thousands of closes take a tenth of a second or more, and what the others hear then is late by the server's fault only if they were listening.</param>
    public void Cut(IReadOnlyList<StormSession> sessions, Action? meanwhile = null)
    {
        _all = sessions.Count;
        (Resumed, Lost, GoalAt) = (0, 0, 0);
        _goal = (int)Math.Ceiling(0.99 * _all);
        CutAt = Stopwatch.GetTimestamp();
        foreach (StormSession session in sessions)
        {
            session.Cut();
            _waiting.Enqueue(session);
            if (_waiting.Count % CutAtOnce == 0)
            {
                meanwhile?.Invoke();
            }
        }
    }

    /// <summary>
    /// Lets as many set out as may be under way at once. All want to come at once; more than a listen backlog holds would only wait for the kernel's next attempt, a second later, and the figure
    /// would be that second.
    /// </summary>
    public void LetReturn()
    {
        while (_underWay < Fleet.OpeningMax && _waiting.TryDequeue(out StormSession? session))
        {
            _underWay++;
            session.Return();
        }
    }

    /// <summary>One is resumed.</summary>
    public void Count()
    {
        _underWay--;
        if (++Resumed == _goal)
        {
            GoalAt = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>One was refused or broke on its way.</summary>
    public void Fail(StormSession session, bool mayTryAgain)
    {
        _underWay--;
        if (mayTryAgain)
        {
            _waiting.Enqueue(session);
        }
        else
        {
            Lost++;
        }
    }
}
