using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>The list of conversations, cursors and counts, and that what a device knows plus what it is told is what is there.</summary>
public sealed class InboxTests
{
    [Test]
    public async Task The_list_is_by_activity_with_what_waits()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        List<ConversationId> rooms = [];
        for (int i = 0; i < 5; i++)
        {
            rooms.Add((await ada.CreateConversationAsync(ConversationKind.Group, null, $"room {i}", [bob.User])).Conversation);
            await ada.PublishTextAsync(rooms[i], $"hello {i}");
        }

        await ada.PublishTextAsync(rooms[1], "and you?", new PublishOptions { Attributes = new MessageAttributes { Mentions = [bob.User] } });
        await ada.PublishTextAsync(rooms[1], "all of you?", new PublishOptions { Attributes = new MessageAttributes { MentionsAll = true } });
        await UntilAsync(async () => (await bob.GetInboxAsync(limit: 1)).Entries[0].Mentions == 2);
        InboxPage page = await bob.GetInboxAsync(limit: 2);
        Assert.That(page.Entries.Select(entry => (entry.Conversation.Title, entry.Unread, entry.Mentions, entry.Last!.Text)), Is.EqualTo(new[]
        {
            ("room 1", 3, 2, "all of you?"), ("room 4", 1, 0, "hello 4"),
        }));
        Assert.That((page.Total, page.Next is not null), Is.EqualTo((5, true)));
        InboxPage rest = await bob.GetInboxAsync(limit: 200, next: page.Next);
        Assert.That(rest.Entries.Select(entry => entry.Conversation.Title), Is.EqualTo(new[] { "room 3", "room 2", "room 0" }));
        Assert.That(rest.Next, Is.Null);

