using FastChat.Broker.Connections;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>The turnstile lets through a few at a time, forgets nobody, and leaves room between turns.</summary>
public sealed class TurnstileTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task NoMoreThanItsWidthAreAtItAndAllComeThrough([Values(1, 2)] int width)
    {
        Turnstile turnstile = new(width, TimeProvider.System);
        int inside = 0, most = 0, through = 0;
        async Task PassAsync()
        {
            for (int i = 0; i < 3; i++)
            {
                await turnstile;
                int now = Interlocked.Increment(ref inside);
                InterlockedMax(ref most, now);
                Thread.SpinWait(500);
                Interlocked.Decrement(ref inside);

                // The turn ends with the wait: the next piece asks anew.
                await Task.Yield();
            }

            Interlocked.Increment(ref through);
        }

        await Task.WhenAll(Enumerable.Range(0, 2000).Select(_ => Task.Run(PassAsync))).WaitAsync(Patience);
        Assert.That(through, Is.EqualTo(2000));
        Assert.That(most, Is.InRange(1, width));
    }

    [Test]
    public async Task ItGoesOnOffTheCallersThread()
    {
        Turnstile turnstile = new(1, TimeProvider.System);
        using Semaphore left = new(0, 1);
        bool isPool = false;
        async Task PassAsync()
        {
            await turnstile;
            left.WaitOne();
            isPool = Thread.CurrentThread.IsThreadPoolThread;
        }

        // Were it the caller's thread, it would never reach the release.
        Task passing = PassAsync();
        left.Release();
        await passing.WaitAsync(Patience);
        Assert.That(isPool);
    }

    [Test]
    public async Task APieceThatFailsFailsItsOwnTaskOnly()
    {
        Turnstile turnstile = new(1, TimeProvider.System);
        async Task FailAsync()
        {
            await turnstile;
            throw new InvalidOperationException("mine");
        }

        async Task PassAsync() => await turnstile;
        Task failing = FailAsync();
        await PassAsync().WaitAsync(Patience);
        await Assert.ThatAsync(() => failing, Throws.InvalidOperationException);
    }

    [Test]
    public async Task WhoStandsInAnEarlierLaneComesFirst()
    {
        Turnstile turnstile = new(1, TimeProvider.System, lanes: 3);
        using ManualResetEventSlim open = new();
        List<int> order = [];
        async Task BlockAsync()
        {
            await turnstile;
            open.Wait();
        }

        async Task PassAsync(int lane)
        {
            await turnstile.In(lane);
            order.Add(lane);
        }

        Task blocked = BlockAsync();
        Task[] all = [.. new[] { 2, 1, 0, 2, 1, 0 }.Select(PassAsync)];
        Assert.That(turnstile.Waiting, Is.GreaterThanOrEqualTo(6));
        open.Set();
        await Task.WhenAll([blocked, .. all]).WaitAsync(Patience);
        Assert.That(order, Is.EqualTo(new[] { 0, 0, 1, 1, 2, 2 }));
    }

    [Test]
    public async Task TheWaitThatIsToBeExpectedIsMeasuredAndForgottenWithTheCrowd()
    {
        FakeTimeProvider clock = new();
        Turnstile turnstile = new(1, clock, lanes: 2);
        using ManualResetEventSlim open = new();
        TimeSpan[] expected = new TimeSpan[3];
        async Task BlockAsync()
        {
            await turnstile;
            open.Wait();
        }

        int passed = 0;
        async Task PassAsync()
        {
            await turnstile.In(1);

            // Each takes ten milliseconds.
            clock.Advance(TimeSpan.FromMilliseconds(10));
            if (++passed == 500)
            {
                expected[0] = turnstile.ExpectedWait(1);
                expected[1] = turnstile.ExpectedWait(0);
            }
        }

        Task blocked = BlockAsync();
        Task[] all = [.. Enumerable.Range(0, 1000).Select(_ => PassAsync())];
        Assert.That(turnstile.ExpectedWait(1), Is.EqualTo(TimeSpan.Zero), "nobody has come through yet");
        open.Set();
        await Task.WhenAll([blocked, .. all]).WaitAsync(Patience);
        Assert.That(expected[0].TotalSeconds, Is.EqualTo(5).Within(0.5));
        Assert.That(expected[1], Is.EqualTo(TimeSpan.Zero), "nobody stands before the first lane");
        Assert.That(() => turnstile.ExpectedWait(1), Is.EqualTo(TimeSpan.Zero).After(1000, 10));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (int seen = Volatile.Read(ref target); seen < value;)
        {
            int found = Interlocked.CompareExchange(ref target, value, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }
}
