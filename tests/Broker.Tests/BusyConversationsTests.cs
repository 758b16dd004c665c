using FastChat.Broker.Diagnostics;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>Where most is written: what is far ahead is found among any number of others, no number is too high, and what is older than a minute does not count.</summary>
internal sealed class BusyConversationsTests
{
    private const long Second = 1_000_000;

    [Test]
    public void AFewAreCountedExactly()
    {
        BusyConversations busy = new();
        busy.Add(Id(1), 3, 300, 5 * Second);
        busy.Add(Id(2), 10, 1000, 6 * Second);
        busy.Add(Id(1), 1, 100, 17 * Second);
        Assert.That(busy.Top(10, 20 * Second), Is.EqualTo(new[] { new BusyConversation(Id(2), 10, 1000), new BusyConversation(Id(1), 4, 400) }));
        Assert.That(busy.Top(1, 20 * Second), Has.Count.EqualTo(1));
    }

    [Test]
    public void WhatIsOlderThanAMinuteDoesNotCount()
    {
        BusyConversations busy = new();
        busy.Add(Id(1), 5, 50, 0);
        busy.Add(Id(2), 4, 40, 15 * Second);
        Assert.That(busy.Top(10, 59 * Second).Select(static one => one.Conversation), Is.EqualTo(new[] { Id(1), Id(2) }));
        Assert.That(busy.Top(10, 60 * Second).Select(static one => one.Conversation), Is.EqualTo(new[] { Id(2) }));
        Assert.That(busy.Top(10, 70 * Second), Is.Empty);

        // The window of long ago is the one that runs now.
        busy.Add(Id(3), 1, 10, 120 * Second);
        Assert.That(busy.Top(10, 120 * Second), Is.EqualTo(new[] { new BusyConversation(Id(3), 1, 10) }));
    }

    [Test]
    public void WhoHasTheMostIsFoundAmongAnyNumberAndNoNumberIsTooHigh([Values(1, 2, 3)] int seed)
    {
        Random random = new(seed);
        BusyConversations busy = new();
        Dictionary<ConversationId, long> truth = [];
        for (int i = 0; i < 200_000; i++)
        {
            // Three conversations have a tenth each; the others share the rest among twenty thousand.
            int die = random.Next(10);
            ConversationId conversation = die < 3 ? Id(die) : Id(random.Next(100, 20_100));
            int messages = random.Next(1, 4);
            busy.Add(conversation, messages, 10 * messages, i * 300L);
            truth[conversation] = truth.GetValueOrDefault(conversation) + messages;
        }

        List<BusyConversation> top = busy.Top(20, 59 * Second);
        Assert.That(top.Take(3).Select(static one => one.Conversation), Is.EquivalentTo(new[] { Id(0), Id(1), Id(2) }));
        foreach (BusyConversation one in top)
        {
            Assert.That(one.Messages, Is.LessThanOrEqualTo(truth[one.Conversation]));
            Assert.That(one.Bytes, Is.LessThanOrEqualTo(10 * truth[one.Conversation]));
        }

        // What is far ahead takes its place early in each window and keeps it.
        Assert.That(top[0].Messages, Is.GreaterThan(truth[top[0].Conversation] * 9 / 10));
    }

    [Test]
    public void AddingAllocatesNothing()
    {
        BusyConversations busy = new();
        Fill();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Fill();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Fill()
        {
            for (int i = 0; i < 10_000; i++)
            {
                busy.Add(Id(i % 1_000), 1, 1, i * 10_000L);
            }
        }
    }

    private static ConversationId Id(int number) => new((UInt128)number + 1);
}
