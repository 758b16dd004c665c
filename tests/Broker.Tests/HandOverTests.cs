using FastChat.Broker.Sessions;

namespace FastChat.Broker.Tests;

internal sealed class HandOverTests
{
    private HandOver<string> _items;

    [SetUp]
    public void Empty() => _items = default;

    [Test]
    public void GivesItemsInTheOrderTheyWereAdded()
    {
        Assert.That(_items.TryTake(out _), Is.False);
        _items.Add("a");
        _items.Add("b");
        Assert.That(_items.Count, Is.EqualTo(2));
        Assert.That(_items.TryTake(out string? first) ? first : null, Is.EqualTo("a"));
        _items.Add("c");
        Assert.That(_items.TryTake(out string? second) ? second : null, Is.EqualTo("b"), "what was added later comes later");
        Assert.That(_items.TryTake(out string? third) ? third : null, Is.EqualTo("c"));
        Assert.That(_items.TryTake(out _), Is.False);
        Assert.That(_items.Count, Is.Zero);
    }

    [Test]
    [CancelAfter(30_000)]
    public void LosesNothingAndKeepsTheOrderOfEachProducer()
    {
        const int Producers = 3;
        const int Items = 50_000;
        Thread[] threads = [.. Enumerable.Range(0, Producers).Select(producer => new Thread(() =>
        {
            for (int i = 0; i < Items; i++)
            {
                _items.Add($"{producer} {i}");
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        int[] next = new int[Producers];
        for (int taken = 0; taken < Producers * Items;)
        {
            if (_items.TryTake(out string? item))
            {
                string[] parts = item.Split(' ');
                int producer = int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture);
                Assert.That(parts[1], Is.EqualTo(next[producer].ToString(System.Globalization.CultureInfo.InvariantCulture)));
                next[producer]++;
                taken++;
            }
        }

        Assert.That(_items.TryTake(out _), Is.False);
        Assert.That(_items.Count, Is.Zero);
    }
}
