using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Messages that are published later, and messages that somebody hides, through the real broker and client.</summary>
public sealed class LaterTests
{
    [Test]
    public async Task A_message_is_published_at_its_time_though_its_author_is_gone_and_the_broker_was_killed()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        FastChatClient bob = await broker.ClientAsync("bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        UserId author = bob.User;
        DateTimeOffset at = DateTimeOffset.UtcNow.AddSeconds(3);
        ScheduledReceipt receipt = await bob.ScheduleTextAsync(room, "see you", at.AddDays(1), new PublishOptions { Attributes = new MessageAttributes { Mentions = [ada.User] } });
        Assert.That((await bob.ScheduleTextAsync(room, "good morning", at, new PublishOptions { ClientMessageId = receipt.Id })).Sent.Sequence, Is.Zero);
        ScheduledMessage waiting = (await bob.ListScheduledAsync()).Messages.Single();
        Assert.That((waiting.Conversation, waiting.Id, waiting.Text, waiting.Refused), Is.EqualTo((room, receipt.Id, "good morning", ErrorCode.None)));
        Assert.That((await ada.ListScheduledAsync()).Messages, Is.Empty, "what somebody has in mind is nobody else's business");
        await bob.DisposeAsync();
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();

        ChatMessage message = await FirstAsync(ada, room);
        Assert.That((message.Sequence, message.Sender, message.Text, message.SentAt >= at.AddMilliseconds(-1)), Is.EqualTo((1ul, author, "good morning", true)));
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();
        await Task.Delay(2500);
        Assert.That((await ada.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages, Has.Count.EqualTo(1), "once");
    }

    [Test]
    public async Task Who_was_removed_by_then_is_told_so_on_every_device()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        await using FastChatClient phone = await broker.DeviceAsync("bob");
        TaskCompletionSource<ClientNotice> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        phone.NoticeReceived += notice =>
        {
            if (notice is { Event: "scheduled", Refused: not ErrorCode.None })
            {
                told.TrySetResult(notice);
            }
        };
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        ScheduledReceipt receipt = await bob.ScheduleTextAsync(room, "hello", DateTimeOffset.UtcNow.AddSeconds(2));
        await ada.RemoveMemberAsync(room, bob.User);
        ClientNotice notice = await told.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That((notice.Conversation, notice.Message, notice.Refused), Is.EqualTo((room, receipt.Id, ErrorCode.NoSuchConversation)));
        Assert.That((await phone.ListScheduledAsync()).Messages.Single().Refused, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(await phone.CancelScheduledAsync(room, receipt.Id), Is.True);
        Assert.That((await bob.ListScheduledAsync()).Messages, Is.Empty);
        Assert.That((await ada.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages.Select(message => message.Kind), Is.All.Not.EqualTo(MessageKind.Text));
    }

    [Test]
    public async Task What_is_scheduled_is_paged_and_of_one_conversation_if_asked()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        ConversationId[] rooms = [(await ada.CreateConversationAsync(ConversationKind.Group, null)).Conversation, (await ada.CreateConversationAsync(ConversationKind.Group, null)).Conversation];
        HashSet<ClientMessageId> expected = [];
        for (int i = 0; i < 12; i++)
        {
            expected.Add((await ada.ScheduleAsync(rooms[i % 2], MessageKind.Opaque, new byte[40_000], DateTimeOffset.UtcNow.AddDays(1))).Id);
        }

        List<ScheduledMessage> all = [];
        ReadOnlyMemory<byte>? next = null;
        int pages = 0;
        do
        {
            ScheduledPage page = await ada.ListScheduledAsync(next: next);
            all.AddRange(page.Messages);
            next = page.Next;
            pages++;
        }
        while (next is not null);
        Assert.That((all.Count, expected.SetEquals(all.Select(message => message.Id)), pages), Is.EqualTo((12, true, 4)), "three bodies fit into a reply");
        Assert.That((await ada.ListScheduledAsync(rooms[0])).Messages.Select(message => message.Conversation), Is.All.EqualTo(rooms[0]));
    }

    [Test]
    public async Task What_is_hidden_on_one_device_is_hidden_on_all_and_for_nobody_else()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await broker.ClientAsync("ada");
        await using FastChatClient bob = await broker.ClientAsync("bob");
        await using FastChatClient phone = await broker.DeviceAsync("bob");
        TaskCompletionSource<ClientNotice> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        phone.NoticeReceived += notice =>
        {
            if (notice.Event == "hidden")
            {
                told.TrySetResult(notice);
            }
        };
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        for (int i = 0; i < 4; i++)
        {
            await ada.PublishTextAsync(room, $"message {i}");
        }

        Assert.That((await phone.GetInboxAsync()).HiddenVersion, Is.Zero);
        Assert.That(await bob.HideAsync(room, [2, 4]), Is.EqualTo(1));
        ClientNotice notice = await told.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That((notice.Conversation, notice.Version), Is.EqualTo((room, 1ul)));
        await broker.Process.KillAsync();
        await broker.Process.RestartAsync();

        InboxPage inbox = await phone.GetInboxAsync();
        Assert.That((inbox.HiddenVersion, inbox.Entries[0].Last!.IsHidden, inbox.Entries[0].Last!.Text), Is.EqualTo((1ul, true, "message 3")));
        Assert.That((await ada.GetInboxAsync()).Entries[0].Last!.Text, Is.EqualTo("message 3"));
        Assert.That((await phone.ListHiddenAsync()).Messages, Is.EqualTo(new[] { new HiddenMessage(room, 2), new HiddenMessage(room, 4) }));
        Assert.That((await phone.GetMessageStatesAsync(room)).Hidden, Is.EqualTo(new ulong[] { 2, 4 }));
        Assert.That((await phone.GetMessageStatesAsync(room, 3, 3)).Hidden, Is.Empty);
        Assert.That((await ada.GetMessageStatesAsync(room)).Hidden, Is.Empty);
        Assert.That(await phone.HideAsync(room, [4], isHidden: false), Is.EqualTo(2));
        Assert.That((await bob.GetMessageStatesAsync(room)).Hidden, Is.EqualTo(new ulong[] { 2 }));
    }

    private static async Task<ChatMessage> FirstAsync(FastChatClient client, ConversationId room)
    {
        for (int i = 0; i < 200; i++)
        {
            if ((await client.FetchAsync(room, LogPosition.Start, FetchDirection.Forward)).Messages is { Count: > 0 } messages)
            {
                return messages[0];
            }

            await Task.Delay(100);
        }

        throw new AssertionException("it was not published");
    }
}
