namespace FastChat.Client.Tests;

internal sealed class ControlTests
{
    [Test]
    public async Task Conversations_are_asked_for_and_made_as_the_protocol_says()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        ConversationInfo info = new() { Conversation = Posts.Lobby, Kind = ConversationKind.Group, Name = "lobby", Title = "t", Role = MemberRole.Owner, Epoch = 2, Head = 9, Created = true };

        Task<ConversationInfo> resolving = client.ResolveConversationAsync("lobby", create: true);
        SentFrame resolve = await peer.ReadAsync(FrameType.ResolveConversation);
        Assert.That((resolve.Map.Text("name", 64), resolve.Map.Flag("create")), Is.EqualTo(("lobby", true)));
        await peer.ReplyAsync(resolve.Request, info.ToMap());
        Assert.That(await resolving.Within(), Is.EqualTo(info));

        Task<ConversationInfo> getting = client.GetConversationAsync(Posts.Lobby);
        SentFrame get = await peer.ReadAsync(FrameType.ResolveConversation);
        Assert.That(get.Map.Id("conversation"), Is.EqualTo(Posts.Lobby.Value));
        await peer.ErrorAsync(get.Request, ErrorCode.NoSuchConversation);
        Assert.That((await getting.Fails<RequestException>()).Code, Is.EqualTo(ErrorCode.NoSuchConversation));

