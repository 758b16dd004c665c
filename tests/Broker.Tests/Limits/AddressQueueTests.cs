using FastChat.Broker.Limits;

namespace FastChat.Broker.Tests.Limits;

/// <summary>Who gets a place, who loses it, and whose turn it is.</summary>
[CancelAfter(60_000)]
public sealed class AddressQueueTests
{
    [Test]
    public void Addresses_take_turns_and_each_has_its_own_order()
    {
        AddressQueue<string> queue = new(16);
        foreach (string item in new[] { "a1", "a2", "a3", "b1", "c1", "c2" })
        {
            Assert.That(queue.TryEnqueue(Of(item), item, out _, out bool isDisplaced), Is.True);
            Assert.That(isDisplaced, Is.False);
        }

        Assert.That(queue.Count, Is.EqualTo(6));
        Assert.That(TakeAll(queue), Is.EqualTo(new[] { "a1", "b1", "c1", "a2", "c2", "a3" }));
        Assert.That(queue.Count, Is.Zero);
    }

    [Test]
    public void One_address_has_all_places_until_somebody_else_wants_one()
    {
        AddressQueue<string> queue = new(4);
        foreach (string item in new[] { "a1", "a2", "a3", "a4" })
        {
            Assert.That(queue.TryEnqueue(Of(item), item, out _, out _), Is.True);
        }

        Assert.That(queue.TryEnqueue(Of("a5"), "a5", out _, out _), Is.False, "nobody makes room for oneself");
        Assert.That(Displaced(queue, "b1"), Is.EqualTo("a4"));
        Assert.That(Displaced(queue, "b2"), Is.EqualTo("a3"));
        Assert.That(queue.TryEnqueue(Of("b3"), "b3", out _, out _), Is.False, "two and two: nobody has more than the other");
        Assert.That(Displaced(queue, "c1"), Is.EqualTo("a2").Or.EqualTo("b2"));
        Assert.That(queue.Count, Is.EqualTo(4));
    }

    [Test]
    public void When_each_place_is_another_addresss_who_comes_later_has_none()
    {
        AddressQueue<string> queue = new(3);
        foreach (string item in new[] { "a1", "b1", "c1" })
        {
            Assert.That(queue.TryEnqueue(Of(item), item, out _, out _), Is.True);
        }

        Assert.That(queue.TryEnqueue(Of("d1"), "d1", out _, out _), Is.False);
        Assert.That(TakeAll(queue), Is.EqualTo(new[] { "a1", "b1", "c1" }));
    }

    [Test]
    public void What_goes_in_comes_out_or_is_displaced_and_the_shares_are_equal_in_the_end()
    {
        // A model beside it: everything that was taken in is given out once or displaced once, and nobody is displaced by who has as much.
        Random random = new(7);
        AddressQueue<string> queue = new(16);
        Dictionary<string, List<string>> model = [];
        int number = 0;
        for (int step = 0; step < 20_000; step++)
        {
            string address = ((char)('a' + random.Next(6))).ToString();
            if (random.Next(3) > 0)
            {
                string item = $"{address}{number++}";
                int own = model.GetValueOrDefault(address)?.Count ?? 0;
                int longest = model.Values.Select(static line => line.Count).DefaultIfEmpty().Max();
                bool isFull = model.Values.Sum(static line => line.Count) == 16;
                bool isTaken = queue.TryEnqueue(Of(item), item, out string? displaced, out bool isDisplaced);
                Assert.That((isTaken, isDisplaced), Is.EqualTo((!isFull || longest > own + 1, isFull && longest > own + 1)));
                if (isDisplaced)
                {
                    List<string> line = model[displaced![..1]];
                    Assert.That((line.Count, line[^1]), Is.EqualTo((longest, displaced)), "the last of a longest line");
                    line.RemoveAt(line.Count - 1);
                }

                if (isTaken)
                {
                    model.TryAdd(address, []);
                    model[address].Add(item);
                }
            }
            else if (queue.Count > 0)
            {
                Assert.That(queue.TryTake(out string? item), Is.True);
                Assert.That(model[item![..1]][0], Is.EqualTo(item));
                model[item[..1]].RemoveAt(0);
            }

            Assert.That(queue.Count, Is.EqualTo(model.Values.Sum(static line => line.Count)));
        }
    }

    [Test]
    public async Task Who_waits_for_something_gets_it_and_hears_of_the_end()
    {
        AddressQueue<string> queue = new(3);
        Task<List<string>> taking = Task.Run(() =>
        {
            List<string> all = [];
            while (queue.TryTake(out string? item))
            {
                all.Add(item);
            }

            return all;
        });
        foreach (string item in new[] { "a1", "a2", "b1" })
        {
            while (!queue.TryEnqueue(Of(item), item, out _, out _))
            {
                await Task.Yield();
            }
        }

        queue.End();
        Assert.That(await taking, Is.EqualTo(new[] { "a1", "a2", "b1" }).Or.EqualTo(new[] { "a1", "b1", "a2" }));
        Assert.That(queue.TryEnqueue(Of("c1"), "c1", out _, out _), Is.False, "nothing behind the end");
    }

    private static string Displaced(AddressQueue<string> queue, string item)
    {
        Assert.That(queue.TryEnqueue(Of(item), item, out string? displaced, out bool isDisplaced), Is.True);
        Assert.That(isDisplaced, Is.True);
        return displaced!;
    }

    private static List<string> TakeAll(AddressQueue<string> queue)
    {
        List<string> all = [];
        while (queue.Count > 0 && queue.TryTake(out string? item))
        {
            all.Add(item);
        }

        return all;
    }

    private static AddressKey Of(string item) => new(item[0]);
}
