using System.Diagnostics;

using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>Open loop: whoever comes late to the plan does all of it, each at its planned time, or a stall would go unmeasured.</summary>
public sealed class ScheduleTests
{
    [Test]
    public void A_late_caller_is_given_everything_that_was_due_with_the_planned_times()
    {
        List<long> planned = [];
        Schedule schedule = new(rate: 1000, planned.Add);
        long first = schedule.Advance(0);
        long late = first + (Stopwatch.Frequency / 2);
        long next = schedule.Advance(late);
        Assert.That(planned, Has.Count.EqualTo(501));
        Assert.That(planned[0], Is.EqualTo(first));
        Assert.That(planned.Zip(planned.Skip(1)).Select(pair => pair.Second - pair.First), Is.All.EqualTo(Stopwatch.Frequency / 1000));
        Assert.That(next, Is.EqualTo(planned[^1] + (Stopwatch.Frequency / 1000)));
    }
}
