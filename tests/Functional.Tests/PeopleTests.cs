using System.Collections.Concurrent;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Profiles, search, blocks and service accounts through the real client and the real process.</summary>
public sealed class PeopleTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private TestBroker _broker = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _broker = await TestBroker.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _broker.DisposeAsync();

    [Test]
    public async Task A_change_reaches_who_shares_a_group_and_can_be_caught_up_with()
    {
        await using FastChatClient ada = await RegisterAsync("ada");
        await using FastChatClient bob = await RegisterAsync("bob");
        ConversationId group = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
        ConcurrentQueue<ClientNotice> heard = new();
        bob.NoticeReceived += heard.Enqueue;
        TaskCompletionSource listens = new();
        _ = ReadAsync(bob, group, listens);
        await ada.PublishTextAsync(group, "bob listens when he has heard this");
        await listens.Task.WaitAsync(Patience);

        Assert.That(await ada.SetProfileAsync(new ProfileChange { DisplayName = "Ada L.", Locale = "en-GB", Fields = new ProfileFields([new("team", "engines")]) }), Is.EqualTo(1));
        await UntilAsync(() => heard.Any(notice => notice is { Event: "profile", Version: 1 } && notice.User == ada.User));
        Profile seen = (await bob.GetProfilesAsync([new ProfileQuery(ada.User)]))[0]!;
        Assert.That((seen.DisplayName, seen.Locale, seen.Fields["team"], seen.Version), Is.EqualTo(("Ada L.", "en-GB", "engines", 1ul)));
        Assert.That((await bob.GetProfilesAsync([new ProfileQuery(ada.User, 1)]))[0]!.IsUnchanged, Is.True);

        RequestException conflict = (await Assert.ThrowsAsync<RequestException>(() => ada.SetProfileAsync(new ProfileChange { DisplayName = "x", IfVersion = 0 })))!;
        Assert.That(conflict.Code, Is.EqualTo(ErrorCode.Conflict));
        UserPage found = await bob.SearchUsersAsync("ADA");
        Assert.That(found.Users.Select(user => user.User), Is.EqualTo(new[] { ada.User }));
        Assert.That((found.HasMore, found.IsComplete), Is.EqualTo((false, true)));
        await using FastChatClient stranger = await RegisterAsync("carol");
        Assert.That(await stranger.GetProfilesAsync([new ProfileQuery(ada.User), new ProfileQuery(new UserId(7))]), Is.EqualTo(new Profile?[] { null, null }));
    }

    [Test]
    public async Task Profiles_change_slowly()
    {
        await using FastChatClient ada = await RegisterAsync("quick");
        RequestException? refused = null;
        for (int i = 0; i < 20 && refused is null; i++)
        {
            try
            {
                await ada.SetProfileAsync(new ProfileChange { DisplayName = $"n{i}" });
            }
            catch (RequestException limited)
            {
                refused = limited;
            }
        }

        Assert.That(refused?.Code, Is.EqualTo(ErrorCode.RateLimited));
        Assert.That(refused!.RetryAfter, Is.GreaterThan(TimeSpan.Zero).And.LessThan(TimeSpan.FromSeconds(1.1)));
    }

    [Test]
    public async Task A_block_keeps_away_and_is_taken_back()
    {
        await using FastChatClient ada = await RegisterAsync("ada");
        await using FastChatClient bob = await RegisterAsync("bob");
        ConcurrentQueue<ClientNotice> heard = new();
        ada.NoticeReceived += heard.Enqueue;
        ConversationId own = (await bob.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        await ada.BlockAsync(bob.User);
        await ada.BlockAsync(bob.User);
        await UntilAsync(() => heard.Any(notice => notice.Event == "blocks"));
        Assert.That((await ada.ListBlocksAsync()).Blocks.Select(block => (block.User, block.Name)), Is.EqualTo(new[] { (bob.User, bob.UserName) }));
        Assert.That((await Assert.ThrowsAsync<RequestException>(() => bob.AddMembersAsync(own, [ada.User])))!.Code, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That((await Assert.ThrowsAsync<RequestException>(() => bob.CreateConversationAsync(ConversationKind.Group, null, members: [ada.User])))!.Code, Is.EqualTo(ErrorCode.Forbidden));
        await ada.BlockAsync(bob.User, blocked: false);
        Assert.That((await bob.AddMembersAsync(own, [ada.User])).Added, Is.EqualTo(1));
        Assert.That((await ada.ListBlocksAsync()).Blocks, Is.Empty);
    }

    [Test]
    public async Task A_service_does_what_it_was_given_where_it_was_given_and_ends_at_once()
    {
        await using FastChatClient owner = await FastChatClient.ConnectAsync(Options() with { Token = _broker.ReadOperatorToken() });
        await using FastChatClient ada = await RegisterAsync("ada");
        ConversationId inside = (await ada.CreateConversationAsync(ConversationKind.Group, null)).Conversation;
        ConversationId outside = (await ada.CreateConversationAsync(ConversationKind.Public, _broker.NewName("outside"))).Conversation;
        Assert.That((await Assert.ThrowsAsync<RequestException>(() => ada.CreateServiceAsync("bot", ServiceRights.Publish)))!.Code, Is.EqualTo(ErrorCode.Forbidden));

        ServiceCreated made = await owner.CreateServiceAsync(_broker.NewName("bridge"), ServiceRights.Publish | ServiceRights.Read, [inside]);
        Assert.That(made.ToString(), Does.Not.Contain(made.Token!));
        await using FastChatClient bridge = await FastChatClient.ConnectAsync(Options() with { Token = made.Token });
        await bridge.PublishTextAsync(inside, "beep");
        await bridge.PublishTextAsync(inside, "hello from afar", new PublishOptions { OnBehalfOf = ada.User });
        HistoryPage page = await bridge.FetchAsync(inside, default, FetchDirection.Forward);
        Assert.That(page.Messages.Where(message => message.Kind == MessageKind.Text).Select(message => (message.Sender, message.Publisher)),
            Is.EqualTo(new[] { (made.User, made.User), (ada.User, made.User) }));
        Assert.That((await bridge.GetConversationAsync(inside)).Kind, Is.EqualTo(ConversationKind.Group));
        Assert.That((await bridge.ListMembersAsync(inside)).Members.Select(member => member.User), Is.EqualTo(new[] { ada.User }));

        foreach ((Func<Task> ask, ErrorCode code) in new (Func<Task>, ErrorCode)[]
        {
            (() => bridge.PublishTextAsync(outside, "x").AsTask(), ErrorCode.NoSuchConversation),
            (() => bridge.FetchAsync(outside, default, FetchDirection.Forward), ErrorCode.NoSuchConversation),
            (() => bridge.GetConversationAsync(outside), ErrorCode.NoSuchConversation),
            (() => bridge.ListMembersAsync(outside), ErrorCode.NoSuchConversation),
            (() => bridge.ReadAsync(outside).GetAsyncEnumerator().MoveNextAsync().AsTask(), ErrorCode.NoSuchConversation),
            (() => bridge.AddMembersAsync(inside, [made.User]), ErrorCode.Forbidden),
            (() => bridge.CreateConversationAsync(ConversationKind.Group, null), ErrorCode.Forbidden),
            (() => bridge.ResolveConversationAsync(_broker.NewName("new"), create: true), ErrorCode.Forbidden),
            (() => bridge.ImportUsersAsync(["somebody"]), ErrorCode.Forbidden),
            (() => bridge.BeginBackupAsync("/nowhere"), ErrorCode.Forbidden),
            (() => bridge.ListServicesAsync(), ErrorCode.Forbidden),
            (() => bridge.RevokeServiceAsync(made.User), ErrorCode.Forbidden),
        })
        {
            Assert.That((await Assert.ThrowsAsync<RequestException>(() => ask()))!.Code, Is.EqualTo(code));
        }

        Assert.That((await owner.ListServicesAsync()).Services.Single(service => service.User == made.User).Conversations, Is.EqualTo(1));
        await owner.RevokeServiceAsync(made.User);
        await bridge.Completion.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.That(bridge.State.LastClose?.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That(
            (await Assert.ThrowsAsync<ConnectionException>(() => FastChatClient.ConnectAsync(Options() with { Token = made.Token })))!.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That((await owner.ListServicesAsync()).Services.Select(service => service.User), Has.None.EqualTo(made.User));
    }

    [Test]
    public async Task What_was_set_outlives_the_process_and_verify_finds_nothing_wrong()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using (FastChatClient ada = await RegisterAsync("ada", broker))
        await using (FastChatClient bob = await RegisterAsync("bob", broker))
        await using (FastChatClient owner = await FastChatClient.ConnectAsync(Options(broker) with { Token = broker.ReadOperatorToken() }))
        {
            ConversationId group = (await ada.CreateConversationAsync(ConversationKind.Group, null, members: [bob.User])).Conversation;
            await ada.SetProfileAsync(new ProfileChange { DisplayName = "Ada L." });
            await ada.BlockAsync(bob.User);
            await bob.BlockAsync(ada.User);
            await bob.BlockAsync(ada.User, blocked: false);
            await owner.CreateServiceAsync("bridge", ServiceRights.Import, [group]);
            ServiceCreated gone = await owner.CreateServiceAsync("gone", ServiceRights.Publish);
            await owner.RevokeServiceAsync(gone.User);
        }

        Assert.That((await broker.StopAndVerifyAsync()).GetProperty("problems").GetInt64(), Is.Zero);
    }

    /// <summary>Reads until the client ends; says when the first text has come.</summary>
    private static async Task ReadAsync(FastChatClient client, ConversationId conversation, TaskCompletionSource heard)
    {
        try
        {
            await foreach (ChatMessage message in client.ReadAsync(conversation))
            {
                if (message.Kind == MessageKind.Text)
                {
                    heard.TrySetResult();
                }
            }
        }
        catch (ConnectionException)
        {
            // The client was disposed: the test is over.
            heard.TrySetCanceled();
        }
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        using CancellationTokenSource deadline = new(Patience);
        while (!isSo())
        {
            await Task.Delay(20, deadline.Token);
        }
    }

    private Task<FastChatClient> RegisterAsync(string hint) => RegisterAsync(hint, _broker);

    private static Task<FastChatClient> RegisterAsync(string hint, TestBroker broker) =>
        FastChatClient.ConnectAsync(Options(broker) with { Name = broker.NewName(hint), Password = TestBroker.Password, Register = true });

    private ClientOptions Options() => Options(_broker);

    private static ClientOptions Options(TestBroker broker) => new() { Endpoint = ClientEndpoint.Parse(broker.Process.Tcp.ToString()) };
}
