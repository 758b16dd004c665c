using FastChat.Shared;

namespace FastChat.Broker.Tests;

/// <summary>The signal that wakes write loops: nothing may be missed.</summary>
internal sealed class AsyncSignalTests
{
    [Test]
    public void ARaiseBeforeTheWaitIsSeenOnce()
    {
        AsyncSignal signal = new();
        signal.Raise();
        signal.Raise();
        Assert.That(signal.WaitAsync().IsCompletedSuccessfully, Is.True);
        ValueTask second = signal.WaitAsync();
        Assert.That(second.IsCompleted, Is.False, "two raises are one signal");
        signal.Raise();
        Assert.That(second.IsCompleted, Is.True);
    }

    [Test]
    [CancelAfter(60_000)]
    public async Task NoRaiseIsLostUnderStress(CancellationToken cancellation)
    {
        const int Producers = 2;
        const int Each = 200_000;
        AsyncSignal signal = new();
        long produced = 0;
        Thread[] producers = Enumerable.Range(0, Producers).Select(seed => new Thread(() =>
        {
            Random random = new(seed);
            for (int i = 0; i < Each; i++)
            {
                Interlocked.Increment(ref produced);
                signal.Raise();
                if (random.Next(64) == 0)
                {
                    Thread.Yield();
                }
            }
        })).ToArray();

        Task consumer = Task.Run(
            async () =>
            {
                // Leaves only when it has seen the last item: a lost signal leaves it waiting for ever.
                while (Volatile.Read(ref produced) < Producers * Each)
                {
                    await signal.WaitAsync();
                }
            },
            cancellation);
        Array.ForEach(producers, producer => producer.Start());
        await consumer.WaitAsync(cancellation);
        Array.ForEach(producers, producer => producer.Join());
        Assert.That(produced, Is.EqualTo(Producers * Each));
    }

    [Test]
    public async Task A_waiter_goes_on_within_the_call_when_the_setter_offers_its_thread_and_only_then()
    {
        AsyncSignal signal = new();
        List<int> threads = [];
        Task waiter = WaitTwiceAsync();
        signal.RaiseHere();
        Assert.That(threads, Is.EqualTo(new[] { Environment.CurrentManagedThreadId }), "before RaiseHere returned");

        Thread setter = new(signal.Raise);
        setter.Start();
        setter.Join();
        await waiter.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That(threads[1], Is.Not.EqualTo(setter.ManagedThreadId), "Raise never lends the setter's thread");

        async Task WaitTwiceAsync()
        {
            await signal.WaitAsync().ConfigureAwait(false);
            threads.Add(Environment.CurrentManagedThreadId);
            await signal.WaitAsync().ConfigureAwait(false);
            threads.Add(Environment.CurrentManagedThreadId);
        }
    }
}
