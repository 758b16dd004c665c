namespace FastChat.Client.Tests;

internal sealed class MembersTests
{
    private static readonly UserId Bob = new(5);

    private static readonly (string Name, string? Role, ulong? Seconds, Func<FastChatClient, Task<ChangeResult>> Ask)[] Changes =
    [
        ("join", null, null, client => client.JoinAsync(Posts.Lobby)),
        ("accept", null, null, client => client.AcceptAsync(Posts.Lobby)),
        ("decline", null, null, client => client.DeclineAsync(Posts.Lobby)),
        ("invite", "reader", null, client => client.InviteAsync(Posts.Lobby, Bob, MemberRole.Reader)),
        ("uninvite", null, null, client => client.UninviteAsync(Posts.Lobby, Bob)),
        ("role", "moderator", null, client => client.SetRoleAsync(Posts.Lobby, Bob, MemberRole.Moderator)),
        ("mute", null, 600, client => client.MuteAsync(Posts.Lobby, Bob, TimeSpan.FromMinutes(10))),
        ("mute", null, null, client => client.MuteAsync(Posts.Lobby, Bob)),
        ("mute", null, 0, client => client.UnmuteAsync(Posts.Lobby, Bob)),
        ("ban", null, null, client => client.BanAsync(Posts.Lobby, Bob)),
        ("unban", null, null, client => client.UnbanAsync(Posts.Lobby, Bob)),
    ];

    [Test]
    public async Task Every_change_of_a_member_says_what_the_protocol_calls_it_and_is_asked_again_after_a_break()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        foreach ((string name, string? role, ulong? seconds, Func<FastChatClient, Task<ChangeResult>> ask) in Changes)
        {
            Task<ChangeResult> asking = ask(client);
            await peer.ReadAsync(FrameType.ChangeMember);
            await peer.BreakAsync();
            peer = await broker.AcceptAsync();
            await peer.WelcomeAsync();
            SentFrame again = await peer.ReadAsync(FrameType.ChangeMember);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(again.Map.Id("conversation"), Is.EqualTo(Posts.Lobby.Value), name);
                Assert.That(again.Map.Text("change", 64), Is.EqualTo(name));
                Assert.That(again.Map.Text("role", 64), Is.EqualTo(role), name);
                Assert.That(again.Map["seconds"] is null ? (ulong?)null : again.Map.Number("seconds", 0), Is.EqualTo(seconds), name);
                Assert.That(again.Map["user"] is null, Is.EqualTo(name is "join" or "accept" or "decline"), name);
            }

