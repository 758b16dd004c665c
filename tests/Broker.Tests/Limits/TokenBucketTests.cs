using FastChat.Broker.Limits;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Buckets: what they hold whatever comes when.</summary>
internal sealed class TokenBucketTests
{
    private readonly FakeTimeProvider _clock = new();

    [Test]
    public void NobodyGetsMoreThanTheBurstAndWhatCameBack([Values(1, 2, 3, 4, 5)] int seed)
    {
        const int Burst = 20;
        const double PerSecond = 3;
        Random random = new(seed);
        TokenBucket bucket = new(new Rate(PerSecond, Burst), _clock.TimestampFrequency);
        long[] states = new long[3];
        List<(double At, int Key, int Count)> taken = [];
        double now = 0;
        for (int i = 0; i < 3000; i++)
        {
            TimeSpan step = TimeSpan.FromMilliseconds(random.Next(4) == 0 ? random.Next(3000) : random.Next(50));
            _clock.Advance(step);
            now += step.TotalSeconds;
            int key = random.Next(3);
            int count = random.Next(1, 6);
            if (bucket.TryTake(ref states[key], _clock.GetTimestamp(), count, out uint retryAfterMs))
            {
                Assert.That(retryAfterMs, Is.Zero);
                taken.Add((now, key, count));
                double[] starts = taken.Where(entry => entry.Key == key).Select(entry => entry.At).TakeLast(40).ToArray();
                foreach (double start in starts)
                {
                    double allowed = Burst + (PerSecond * (now - start)) + 1e-5;
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
        TokenBucket bucket = new(new Rate(0.7, 10), _clock.TimestampFrequency);
        long state = 0;
        int refusals = 0;
        for (int i = 0; i < 500; i++)
        {
            int count = random.Next(1, 11);
            if (!bucket.TryTake(ref state, _clock.GetTimestamp(), count, out uint retryAfterMs))
            {
                refusals++;
                Assert.That(bucket.WaitFor(ref state, _clock.GetTimestamp(), count), Is.EqualTo(retryAfterMs));
                if (retryAfterMs > 2)
                {
                    _clock.Advance(TimeSpan.FromMilliseconds(retryAfterMs - 2));
                    Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), count, out _), Is.False, "not earlier");
                    _clock.Advance(TimeSpan.FromMilliseconds(2));
                }
                else
                {
                    _clock.Advance(TimeSpan.FromMilliseconds(retryAfterMs));
                }

                Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), count, out _), Is.True);
            }
        }

        Assert.That(refusals, Is.GreaterThan(100));
    }

    [Test]
    public void RefusalsCostNothingAndWhatIsGivenBackIsThere()
    {
        TokenBucket bucket = new(new Rate(1, 1), _clock.TimestampFrequency);
        long state = 0;
        Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), 1, out _), Is.True);
        for (int i = 0; i < 1000; i++)
        {
            Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), 1, out _), Is.False);
        }

        bucket.GiveBack(ref state, 1);
        Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), 1, out _), Is.True);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), 1, out _), Is.True, "asking in vain did not push it away");
    }

    [Test]
    public void AFullBucketGivesMoreThanItHoldsAndOwesTheRest()
    {
        TokenBucket bucket = new(new Rate(10, 5), _clock.TimestampFrequency);
        long state = 0;
        Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), 25, out _), Is.True, "or it would never pass");
        Assert.That(bucket.TryTake(ref state, _clock.GetTimestamp(), 1, out uint retryAfterMs), Is.False);
        Assert.That(retryAfterMs, Is.EqualTo(2101));
    }

    [Test]
    public void ManyThreadsTogetherGetNoMoreThanOne()
    {
        TokenBucket bucket = new(new Rate(0.001, 10_000), _clock.TimestampFrequency);
        long state = 0;
        long now = _clock.GetTimestamp();
        int taken = 0;
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < 5000; i++)
            {
                if (bucket.TryTake(ref state, now, 1, out uint _))
                {
                    Interlocked.Increment(ref taken);
                }
            }
        });
        Assert.That(taken, Is.EqualTo(10_000));
    }

    [Test]
    public void ASketchKeepsKeysApartAndOneFloodCostsNobodyElse()
    {
        RateSketch sketch = new(new Broker.Identity.RandomSource(new Random(5).NextBytes));
        TokenBucket bucket = new(new Rate(1, 10), _clock.TimestampFrequency);
        int refused = 0;
        for (int i = 0; i < 1000; i++)
        {
            refused += sketch.TryTake(bucket, 77, _clock.GetTimestamp(), 1, out uint _) ? 0 : 1;
        }

        Assert.That(refused, Is.EqualTo(990));
        Assert.That(sketch.WaitFor(bucket, 77, _clock.GetTimestamp(), 1), Is.EqualTo(1001));
        int others = 0;
        for (UInt128 key = 1000; key < 3000; key++)
        {
            others += sketch.TryTake(bucket, key << 64, _clock.GetTimestamp(), 5, out uint _) ? 0 : 1;
        }

        Assert.That(others, Is.Zero);
    }
}
