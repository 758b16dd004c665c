using System.Collections.Concurrent;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Conversations from their making on, by the real client and the real broker, and the same after kill -9.</summary>
[CancelAfter(120_000)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ConversationLifeTests
{
    [Test]
    public async Task A_group_is_what_its_people_make_of_it_also_after_kill_9()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await People.RegisterAsync(broker, "ada");
        await using FastChatClient bob = await People.RegisterAsync(broker, "bob");
        await using FastChatClient eve = await People.RegisterAsync(broker, "eve");
        ConversationId crew = (await ada.CreateConversationAsync(ConversationKind.Group, "crew", new ConversationChanges { Topic = "rockets" }, null, default)).Conversation;
        await ada.PublishTextAsync(crew, "first");

        // Invited: knows of it, reads nothing.
        Assert.That((await ada.InviteAsync(crew, bob.User)).IsChanged, Is.True);
        Assert.That(await bob.RoleAsync(crew), Is.EqualTo(MemberRole.Invited));
        People.Refuses(() => bob.ReadAllAsync(crew), ErrorCode.Forbidden);
        Assert.That((await bob.ListConversationsAsync()).Conversations.Single().Role, Is.EqualTo(MemberRole.Invited));
        Assert.That((await bob.AcceptAsync(crew)).IsChanged, Is.True);
        Assert.That((await bob.AcceptAsync(crew)).IsChanged, Is.False);
        Assert.That((await bob.ReadAllAsync(crew))[0].Text, Is.EqualTo("first"));
        await ada.SetRoleAsync(crew, bob.User, MemberRole.Moderator);

        // The moderator keeps order below, and not above.
        await ada.AddMembersAsync(crew, [eve.User]);
        await bob.MuteAsync(crew, eve.User, TimeSpan.FromHours(1));
        People.Refuses(() => eve.PublishTextAsync(crew, "but").AsTask(), ErrorCode.Forbidden);
        People.Refuses(() => bob.BanAsync(crew, ada.User), ErrorCode.Forbidden);
        await bob.UnmuteAsync(crew, eve.User);
        await eve.PublishTextAsync(crew, "thanks");

        await ada.ChangeConversationAsync(crew, new ConversationChanges { SlowMode = TimeSpan.FromMinutes(5), Title = "The crew" });
        await eve.PublishTextAsync(crew, "one");
        RateLimitedException wait = await Assert.ThrowsAsync<RateLimitedException>(() => eve.PublishTextAsync(crew, "two").AsTask()) ?? throw new AssertionException("no wait");
        Assert.That(wait.RetryAfter, Is.InRange(TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5)));
        await bob.PublishTextAsync(crew, "moderators need not wait");
        await bob.PublishTextAsync(crew, "at all");

        await bob.BanAsync(crew, eve.User);
        People.Refuses(() => eve.ReadAllAsync(crew), ErrorCode.NoSuchConversation);
        JoinLinkCreated link = await ada.CreateJoinLinkAsync(crew, MemberRole.Reader, uses: 1, TimeSpan.FromHours(1));
        People.Refuses(() => eve.JoinByLinkAsync(link.Link), ErrorCode.Forbidden);
        await AssertAsync(MemberRole.Banned);

        await broker.Process.RestartAsync();
        await AssertAsync(MemberRole.Banned);
        People.Refuses(() => eve.JoinByLinkAsync(link.Link), ErrorCode.Forbidden);
        Assert.That((await ada.UnbanAsync(crew, eve.User)).IsChanged, Is.True);
        Assert.That(await eve.JoinByLinkAsync(link.Link), Is.EqualTo(new JoinedByLink(crew, true, (await ada.GetConversationAsync(crew)).Head)));
        Assert.That((await eve.JoinByLinkAsync(link.Link)).IsChanged, Is.False, "a member already: no use is taken");
        People.Refuses(() => eve.PublishTextAsync(crew, "readers do not write").AsTask(), ErrorCode.Forbidden);
        JoinLinkInfo used = (await ada.ListJoinLinksAsync(crew)).Single();
        Assert.That((used.UsesLeft, used.IsExpired, used.Role), Is.EqualTo((0u, true, MemberRole.Reader)));
        Assert.That((await ada.RevokeJoinLinkAsync(crew, used.Id)).IsChanged, Is.True);

        await ada.ChangeConversationAsync(crew, new ConversationChanges { IsArchived = true });
        People.Refuses(() => ada.PublishTextAsync(crew, "over").AsTask(), ErrorCode.Forbidden);
        await broker.Process.RestartAsync();
        await AssertAsync(MemberRole.Reader);
        Assert.That((await ada.GetConversationAsync(crew)).IsArchived, Is.True);
        Assert.That((await broker.StopAndVerifyAsync()).GetProperty("problems").GetInt32(), Is.Zero);

        async Task AssertAsync(MemberRole ofEve)
        {
            ConversationInfo info = await ada.GetConversationAsync(crew);
            Assert.That((info.Title, info.Topic, info.SlowMode, info.Name), Is.EqualTo(("The crew", "rockets", TimeSpan.FromMinutes(5), "crew")));
            Assert.That(await bob.MembersAsync(crew), Is.EquivalentTo(new Dictionary<string, MemberRole>
            {
                ["ada"] = MemberRole.Owner,
                ["bob"] = MemberRole.Moderator,
                ["eve"] = ofEve,
            }));
        }
    }

    [Test]
    public async Task A_channel_is_read_by_everyone_and_written_by_few()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await People.RegisterAsync(broker, "ada");
        await using FastChatClient bob = await People.RegisterAsync(broker, "bob");
        ConversationId news = (await ada.CreateConversationAsync(ConversationKind.Channel, "news")).Conversation;
        await ada.PublishTextAsync(news, "hear");
        Assert.That((await bob.ResolveConversationAsync("news")).Kind, Is.EqualTo(ConversationKind.Channel));
        Assert.That((await bob.ReadAllAsync(news)).Single().Text, Is.EqualTo("hear"));
        People.Refuses(() => bob.PublishTextAsync(news, "me too").AsTask(), ErrorCode.Forbidden);
        await bob.JoinAsync(news);
        Assert.That(await bob.RoleAsync(news), Is.EqualTo(MemberRole.Reader));
        People.Refuses(() => bob.PublishTextAsync(news, "me too").AsTask(), ErrorCode.Forbidden);
        await ada.SetRoleAsync(news, bob.User, MemberRole.Member);
        await bob.PublishTextAsync(news, "now");
        await ada.BanAsync(news, bob.User);
        People.Refuses(() => bob.ReadAllAsync(news), ErrorCode.Forbidden);
        await broker.Process.RestartAsync();
        People.Refuses(() => bob.ReadAllAsync(news), ErrorCode.Forbidden);
        People.Refuses(() => bob.JoinAsync(news), ErrorCode.Forbidden);
        await ada.UnbanAsync(news, bob.User);
        Assert.That((await bob.ReadAllAsync(news)).Count(message => message.Kind == MessageKind.Text), Is.EqualTo(2));
    }

    [Test]
    public async Task Two_people_who_begin_at_the_same_moment_have_one_conversation()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await People.RegisterAsync(broker, "ada");
        await using FastChatClient bob = await People.RegisterAsync(broker, "bob");
        await using FastChatClient eve = await People.RegisterAsync(broker, "eve");
        ConversationInfo[] begun = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? ada.DirectAsync(bob.User) : bob.DirectAsync(ada.User)));
        ConversationId pair = begun[0].Conversation;
        Assert.That(begun.Select(info => info.Conversation), Is.All.EqualTo(pair));
        Assert.That(begun.Count(info => info.Created), Is.EqualTo(1));
        Assert.That(begun.Where((_, i) => i % 2 == 0).Select(info => info.Peer), Is.All.EqualTo(bob.User));
        Assert.That(begun.Where((_, i) => i % 2 == 1).Select(info => info.Peer), Is.All.EqualTo(ada.User));
        await ada.PublishTextAsync(pair, "hi");
        await bob.PublishTextAsync(pair, "hi yourself");
        People.Refuses(() => eve.ReadAllAsync(pair), ErrorCode.NoSuchConversation);

        ConversationInfo notes = await ada.DirectAsync(ada.User);
        Assert.That((notes.Conversation != pair, notes.Peer), Is.EqualTo((true, ada.User)));
        await broker.Process.RestartAsync();
        Assert.That((await bob.DirectAsync(ada.User)).Conversation, Is.EqualTo(pair));
        Assert.That((await bob.ReadAllAsync(pair)).Select(message => message.Text), Is.EqualTo(new[] { "hi", "hi yourself" }));
    }

    [TestCase(HistoryVisibility.All, 1ul)]
    [TestCase(HistoryVisibility.Invited, 4ul)]
    [TestCase(HistoryVisibility.Joined, 6ul)]
    public async Task Newcomers_read_what_the_conversation_lets_them(HistoryVisibility history, ulong first)
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await People.RegisterAsync(broker, "ada");
        await using FastChatClient bob = await People.RegisterAsync(broker, "bob");
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null, new ConversationChanges { History = history }, null, default)).Conversation;
        for (int i = 1; i <= 3; i++)
        {
            await ada.PublishTextAsync(room, $"{i}");
        }

        await ada.InviteAsync(room, bob.User);          // 4
        await ada.PublishTextAsync(room, "5");
        await bob.AcceptAsync(room);                    // 6
        await ada.PublishTextAsync(room, "7");
        await AssertAsync();
        await broker.Process.RestartAsync();
        await AssertAsync();

        async Task AssertAsync()
        {
            ulong[] expected = [.. Enumerable.Range((int)first, 8 - (int)first).Select(sequence => (ulong)sequence)];
            Assert.That((await bob.ReadAllAsync(room)).Select(message => message.Sequence), Is.EqualTo(expected));
            Assert.That((await bob.GetConversationAsync(room)).VisibleFrom, Is.EqualTo(first == 1 ? 0 : first));

            List<ulong> backward = [];
            HistoryPage page;
            do
            {
                page = await bob.FetchAsync(room, new LogPosition(0, backward.Count == 0 ? LogPosition.Latest : backward[0]), FetchDirection.Backward, countMax: 2);
                backward.InsertRange(0, page.Messages.Select(message => message.Sequence));
            }
            while (!page.IsComplete);
            Assert.That(backward, Is.EqualTo(expected));
            Assert.That((await bob.FetchAsync(room, new LogPosition(0, first), FetchDirection.Backward)) is { IsComplete: true, Messages.Count: 0 }, Is.True, "there is nothing before it");

            await using SignedInPeer peer = await broker.SignInAsync(bob.Token!);
            Subscribed subscribed = await peer.SubscribeAsync(room, after: 0);
            Assert.That((subscribed.Status, subscribed.First), Is.EqualTo((first == 1 ? SubscribeStatus.Resumed : SubscribeStatus.Truncated, first)));
        }
    }

    [Test]
    public async Task Every_device_hears_of_invitations_roles_and_their_end()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using FastChatClient ada = await People.RegisterAsync(broker, "ada");
        await using FastChatClient phone = await People.RegisterAsync(broker, "bob");
        await using FastChatClient desk = await People.SignInAsync(broker, "bob");
        ConcurrentQueue<string>[] heard = [new(), new()];
        phone.NoticeReceived += notice => heard[0].Enqueue(notice.Event);
        desk.NoticeReceived += notice => heard[1].Enqueue(notice.Event);
        ConversationId room = (await ada.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        List<string> expected = [];
        await ExpectAsync("invited", () => ada.InviteAsync(room, phone.User));
        await ExpectAsync("removed", () => phone.DeclineAsync(room));
        await ExpectAsync("invited", () => ada.InviteAsync(room, phone.User));
        await ExpectAsync("added", () => phone.AcceptAsync(room));
        await ExpectAsync("added", () => ada.SetRoleAsync(room, phone.User, MemberRole.Admin));
        await ExpectAsync("removed", () => ada.BanAsync(room, phone.User));

        async Task ExpectAsync(string notice, Func<Task> change)
        {
            await change();
            expected.Add(notice);
            await People.UntilAsync(() => heard.All(one => one.Count == expected.Count), notice);
            Assert.That(heard[0], Is.EqualTo(expected));
            Assert.That(heard[1], Is.EqualTo(expected));
        }
    }
}