            await peer.ReplyAsync(again.Request, new ControlMap().Set("changed", false).Set("sequence", 7));
            Assert.That(await asking.Within(), Is.EqualTo(new ChangeResult(false, 7)));
        }

        Assert.That(() => client.MuteAsync(Posts.Lobby, Bob, TimeSpan.Zero), Throws.TypeOf<ArgumentOutOfRangeException>(), "no time is no mute");
    }

    [Test]
    public async Task Conversations_are_made_with_settings_found_for_two_and_changed()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        ConversationInfo info = new() { Conversation = Posts.Lobby, Kind = ConversationKind.Direct, Peer = Bob, Role = MemberRole.Member, Epoch = 1 };

        ConversationChanges settings = new() { Topic = "news", History = HistoryVisibility.Joined, SlowMode = TimeSpan.FromSeconds(30) };
        Task<ConversationInfo> making = client.CreateConversationAsync(ConversationKind.Channel, "news", settings, [Bob], CancellationToken.None);
        SentFrame make = await peer.ReadAsync(FrameType.CreateConversation);
        Assert.That(ConversationChanges.Parse(make.Map), Is.EqualTo(settings));
        Assert.That((make.Map.Text("kind", 64), make.Map.Text("name", 64), make.Map.Id("key") != 0), Is.EqualTo(("channel", "news", true)));
        await peer.ReplyAsync(make.Request, info.ToMap());
        await making.Within();

        Task<ConversationInfo> finding = client.DirectAsync(Bob);
        SentFrame find = await peer.ReadAsync(FrameType.CreateConversation);
        Assert.That((find.Map.Text("kind", 64), find.Map.Count), Is.EqualTo(("direct", 2)));
        Assert.That(find.Map.Ids("members"), Is.EqualTo(new[] { Bob.Value }));
        await peer.ReplyAsync(find.Request, info.ToMap());
        Assert.That(await finding.Within(), Is.EqualTo(info));

        ConversationChanges changes = new() { Title = string.Empty, IsArchived = true };
        Task<ChangeResult> changing = client.ChangeConversationAsync(Posts.Lobby, changes);
        SentFrame change = await peer.ReadAsync(FrameType.ChangeConversation);
        Assert.That(ConversationChanges.Parse(change.Map), Is.EqualTo(changes));
        Assert.That(change.Map.Id("conversation"), Is.EqualTo(Posts.Lobby.Value));
        await peer.ErrorAsync(change.Request, ErrorCode.Forbidden);
        Assert.That((await changing.Fails<RequestException>()).Code, Is.EqualTo(ErrorCode.Forbidden));
    }

    [Test]
    public async Task Links_are_made_listed_revoked_and_followed()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        DateTimeOffset end = DateTimeOffset.UnixEpoch.AddDays(20_000);

        Task<JoinLinkCreated> making = client.CreateJoinLinkAsync(Posts.Lobby, MemberRole.Reader, uses: 3, TimeSpan.FromHours(1));
        SentFrame make = await peer.ReadAsync(FrameType.CreateJoinLink);
        Assert.That((make.Map.Text("role", 64), make.Map.Number("uses", 0), make.Map.Number("seconds", 0)), Is.EqualTo(("reader", 3ul, 3600ul)));
        await peer.ReplyAsync(make.Request, new ControlMap().Set("link", "abc").Set("expires", Micros.Of(end)));
        Assert.That(await making.Within(), Is.EqualTo(new JoinLinkCreated("abc", end)));

        JoinLinkInfo[] links = [new(7, MemberRole.Member, null, end, false, Bob), new(8, MemberRole.Reader, 0, end, true, Bob)];
        Task<IReadOnlyList<JoinLinkInfo>> listing = client.ListJoinLinksAsync(Posts.Lobby);
        SentFrame list = await peer.ReadAsync(FrameType.ListJoinLinks);
        await peer.ReplyAsync(list.Request, new ControlMap().Set("links", links.Select(link => link.ToMap()).ToArray()));
        Assert.That(await listing.Within(), Is.EqualTo(links));

        Task<ChangeResult> revoking = client.RevokeJoinLinkAsync(Posts.Lobby, 7);
        SentFrame revoke = await peer.ReadAsync(FrameType.RevokeJoinLink);
        Assert.That(revoke.Map.Id("id"), Is.EqualTo((UInt128)7));
        await peer.ReplyAsync(revoke.Request, new ControlMap().Set("changed", true));
        Assert.That((await revoking.Within()).IsChanged, Is.True);

        Task<JoinedByLink> joining = client.JoinByLinkAsync("abc");
        SentFrame join = await peer.ReadAsync(FrameType.JoinByLink);
        Assert.That(join.Map.Text("link", 64), Is.EqualTo("abc"));
        await peer.ReplyAsync(join.Request, new ControlMap().SetId("conversation", Posts.Lobby.Value).Set("changed", true).Set("sequence", 9));
        Assert.That(await joining.Within(), Is.EqualTo(new JoinedByLink(Posts.Lobby, true, 9)));
    }

    [Test]
    public async Task Members_are_paged_by_what_the_broker_names_also_over_an_empty_page()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;

        Task<MemberPage> listing = client.ListMembersAsync(Posts.Lobby);
        SentFrame first = await peer.ReadAsync(FrameType.ListMembers);
        await peer.ReplyAsync(first.Request, new ControlMap().Set("members", Array.Empty<ControlMap>()).Set("complete", false).SetId("next", 77));
        MemberPage page = await listing.Within();
        Assert.That((page.IsComplete, page.Next), Is.EqualTo((false, new UserId(77))));

        listing = client.ListMembersAsync(Posts.Lobby, page.Next);
        SentFrame second = await peer.ReadAsync(FrameType.ListMembers);
        Assert.That(second.Map.Id("after"), Is.EqualTo((UInt128)77));
        await peer.ReplyAsync(second.Request, new ControlMap().Set("members", new[] { new MemberInfo(Bob, "bob", MemberRole.Admin, 3).ToMap() }).Set("complete", true));
        Assert.That((await listing.Within()).Next.IsNone, Is.True);
    }

    [Test]
    public async Task A_publish_in_slow_mode_fails_with_the_time_to_wait_and_the_client_goes_on()
    {
        ScriptedBroker broker = new();
        (FastChatClient client, Peer peer) = await broker.ConnectAsync();
        await using FastChatClient owned = client;
        Task<PublishReceipt> early = client.PublishTextAsync(Posts.Lobby, "again").AsTask();
        Task<PublishReceipt> elsewhere = client.PublishTextAsync(Posts.Attic, "there").AsTask();
        SentFrame refused = await peer.ReadAsync(FrameType.Publish);
        SentFrame taken = await peer.ReadAsync(FrameType.Publish);
        await peer.ErrorAsync(refused.Request, ErrorCode.RateLimited, retryAfterMs: 29_500);
        await peer.PublishedAsync(taken.Request, 1);
        RateLimitedException error = await early.Fails<RateLimitedException>();
        Assert.That((error.Code, error.RetryAfter, error.IsRetryable), Is.EqualTo((ErrorCode.RateLimited, TimeSpan.FromMilliseconds(29_500), true)));
        Assert.That((await elsewhere.Within()).Sequence, Is.EqualTo(1));
    }
}
