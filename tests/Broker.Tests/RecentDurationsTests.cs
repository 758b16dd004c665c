using FastChat.Broker.Diagnostics;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Percentiles of what took place in the last minute or two.</summary>
internal sealed class RecentDurationsTests
{
    [Test]
    public void APercentileIsExactToAnEighth([Values(1, 7, 8, 9, 100, 1_000, 65_535, 10_000_000)] int micros)
    {
        RecentDurations durations = new(new FakeTimeProvider());
        durations.Add(TimeSpan.FromMicroseconds(micros));
        Assert.That(durations.Percentile(0.5), Is.InRange(micros, micros + (micros / 8)));
    }

    [Test]
    public void APercentileIsTheShareThatWasNotLonger()
    {
        RecentDurations durations = new(new FakeTimeProvider());
        Assert.That(durations.Percentile(0.99), Is.Zero, "nothing was there");
        for (int i = 0; i < 98; i++)
        {
            durations.Add(TimeSpan.FromMicroseconds(4));
        }

        durations.Add(TimeSpan.FromMilliseconds(1));
        durations.Add(TimeSpan.FromMilliseconds(1));
        Assert.That(durations.Percentile(0.98), Is.EqualTo(4));
        Assert.That(durations.Percentile(0.99), Is.InRange(1_000, 1_125));
    }

    [Test]
    public void WhatIsOlderThanTwoMinutesDoesNotCount()
    {
        FakeTimeProvider clock = new();
        RecentDurations durations = new(clock);
        durations.Add(TimeSpan.FromMilliseconds(1));
        clock.Advance(TimeSpan.FromMinutes(1));
        durations.Add(TimeSpan.FromMicroseconds(4));
        Assert.That(durations.Percentile(1), Is.GreaterThan(4), "the minute before counts");
        clock.Advance(TimeSpan.FromMinutes(1));
        durations.Add(TimeSpan.FromMicroseconds(4));
        Assert.That(durations.Percentile(1), Is.EqualTo(4), "the one before that does not");
        clock.Advance(TimeSpan.FromMinutes(5));
        Assert.That(durations.Percentile(1), Is.Zero);
    }
}
