using FastChat.Broker.Connections;

namespace FastChat.Broker.Tests;

/// <summary>The turnstile lets through a few at a time, forgets nobody, and leaves room between turns.</summary>
public sealed class TurnstileTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task NoMoreThanItsWidthAreAtItAndAllComeThrough([Values(1, 2)] int width)
    {
        Turnstile turnstile = new(width);
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
        Turnstile turnstile = new(1);
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
        Turnstile turnstile = new(1);
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
