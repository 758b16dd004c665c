using FastChat.Broker.Inbox;
using FastChat.Protocol;

namespace FastChat.Broker.Tests.Inbox;

/// <summary>A page is chosen in one pass, and the pages together are the sorted list, whatever its order was.</summary>
internal sealed class InboxPageRowsTests
{
    [TestCase(1)]
    [TestCase(7)]
    [TestCase(50)]
    [TestCase(200)]
    public void Pages_together_are_the_sorted_list(int limit)
    {
        Random random = new(limit);

        // Few times and many conversations: many rows are equally old.
        InboxRow[] rows = [.. Enumerable.Range(1, 120).Select(i => Row(i, random.Next(12))).OrderBy(_ => random.Next())];
        InboxRow[] sorted = [.. rows.OrderByDescending(row => row.Last.TimeMicros).ThenBy(row => row.Conversation.Value)];
        List<InboxRow> read = [];
        byte[] after = [];
        for (bool isComplete = false; !isComplete;)
        {
            InboxPageRows page = new(limit, after);
            Array.ForEach(rows, row => page.Offer(row));
            Assert.That(page.Rows, Has.Count.EqualTo(Math.Min(limit, rows.Length - read.Count)));
            read.AddRange(page.Rows);
            isComplete = page.IsComplete;
            after = page.Place;
            Assert.That(isComplete, Is.EqualTo(read.Count == rows.Length));
        }

        Assert.That(read, Is.EqualTo(sorted));
    }

    [Test]
    public void Behind_the_last_place_there_is_nothing()
    {
        InboxPageRows first = new(5, []);
        first.Offer(Row(1, 10));
        InboxPageRows second = new(5, first.Place);
        second.Offer(Row(1, 10));
        second.Offer(Row(2, 11));
        Assert.That((second.Rows.Count, second.IsComplete), Is.EqualTo((0, true)));
    }

    private static InboxRow Row(int conversation, long time) => new(new ConversationId((UInt128)conversation), default, 1, new LastMessage(1, 1, time));
}