        await bob.MoveCursorAsync(rooms[1], read: 2);
        page = await bob.GetInboxAsync(limit: 1);
        Assert.That((page.Entries[0].Unread, page.Entries[0].Mentions, page.Entries[0].Read), Is.EqualTo((1, 1, 2ul)));
        Assert.That((await ada.GetInboxAsync()).Entries.Sum(entry => entry.Unread), Is.Zero, "one's own messages are never unread");
    }

    [Test]
    public async Task Who_comes_later_is_behind_with_nothing_that_was_said_before()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        for (int i = 0; i < 3; i++)
        {
            await ada.PublishTextAsync(room, $"before {i}");
        }

        await ada.AddMembersAsync(room, [bob.User]);
        await ada.PublishTextAsync(room, "welcome");
        await UntilAsync(async () => (await bob.GetInboxAsync()).Entries is [{ Unread: 1, Read: 4 }]);
        Assert.That((await bob.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages, Has.Count.EqualTo(5), "they may read it");
        Assert.That((await ada.ListCursorsAsync(room)).Cursors.Single(cursor => cursor.User == bob.User).Read, Is.Zero, "and nobody is told that they did");

        await ada.RemoveMemberAsync(room, bob.User);
        await ada.PublishTextAsync(room, "without them");
        await ada.AddMembersAsync(room, [bob.User]);
        await UntilAsync(async () => (await bob.GetInboxAsync()).Entries is [{ Unread: 0, Read: 8 }]);
    }

    [Test]
    public async Task Receipts_reach_those_who_read_along_and_only_what_is_public()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        TaskCompletionSource<CursorNotice> seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ada.CursorMoved += notice => seen.TrySetResult(notice);
        using CancellationTokenSource stop = new();
        Task reading = Task.Run(async () =>
        {
            await foreach (ChatMessage message in ada.ReadAsync(room, cancellationToken: stop.Token))
            {
                if (message.Sequence == 2)
                {
                    await bob.MoveCursorAsync(room, read: 1);
                }
            }
        });
        await ada.PublishTextAsync(room, "one");
        await ada.PublishTextAsync(room, "two");
        CursorNotice moved = await seen.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(moved, Is.EqualTo(new CursorNotice(room, 0, new MemberCursor(bob.User, 1, 1))));

        await bob.MoveCursorAsync(room, read: 2, isPrivate: true);
        Assert.That((await ada.ListCursorsAsync(room)).Cursors.Single(cursor => cursor.User == bob.User), Is.EqualTo(new MemberCursor(bob.User, 2, 1)));
        Assert.That((await bob.ListCursorsAsync(room)).Cursors.Single(cursor => cursor.User == bob.User), Is.EqualTo(new MemberCursor(bob.User, 2, 2)));
        Assert.That(async () => await bob.MoveCursorAsync(room, read: 3), Throws.TypeOf<RequestException>().With.Property("Code").EqualTo(ErrorCode.PositionAhead));
        await stop.CancelAsync();
        await reading.ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    [Test]
    public async Task What_is_read_on_one_device_is_read_on_all()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient phone = await broker.ClientAsync("ada");
        await using FastChatClient laptop = await broker.DeviceAsync("ada");
        ConversationId room = (await phone.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        await phone.PublishTextAsync(room, "note to myself");
        TaskCompletionSource<CursorNotice> seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        laptop.CursorMoved += notice => seen.TrySetResult(notice);
        await phone.MoveCursorAsync(room, read: 1, isPrivate: true);
        Assert.That(await seen.Task.WaitAsync(TimeSpan.FromSeconds(10)), Is.EqualTo(new CursorNotice(room, 0, new MemberCursor(phone.User, 1, 1))), "one's own devices know also what is private");
    }

    /// <summary>A device that knows something asks what is different and applies it; afterwards it must know what a fresh device would be told. Kills in between.</summary>
    [TestCase(1)]
    [TestCase(2)]
    public async Task What_is_known_and_what_is_told_are_what_is_there(int seed)
    {
        Random random = new(seed);
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        List<ConversationId> rooms = [];
        Dictionary<ConversationId, InboxEntry> device = [];
        uint epoch = 0;
        for (int round = 0; round < 25; round++)
        {
            for (int i = random.Next(12); i >= 0; i--)
            {
                await StepAsync();
            }

            if (round % 10 == 9)
            {
                await broker.Process.KillAsync();
                await broker.Process.RestartAsync();
            }

            // Lists are carried from shard to shard: they are there a moment later.
            await UntilAsync(async () =>
            {
                epoch = await CatchUpAsync(epoch);
                List<InboxEntry> fresh = await AllAsync(bob);
                return fresh.Count == device.Count && fresh.All(entry => device.TryGetValue(entry.Conversation.Conversation, out InboxEntry? known) && AreSame(known, entry));
            });
        }

        async Task StepAsync()
        {
            ConversationId room = rooms.Count == 0 ? default : rooms[random.Next(rooms.Count)];
            try
            {
                switch (rooms.Count == 0 ? 0 : random.Next(15))
                {
                    case 0: rooms.Add((await ada.CreateConversationAsync(ConversationKind.Group, null, $"room {rooms.Count}", [bob.User])).Conversation); break;
                    case 1: await ada.RemoveMemberAsync(room, bob.User); break;
                    case 2: await ada.AddMembersAsync(room, [bob.User]); break;
                    case 3: await bob.PublishTextAsync(room, "from bob"); break;
                    case 4: await bob.MoveCursorAsync(room, read: (ulong)random.Next(1, 20)); break;
                    case 12: await ada.MoveCursorAsync(room, read: (ulong)random.Next(1, 20)); break;
                    case 13: await ada.MoveCursorAsync(room, delivered: (ulong)random.Next(1, 20), isPrivate: true); break;
                    case 14: await ada.ChangeConversationAsync(room, new ConversationChanges { Topic = $"topic {random.Next()}" }); break;
                    case 5: await ada.DeleteAsync(room, (ulong)random.Next(1, 20)); break;
                    case 6: await ada.EditAsync(room, (ulong)random.Next(1, 20), $"edited {random.Next()}"); break;
                    case 7: await ada.ReactAsync(room, (ulong)random.Next(1, 20), "👍"); break;
                    case 8: await ada.PublishTextAsync(room, "@bob", new PublishOptions { Attributes = new MessageAttributes { Mentions = [bob.User] } }); break;
                    default: await ada.PublishTextAsync(room, $"text {random.Next()}"); break;
                }
            }
            catch (RequestException)
            {
                // Not a member, no such message: such things happen, and must change nothing.
            }
        }

        async Task<uint> CatchUpAsync(uint known)
        {
            ReadOnlyMemory<byte>? next = null;
            KnownConversation[] knows = device.Values.Select(KnownConversation.Of).ToArray();
            do
            {
                InboxPage page = await bob.GetInboxAsync(knows, known, limit: 7, next: next);
                Assert.That(page.IsRecovered, Is.True);
                foreach (InboxEntry entry in page.Entries)
                {
                    device[entry.Conversation.Conversation] = entry;
                }

                foreach (ConversationId gone in page.Gone)
                {
                    device.Remove(gone);
                }

                (known, next) = (page.Epoch, page.Next);
            }
            while (next is not null);
            return known;
        }
    }

    [Test]
    public async Task After_a_restore_the_device_is_told_that_what_it_knows_may_not_be_so()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await ada.CreateConversationAsync(ConversationKind.Group, null, "room");
        await UntilAsync(async () => (await ada.GetInboxAsync()).Entries.Count == 1);
        InboxPage page = await ada.GetInboxAsync();
        KnownConversation known = KnownConversation.Of(page.Entries[0]);
        Assert.That((await ada.GetInboxAsync([known], page.Epoch)).Entries, Is.Empty);
        InboxPage other = await ada.GetInboxAsync([known], page.Epoch + 1);
        Assert.That((other.IsRecovered, other.Entries.Count), Is.EqualTo((false, 1)));
    }

    [Test]
    public async Task Who_knows_more_than_one_request_holds_is_told_what_is_different()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        List<ConversationId> rooms = [];
        for (int i = 0; i < 1700; i += 100)
        {
            rooms.AddRange((await Task.WhenAll(Enumerable.Range(i, 100).Select(number => ada.CreateConversationAsync(ConversationKind.Group, null, $"room {number}", [bob.User])))).Select(made => made.Conversation));
        }

        await UntilAsync(async () => (await bob.GetInboxAsync(limit: 1)).Total == 1700);
        InboxChanges all = await bob.CatchUpAsync([]);
        Assert.That((all.Entries.Count, all.Gone.Count, all.IsRecovered), Is.EqualTo((1700, 0, true)));
        KnownConversation[] known = [.. all.Entries.Select(KnownConversation.Of)];
        Assert.That((await bob.CatchUpAsync(known, all.Epoch)).Entries, Is.Empty);

        // One at each end of the ids, those to both sides of where the parts meet, and one that is new.
        rooms.Sort(static (left, right) => left.Value.CompareTo(right.Value));
        ConversationId[] changed = [rooms[0], rooms[1599], rooms[1600], rooms[1699]];
        foreach (ConversationId room in changed)
        {
            await ada.PublishTextAsync(room, "news");
        }

        await ada.RemoveMemberAsync(rooms[700], bob.User);
        ConversationId added = (await ada.CreateConversationAsync(ConversationKind.Group, null, "new", [bob.User])).Conversation;
        InboxChanges changes = null!;
        await UntilAsync(async () => (changes = await bob.CatchUpAsync(known, all.Epoch)).Entries.Count == 5);
        Assert.That(changes.Entries.Select(entry => entry.Conversation.Conversation), Is.EquivalentTo(changed.Append(added)));
        Assert.That(changes.Gone, Is.EqualTo(new[] { rooms[700] }));
        InboxChanges other = await bob.CatchUpAsync(known, all.Epoch + 1);
        Assert.That((other.IsRecovered, other.Entries.Count), Is.EqualTo((false, 1700)));
    }

    private static bool AreSame(InboxEntry left, InboxEntry right) =>
        left with { Cursors = null } == right with { Cursors = null } && (left.Cursors ?? []).SequenceEqual(right.Cursors ?? []);

    private static async Task<List<InboxEntry>> AllAsync(FastChatClient client)
    {
        List<InboxEntry> all = [];
        ReadOnlyMemory<byte>? next = null;
        do
        {
            InboxPage page = await client.GetInboxAsync(limit: 9, next: next);
            all.AddRange(page.Entries);
            next = page.Next;
        }
        while (next is not null);
        return all;
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (int i = 0; i < 200; i++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(25);
        }

        Assert.Fail("it did not become so within five seconds");
    }
}
