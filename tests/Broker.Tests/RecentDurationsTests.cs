using FastChat.Broker.Diagnostics;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Percentiles of what took place in the last ten to twenty seconds.</summary>
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
    public void WhatIsOlderThanTwentySecondsDoesNotCount()
    {
        FakeTimeProvider clock = new();
        RecentDurations durations = new(clock);
        durations.Add(TimeSpan.FromMilliseconds(1));
        clock.Advance(TimeSpan.FromSeconds(10));
        durations.Add(TimeSpan.FromMicroseconds(4));
        Assert.That(durations.Percentile(1), Is.GreaterThan(4), "the ten seconds before count");
        clock.Advance(TimeSpan.FromSeconds(10));
        durations.Add(TimeSpan.FromMicroseconds(4));
        Assert.That(durations.Percentile(1), Is.EqualTo(4), "those before that do not");
        clock.Advance(TimeSpan.FromMinutes(5));
        Assert.That(durations.Percentile(1), Is.Zero);
    }

    [Test]
    public void SeveralAreAskedAsOne()
    {
        FakeTimeProvider clock = new();
        RecentDurations one = new(clock), other = new(clock);
        for (int i = 0; i < 99; i++)
        {
            RecentDurations.Count(one.WindowOfOneWriter(), 5);
        }

        RecentDurations.Count(other.WindowOfOneWriter(), 1_000_000);
        RecentDurations.Count(other.WindowOfOneWriter(), -7);
        long[] sums = new long[RecentDurations.Buckets];
        one.AddTo(sums);
        other.AddTo(sums);
        Assert.That(sums.Sum(), Is.EqualTo(101));
        Assert.That(RecentDurations.Percentile(sums, 0.5), Is.EqualTo(5));
        Assert.That(RecentDurations.Percentile(sums, 1), Is.InRange(1_000_000, 1_125_000));
        Assert.That(RecentDurations.Percentile(sums, 0.001), Is.Zero, "what a clock that was set back left");
    }
}