        Task<ConversationInfo> making = client.CreateConversationAsync(ConversationKind.Group, "lobby", "t", [new UserId(1), new UserId(2)]);
        SentFrame make = await peer.ReadAsync(FrameType.CreateConversation);
        Assert.That((make.Map.Text("kind", 64), make.Map.Text("title", 64)), Is.EqualTo(("group", "t")));
        Assert.That(make.Map.Ids("members"), Is.EqualTo(new UInt128[] { 1, 2 }));
        Assert.That(make.Map.Id("key"), Is.Not.EqualTo(UInt128.Zero), "a repeated request must not make a second conversation");
        await peer.ReplyAsync(make.Request, info.ToMap());
        await making.Within();
    }

    [Test]
    public async Task Members_are_added_removed_and_listed_by_page()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;

        Task<MembersAdded> adding = client.AddMembersAsync(Posts.Lobby, [new UserId(5)], MemberRole.Owner);
        SentFrame add = await peer.ReadAsync(FrameType.AddMembers);
        Assert.That(add.Map.Text("role", 64), Is.EqualTo("owner"));
        Assert.That(add.Map.Ids("users"), Is.EqualTo(new UInt128[] { 5 }));
        await peer.ReplyAsync(add.Request, new ControlMap().Set("added", 1).Set("sequence", 12));
        Assert.That(await adding.Within(), Is.EqualTo(new MembersAdded(1, 12)));

        Task<ulong> leaving = client.RemoveMemberAsync(Posts.Lobby);
        SentFrame leave = await peer.ReadAsync(FrameType.RemoveMember);
        Assert.That(leave.Map["user"], Is.Null);
        await peer.ReplyAsync(leave.Request, new ControlMap().Set("sequence", 13));
        Assert.That(await leaving.Within(), Is.EqualTo(13));

        MemberInfo member = new(new UserId(5), "eve", MemberRole.Member, 12);
        Task<MemberPage> listing = client.ListMembersAsync(Posts.Lobby, after: new UserId(4), limit: 1);
        SentFrame list = await peer.ReadAsync(FrameType.ListMembers);
        Assert.That((list.Map.Id("after"), list.Map.Number("limit", 0)), Is.EqualTo(((UInt128)4, 1ul)));
        await peer.ReplyAsync(list.Request, new ControlMap().Set("members", new[] { member.ToMap() }).Set("complete", false));
        MemberPage page = await listing.Within();
        Assert.That(page.Members, Is.EqualTo(new[] { member }));
        Assert.That(page.IsComplete, Is.False);

        Task<ConversationPage> conversations = client.ListConversationsAsync();
        SentFrame all = await peer.ReadAsync(FrameType.ListConversations);
        Assert.That(all.Map.Count, Is.Zero);
        await peer.ReplyAsync(all.Request, new ControlMap().Set("conversations", Array.Empty<ControlMap>()).Set("complete", true));
        Assert.That((await conversations.Within()).IsComplete, Is.True);
    }

    [Test]
    public async Task Users_are_asked_for_in_parts_of_five_hundred_and_keep_their_order()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        string[] names = Enumerable.Range(0, 1201).Select(i => $"n{i}").ToArray();

        Task<IReadOnlyList<UserId>> importing = client.ImportUsersAsync(names);
        foreach (int size in new[] { 500, 500, 201 })
        {
            SentFrame frame = await peer.ReadAsync(FrameType.ImportUsers);
            string[] asked = frame.Map.Texts("names", 64)!;
            Assert.That(asked, Has.Length.EqualTo(size));
            await peer.ReplyAsync(frame.Request, new ControlMap().Set("users", asked.Select(name => ControlMap.IdBytes(IdOf(name))).ToArray()));
        }

        Assert.That(await importing.Within(), Is.EqualTo(names.Select(name => new UserId(IdOf(name)))));

        Task<IReadOnlyList<UserInfo?>> resolving = client.ResolveUsersAsync(["n3", "nobody"], CancellationToken.None);
        SentFrame resolve = await peer.ReadAsync(FrameType.ResolveUsers);
        await peer.ReplyAsync(resolve.Request, new ControlMap().Set("users", new[] { new UserInfo(new UserId(3), "n3", true).ToMap(), null }));
        Assert.That(await resolving.Within(), Is.EqualTo(new[] { new UserInfo(new UserId(3), "n3", true), null }));

        static UInt128 IdOf(string name) => (UInt128)(1000 + int.Parse(name.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture));
    }

    [Test]
    public async Task Profiles_are_asked_for_until_all_are_answered()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        ProfileQuery[] queries = Enumerable.Range(1, 203).Select(i => new ProfileQuery(new UserId((UInt128)i), (ulong)(i % 2))).ToArray();
        Task<IReadOnlyList<Profile?>> asking = client.GetProfilesAsync(queries);

        // The broker answers as many as fit: 150 of the first 200, then the others of which one is a stranger's.
        int answered = 0;
        foreach ((int asked, int fit) in new[] { (200, 150), (53, 53) })
        {
            SentFrame frame = await peer.ReadAsync(FrameType.GetProfiles);
            ControlMap?[] users = frame.Map.Maps("users")!;
            Assert.That(users, Has.Length.EqualTo(asked));
            Assert.That((users[0]!.Id("user"), users[0]!.Number("version", 0)), Is.EqualTo((queries[answered].User.Value, queries[answered].Version)));
            int first = answered;
            await peer.ReplyAsync(frame.Request, new ControlMap().Set("profiles", Enumerable.Range(0, fit)
                .Select(i => first + i == 202 ? null : new Profile(queries[first + i].User, 5) { Name = "n" }.ToMap()).ToArray()));
            answered += fit;
        }

        IReadOnlyList<Profile?> profiles = await asking.Within();
        Assert.That(profiles.Select(profile => profile?.User), Is.EqualTo(queries.Select((query, i) => i == 202 ? default(UserId?) : query.User)));
    }

    [Test]
    public async Task A_reply_without_profiles_is_a_violation()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<IReadOnlyList<Profile?>> asking = client.GetProfilesAsync([new ProfileQuery(new UserId(1))]);
        SentFrame frame = await peer.ReadAsync(FrameType.GetProfiles);
        await peer.ReplyAsync(frame.Request, new ControlMap().Set("profiles", Array.Empty<ControlMap>()));
        await peer.ReadAsync(FrameType.Close);
        await client.DisposeAsync().Within();
        await asking.Fails<ConnectionException>();
    }

    [Test]
    public async Task Notices_say_whose_profile_changed()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        TaskCompletionSource<ClientNotice> heard = new();
        client.NoticeReceived += notice => heard.TrySetResult(notice);
        await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Notice, 0, new ControlMap().Set("event", "profile").SetId("user", 7).Set("version", 3L)));
        Assert.That(await heard.Task.Within(), Is.EqualTo(new ClientNotice("profile", default) { User = new UserId(7), Version = 3 }));
    }

    [Test]
    public async Task Known_users_are_not_asked_for_again()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        UserInfo ada = new(new UserId(1), "ada", false);
        UserInfo bob = new(new UserId(2), "bob", false);

        Task<IReadOnlyList<UserInfo?>> first = client.ResolveUsersAsync([ada.User, ada.User, new UserId(9)], CancellationToken.None);
        SentFrame frame = await peer.ReadAsync(FrameType.ResolveUsers);
        Assert.That(frame.Map.Ids("users"), Is.EqualTo(new UInt128[] { 1, 9 }));
        await peer.ReplyAsync(frame.Request, new ControlMap().Set("users", new[] { ada.ToMap(), null }));
        Assert.That(await first.Within(), Is.EqualTo(new[] { ada, ada, null }));

        Task<IReadOnlyList<UserInfo?>> second = client.ResolveUsersAsync([bob.User, ada.User], CancellationToken.None);
        SentFrame next = await peer.ReadAsync(FrameType.ResolveUsers);
        Assert.That(next.Map.Ids("users"), Is.EqualTo(new UInt128[] { 2 }));
        await peer.ReplyAsync(next.Request, new ControlMap().Set("users", new[] { bob.ToMap() }));
        Assert.That(await second.Within(), Is.EqualTo(new[] { bob, ada }));
        Assert.That(await client.ResolveUsersAsync([ada.User, bob.User], CancellationToken.None).Within(), Is.EqualTo(new[] { ada, bob }));
    }

    [Test]
    public void The_name_cache_is_bounded_and_keeps_what_is_used()
    {
        NameCache cache = new(100);
        UserInfo favourite = new(new UserId(1), "ada", false);
        cache.Add(favourite);
        for (int i = 2; i < 5000; i++)
        {
            cache.Add(new UserInfo(new UserId((UInt128)i), "x", false));
            Assert.That(cache.Find(favourite.User), Is.SameAs(favourite), $"after {i}");
            Assert.That(cache.Count, Is.LessThanOrEqualTo(100));
        }

        Assert.That(cache.Find(new UserId(2)), Is.Null);
    }

    [Test]
    public async Task A_reply_that_cannot_be_read_is_a_violation_and_the_request_is_asked_again()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer first) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<MemberPage> listing = client.ListMembersAsync(Posts.Lobby);
        SentFrame frame = await first.ReadAsync(FrameType.ListMembers);
        await first.ReplyAsync(frame.Request, new ControlMap().Set("members", "not an array"));
        await first.ReadAsync(FrameType.Close);
        Peer second = await broker.AcceptAsync();
        await second.WelcomeAsync();
        SentFrame again = await second.ReadAsync(FrameType.ListMembers);
        await second.ReplyAsync(again.Request, new ControlMap().Set("members", Array.Empty<ControlMap>()).Set("complete", true));
        Assert.That((await listing.Within()).IsComplete, Is.True);
    }

    [Test]
    public async Task A_cancelled_request_keeps_its_slot_until_its_answer_comes()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync(broker.Options with { RequestsMax = 1 });
        await using FastChatClient owned = client;
        using CancellationTokenSource cancel = new();
        Task<ConversationInfo> cancelled = client.ResolveConversationAsync("a", cancellationToken: cancel.Token);
        SentFrame first = await peer.ReadAsync(FrameType.ResolveConversation);
        await cancel.CancelAsync();
        await cancelled.Fails<OperationCanceledException>();
        Task<ConversationInfo> waiting = client.ResolveConversationAsync("b");
        await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Ping, 1, ReadOnlySpan<byte>.Empty));
        await peer.ReadAsync(FrameType.Pong);
        await peer.ErrorAsync(first.Request, ErrorCode.NoSuchConversation);
        SentFrame second = await peer.ReadAsync(FrameType.ResolveConversation);
        Assert.That(second.Map.Text("name", 64), Is.EqualTo("b"));
        await peer.ReplyAsync(second.Request, new ConversationInfo { Conversation = Posts.Attic }.ToMap());
        Assert.That((await waiting.Within()).Conversation, Is.EqualTo(Posts.Attic));
    }

    [Test]
    public async Task Sixteen_fetches_are_under_way_and_no_more()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<HistoryPage>[] pages = Enumerable.Range(0, 20)
            .Select(_ => client.FetchAsync(Posts.Lobby, new LogPosition(0, LogPosition.Latest), FetchDirection.Backward, 10)).ToArray();
        Queue<SentFrame> asked = new();
        for (int i = 0; i < 16; i++)
        {
            asked.Enqueue(await peer.ReadAsync(FrameType.Fetch));
        }

        // A barrier: whatever else the client wanted to send would have come before the Pong.
        await peer.SendAsync(target => FrameWriter.Write(target, FrameType.Ping, 1, ReadOnlySpan<byte>.Empty));
        await peer.ReadAsync(FrameType.Pong);
        for (int i = 0; i < 20; i++)
        {
            FetchEnd end = new(true, 1, 0, 0, 0, 0);
            await peer.SendAsync(target => end.Write(FrameWriter.Begin(target, FrameType.FetchEnd, asked.Dequeue().Request, FetchEnd.Size)));
            if (i < 4)
            {
                asked.Enqueue(await peer.ReadAsync(FrameType.Fetch));
            }
        }

        await Task.WhenAll(pages).Within();
    }

    [Test]
    public async Task A_page_of_another_epoch_is_told_and_a_page_that_contradicts_itself_is_a_violation()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<HistoryPage> old = client.FetchAsync(Posts.Lobby, new LogPosition(1, 5), FetchDirection.Forward);
        SentFrame frame = await peer.ReadAsync(FrameType.Fetch);
        FetchEnd other = new(false, 2, 0, 0, 0, 3);
        await peer.SendAsync(target => other.Write(FrameWriter.Begin(target, FrameType.FetchEnd, frame.Request, FetchEnd.Size)));
        EpochChangedException change = await old.Fails<EpochChangedException>();
        Assert.That((change.Epoch, change.Head), Is.EqualTo((2u, 3ul)));

        Task<HistoryPage> lying = client.FetchAsync(Posts.Lobby, default, FetchDirection.Forward);
        SentFrame second = await peer.ReadAsync(FrameType.Fetch);
        FetchEnd two = new(false, 2, 2, 1, 2, 3);
        await peer.SendAsync(target => Records.WriteFrame(target, FrameType.Chunk, second.Request, Posts.Lobby, 2, [Records.Text(1, "one")]));
        await peer.SendAsync(target => two.Write(FrameWriter.Begin(target, FrameType.FetchEnd, second.Request, FetchEnd.Size)));
        await peer.ReadAsync(FrameType.Close);
        await client.DisposeAsync().Within();
        await lying.Fails<ConnectionException>();
    }
}
