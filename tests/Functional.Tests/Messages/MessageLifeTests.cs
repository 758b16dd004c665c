using System.Text;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>What people do with messages, through the real broker and client, before and after a crash of the broker.</summary>
public sealed class MessageLifeTests
{
    [Test]
    public async Task Messages_are_answered_edited_reacted_to_pinned_and_deleted()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;

        Assert.That((await bob.PublishTextAsync(room, "helo")).Sequence, Is.EqualTo(1));
        await bob.EditAsync(room, 1, "hello");
        await ada.PublishTextAsync(room, "hello yourself", new PublishOptions { Attributes = new MessageAttributes { ReplyTo = 1, Mentions = [bob.User] } });
        await ada.ReactAsync(room, 1, "👍");
        await bob.ReactAsync(room, 1, "👍");
        await ada.PinAsync(room, 1);
        await ada.PublishTextAsync(room, "in the thread", new PublishOptions { Attributes = new MessageAttributes { Thread = 1 } });
        await CheckAsync(ada, isOwn: true);
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();
        await CheckAsync(bob, isOwn: true);

        Assert.That((await Refused(async () => await ada.EditAsync(room, 1, "x"))).Code, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That((await Refused(async () => await ada.PinAsync(room, 1))).Code, Is.EqualTo(ErrorCode.Conflict));
        Assert.That((await Refused(async () => await bob.PinAsync(room, 3))).Code, Is.EqualTo(ErrorCode.Forbidden));
        await ada.DeleteAsync(room, 1);
        Assert.That((await Refused(async () => await bob.EditAsync(room, 1, "x"))).Code, Is.EqualTo(ErrorCode.NoSuchMessage));
        MessageState state = (await ada.GetMessageStatesAsync(room)).States[0];
        Assert.That((state.Sequence, state.DeletedBy > 0, state.Text, state.Reactions.Count, state.PinnedBy), Is.EqualTo((1ul, true, (string?)null, 0, 0ul)));
        Assert.That((await ada.GetPinsAsync(room)).Messages, Is.Empty);

        async Task CheckAsync(FastChatClient client, bool isOwn)
        {
            MessageStatePage page = await client.GetMessageStatesAsync(room);
            MessageState one = page.States.Single(entry => entry.Sequence == 1);
            Assert.That((one.Text, one.Edits, one.Replies, one.InThread, one.PinnedBy > 0, page.Head), Is.EqualTo(("hello", 1, 1u, 1u, true, 7ul)));
            Assert.That(one.Reactions, Is.EqualTo(new[] { new MessageReaction("👍", 2, isOwn) }));
            Assert.That((await client.GetPinsAsync(room)).Messages.Select(message => message.Sequence), Is.EqualTo(new ulong[] { 1 }));
            Assert.That((await client.GetThreadAsync(room, 1)).Messages.Select(message => message.Text), Is.EqualTo(new[] { "in the thread" }));
            HistoryPage history = await client.FetchAsync(room, LogPosition.Start, FetchDirection.Forward);
            Assert.That(history.Messages.Select(message => message.Target), Is.EqualTo(new ulong[] { 0, 1, 0, 1, 1, 1, 0 }));
            Assert.That(history.Messages[2].Attributes!.Mentions, Is.EqualTo(new[] { bob.User }));
        }
    }

    [Test]
    public async Task A_forwarded_message_says_truly_where_it_is_from()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        await using FastChatClient eve = await broker.ClientAsync("eve");
        ConversationId from = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        ConversationId to = (await bob.CreateConversationAsync(ConversationKind.Group, null, members: [eve.User])).Conversation;
        await ada.PublishTextAsync(from, "first");
        await ada.EditAsync(from, 1, "second");

        ClientMessageId id = new(77);
        LogPosition position = await bob.ForwardAsync(from, 1, to, id);
        Assert.That(await bob.ForwardAsync(from, 1, to, id), Is.EqualTo(position), "a repeated request is the same message");
        ChatMessage message = (await eve.FetchAsync(to, LogPosition.Start, FetchDirection.Forward)).Messages.Single();
        Assert.That((message.Text, message.Sender), Is.EqualTo(("second", bob.User)));
        Assert.That((message.Attributes!.Forwarded!.Value.Conversation, message.Attributes.Forwarded.Value.Sequence, message.Attributes.Forwarded.Value.Sender), Is.EqualTo((from, 1ul, ada.User)));

        Assert.That((await Refused(async () => await bob.EditAsync(to, message.Sequence, "something else"))).Code, Is.EqualTo(ErrorCode.Forbidden), "nobody changes another one's word by forwarding it");

        Assert.That((await Refused(async () => await eve.ForwardAsync(from, 1, to))).Code, Is.EqualTo(ErrorCode.NoSuchConversation), "who may not read it may not forward it");
        Assert.That((await Refused(async () => await bob.ForwardAsync(from, 9, to))).Code, Is.EqualTo(ErrorCode.NoSuchMessage));
        MessageAttributes forged = new() { Forwarded = new ForwardedFrom(from, 1, ada.User, 1) };
        Assert.That((await Refused(async () => await bob.PublishTextAsync(to, "she said", new PublishOptions { Attributes = forged }))).Code, Is.EqualTo(ErrorCode.Forbidden));
    }

    [Test]
    public async Task A_message_that_expires_is_gone_from_the_history()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        long soon = Micros.Of(DateTimeOffset.UtcNow.AddSeconds(1))!.Value;
        await ada.PublishTextAsync(room, "for a moment", new PublishOptions { Attributes = new MessageAttributes { ExpiresMicros = soon } });
        await ada.PublishTextAsync(room, "for good");
        ChatMessage expired = null!;
        for (int i = 0; i < 100 && expired is null; i++)
        {
            await Task.Delay(100);
            expired = (await ada.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages.FirstOrDefault(one => one.Kind == MessageKind.Expired)!;
        }

        Assert.That((expired.Sequence, expired.Target), Is.EqualTo((3ul, 1ul)));
        ChatMessage first = (await ada.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages[0];
        Assert.That((first.IsErased, first.Text), Is.EqualTo((true, (string?)null)));
        Assert.That(Encoding.UTF8.GetString(first.Body.Span), Does.Not.Contain("moment"));
    }

    [Test]
    public async Task Of_those_who_append_to_the_same_head_one_wins()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        for (ulong head = 0; head < 20; head++)
        {
            ErrorCode[] outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
            {
                try
                {
                    await ada.PublishTextAsync(room, $"{head} {i}", new PublishOptions { IfHead = head });
                    return ErrorCode.None;
                }
                catch (RequestException refused)
                {
                    return refused.Code;
                }
            }));
            Assert.That(outcomes.Order(), Is.EqualTo(new[] { ErrorCode.None }.Concat(Enumerable.Repeat(ErrorCode.Conflict, 7))));
        }
    }

    private static async Task<RequestException> Refused(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (RequestException refused)
        {
            return refused;
        }

        throw new AssertionException("it was not refused");
    }
}
