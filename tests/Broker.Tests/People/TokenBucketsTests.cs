using FastChat.Broker.Limits;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Budgets: what they hold whatever comes when, and that they forget.</summary>
internal sealed class TokenBucketsTests
{
    [Test]
    public void NobodyGetsMoreThanTheBurstAndWhatCameBack([Values(1, 2, 3, 4, 5)] int seed)
    {
        const int Burst = 20;
        const double PerSecond = 3;
        Random random = new(seed);
        FakeTimeProvider clock = new();
        TokenBuckets<int> buckets = new(clock, Burst, PerSecond);
        List<(double At, int Key, int Count)> taken = [];
        double now = 0;
        for (int i = 0; i < 3000; i++)
        {
            TimeSpan step = TimeSpan.FromMilliseconds(random.Next(4) == 0 ? random.Next(3000) : random.Next(50));
            clock.Advance(step);
            now += step.TotalSeconds;
            int key = random.Next(3);
            int count = random.Next(1, 6);
            if (buckets.TryTake(key, count, out uint retryAfterMs))
            {
                Assert.That(retryAfterMs, Is.Zero);
                taken.Add((now, key, count));
                double[] starts = taken.Where(entry => entry.Key == key).Select(entry => entry.At).TakeLast(40).ToArray();
                foreach (double start in starts)
                {
                    double allowed = Burst + (PerSecond * (now - start)) + 1e-6;
                    Assert.That(taken.Where(entry => entry.Key == key && entry.At >= start).Sum(entry => entry.Count), Is.LessThanOrEqualTo(allowed));
                }
            }
            else
            {
                Assert.That(retryAfterMs, Is.InRange(1u, (uint)(1000 * 6 / PerSecond) + 1), "never longer than it takes for what was asked");
            }
        }

        Assert.That(taken.Sum(entry => entry.Count), Is.GreaterThan(3 * PerSecond * now * 0.5), "and not much less either");
    }

    [Test]
    public void WhoWaitsAsLongAsToldGetsIt([Values(1, 2, 3)] int seed)
    {
        Random random = new(seed);
        FakeTimeProvider clock = new();
        TokenBuckets<string> buckets = new(clock, burst: 10, perSecond: 0.7);
        int refusals = 0;
        for (int i = 0; i < 500; i++)
        {
            int count = random.Next(1, 11);
            if (!buckets.TryTake("somebody", count, out uint retryAfterMs))
            {
                refusals++;
                if (retryAfterMs > 2)
                {
                    clock.Advance(TimeSpan.FromMilliseconds(retryAfterMs - 2));
                    Assert.That(buckets.TryTake("somebody", count, out _), Is.False, "not earlier");
                    clock.Advance(TimeSpan.FromMilliseconds(2));
                }
                else
                {
                    clock.Advance(TimeSpan.FromMilliseconds(retryAfterMs));
                }

                Assert.That(buckets.TryTake("somebody", count, out _), Is.True);
            }
        }

        Assert.That(refusals, Is.GreaterThan(100));
    }

    [Test]
    public void RefusalsCostNothing()
    {
        FakeTimeProvider clock = new();
        TokenBuckets<int> buckets = new(clock, burst: 1, perSecond: 1);
        Assert.That(buckets.TryTake(1, 1, out _), Is.True);
        for (int i = 0; i < 1000; i++)
        {
            Assert.That(buckets.TryTake(1, 1, out _), Is.False);
        }

        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(buckets.TryTake(1, 1, out _), Is.True, "asking in vain did not push it away");
    }

    [Test]
    public void WhoIsFullAgainIsForgotten()
    {
        FakeTimeProvider clock = new();
        TokenBuckets<int> buckets = new(clock, burst: 5, perSecond: 1);
        for (int key = 0; key < 10_000; key++)
        {
            buckets.TryTake(key, 1, out _);
        }

        Assert.That(buckets.Count, Is.EqualTo(10_000));
        clock.Advance(TimeSpan.FromSeconds(2));
        for (int i = 0; i < 5_000; i++)
        {
            buckets.TryTake(-1, 0, out _);
            buckets.TryTake(-1 - (i % 3), 1, out _);
        }

        Assert.That(buckets.Count, Is.LessThanOrEqualTo(3), "two are looked at in each call");
        Assert.That(buckets.TryTake(77, 5, out _), Is.True, "a forgotten bucket is a full one");
        Assert.That(buckets.TryTake(77, 1, out _), Is.False);
    }
}
