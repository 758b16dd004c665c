using System.Diagnostics;

using FastChat.Bench.Compare;
using FastChat.Bench.Load.Engine;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// The connections of a run and what they share: the reactor, the payloads, the latencies, the errors. It opens connections a few hundred at a time and runs the reactor until a
/// condition holds. Generator thread only.
/// </summary>
/// <param name="system">What its members connect to.</param>
/// <param name="settings">The shape of the run.</param>
/// <param name="firstIndex">Number of its first connection: two fleets of one run must not have a connection of the same number, which decides names and subjects.</param>
internal sealed class Fleet(SystemUnderTest system, RunSettings settings, int firstIndex = 0) : IDisposable
{
    /// <summary>Connections that may be opening at once: well under a listen backlog.</summary>
    public const int OpeningMax = 256;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly List<Member> _members = [];

    public Reactor Reactor { get; } = new();

    public Payloads Payloads { get; } = new(settings.Size);

    public Latencies Latencies { get; } = new();

    public IReadOnlyList<Member> Members => _members;

    /// <summary>Members that are signed in (and subscribed, where they are to be).</summary>
    public int Ready { get; set; }

    /// <summary>Messages that were acknowledged, or not at all where a system does not.</summary>
    public long Acknowledged { get; set; }

    /// <summary>Messages that arrived, summed over all receivers.</summary>
    public long Delivered { get; set; }

    /// <summary>What goes on beside everything that is waited for; null for nothing.</summary>
    public Schedule? Background { get; set; }

    /// <summary>Refusals and broken connections.</summary>
    public long Errors { get; private set; }

    /// <summary>What the first of them said.</summary>
    public string? FirstError { get; private set; }

    /// <summary>Opens connections; returns when all are ready.</summary>
    /// <exception cref="RunFailedException">They are not within a minute, or one failed.</exception>
    public void Open(IEnumerable<Member> members)
    {
        RunGauge.Watch(this);
        foreach (Member member in members)
        {
            RunUntil(() => _members.Count - Ready < OpeningMax, "connections to open");
            _members.Add(member);
            member.Open(this, system, firstIndex + _members.Count - 1);
        }

        RunUntil(() => Ready == _members.Count, "connections to sign in");
    }

    /// <summary>Runs the reactor until a condition holds.</summary>
    /// <exception cref="RunFailedException">It does not within a minute, or a connection failed.</exception>
    public void RunUntil(Func<bool> condition, string what)
    {
        long end = Stopwatch.GetTimestamp() + (s_patience.Ticks * Stopwatch.Frequency / TimeSpan.TicksPerSecond);
        while (!condition())
        {
            Poll(Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 100));
            if (Errors > 0 || Stopwatch.GetTimestamp() > end)
            {
                throw new RunFailedException($"{system.Name}: waiting for {what}: {FirstError ?? "nothing happened for a minute"}");
            }
        }
    }

    /// <summary>As <see cref="RunUntil"/>, after the measured stretch: a run that already has errors keeps its row, which tells of them, and is waited for no longer.</summary>
    public void Finish(Func<bool> condition, string what)
    {
        if (Errors == 0)
        {
            RunUntil(condition, what);
        }
    }

    /// <summary>Runs the reactor while a condition holds and nothing has failed, but for no longer than a time; false when the time was over first.</summary>
    public bool RunWhile(Func<bool> condition, double secondsMax)
    {
        long end = Stopwatch.GetTimestamp() + (long)(secondsMax * Stopwatch.Frequency);
        while (Errors == 0 && condition())
        {
            if (Stopwatch.GetTimestamp() > end)
            {
                return false;
            }

            Poll(Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 100));
        }

        return true;
    }

    /// <summary>Runs the reactor for a time; <paramref name="each"/>, if there is one, runs before each round and says until when it may wait (ticks).</summary>
    public void RunFor(double seconds, Func<long, long>? each = null)
    {
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        RunGauge.Watch(this, end);
        for (long now = Stopwatch.GetTimestamp(); now < end; now = Stopwatch.GetTimestamp())
        {
            long next = each?.Invoke(now) ?? end;
            Poll(Math.Min(next, end));
        }
    }

    /// <summary>Counts a refusal or a broken connection.</summary>
    public void CountError(string reason)
    {
        Errors++;
        FirstError ??= reason;
    }

    /// <inheritdoc/>
    public void Dispose() => Reactor.Dispose();

    private void Poll(long until) => Reactor.Poll(Math.Min(until, Background?.Advance(Stopwatch.GetTimestamp()) ?? until));
}
