namespace FastChat.Functional.Tests;

/// <summary>Rows about subscriptions, history, names and rights.</summary>
internal static class BadConversation
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<BadInput> Rows { get; } =
    [
        .. BadHello.Maps.Select(map => BadInput.Refused($"Resolve: {map.Name}", FrameType.ResolveConversation, _ => map.Body, ErrorCode.BadRequest)),

        BadInput.Refused("subscribing past the head", FrameType.Subscribe, stage => Bodies.Subscribe(stage.Room, stage.Published + 1), ErrorCode.PositionAhead),
        BadInput.Refused("subscribing at the last position but one", FrameType.Subscribe, stage => Bodies.Subscribe(stage.Room, ulong.MaxValue - 1), ErrorCode.PositionAhead),
        BadInput.Refused("a subscribe of 31 bytes", FrameType.Subscribe, stage => Bodies.Subscribe(stage.Room, 0)[..31], ErrorCode.BadRequest),
        BadInput.Refused("a subscribe of 33 bytes", FrameType.Subscribe, stage => [.. Bodies.Subscribe(stage.Room, 0), 0], ErrorCode.BadRequest),
        BadInput.Refused("unsubscribing from what is not subscribed", FrameType.Unsubscribe, stage => Bodies.Id(stage.Room), ErrorCode.NotSubscribed),
        BadInput.Refused("an unsubscribe of 15 bytes", FrameType.Unsubscribe, stage => Bodies.Id(stage.Room)[..15], ErrorCode.BadRequest),
        new("subscribing twice", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            await client.SubscribeAsync(stage.Room);
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.Subscribe, Bodies.Subscribe(stage.Room, 0)), ErrorCode.AlreadySubscribed);
        }),
        new("an epoch that never was", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            ReceivedFrame answer = await client.AskAsync(FrameType.Subscribe, Bodies.Subscribe(stage.Room, 1, epoch: 99));
            Assert.That(Subscribed.TryRead(answer.Body, out Subscribed subscribed), Is.True, $"{answer}");
            Assert.That(subscribed.Status, Is.EqualTo(SubscribeStatus.EpochChanged));
            Assert.That(subscribed.Head, Is.EqualTo(stage.Published));
            await BadInput.ExpectErrorAsync(client, await client.AskAsync(FrameType.Unsubscribe, Bodies.Id(stage.Room)), ErrorCode.NotSubscribed);
        }),

        BadInput.Refused("a fetch of 39 bytes", FrameType.Fetch, stage => Bodies.Fetch(stage.Room, 0, FetchDirection.Forward)[..39], ErrorCode.BadRequest),
        BadInput.Refused("a fetch in direction 2", FrameType.Fetch, stage => Bodies.Fetch(stage.Room, 0, (FetchDirection)2), ErrorCode.BadRequest),
        Page("a fetch behind the head", stage => Bodies.Fetch(stage.Room, ulong.MaxValue - 1, FetchDirection.Forward), end => end is { Count: 0, IsComplete: true }),
        Page("a fetch before the beginning", stage => Bodies.Fetch(stage.Room, 0, FetchDirection.Backward), end => end is { Count: 0, IsComplete: true }),
        Page("a fetch of another epoch", stage => Bodies.Fetch(stage.Room, 0, FetchDirection.Forward, epoch: 99), end => end is { Count: 0, IsComplete: false, Epoch: > 0 and < 99 }),
        Page("a fetch of 4 billion messages", stage => Bodies.Fetch(stage.Room, 0, FetchDirection.Forward, countMax: uint.MaxValue, bytesMax: uint.MaxValue), end => end is { Count: > 0 and <= 10_000 }),
        Page("a fetch of one byte holds one message", stage => Bodies.Fetch(stage.Room, 0, FetchDirection.Forward, bytesMax: 1), end => end is { Count: 1, First: 1, Last: 1 }),
        new("17 unanswered fetches", TooManyFetchesAsync),

        .. BadHello.OddNames.Select(name => BadInput.Refused(
            $"making the conversation {BadHello.Show(name)}", FrameType.ResolveConversation, _ => new ControlMap().Set("name", name).Set("create", true),
            ErrorCode.NameInvalid)),
        new("names are the same in capitals", async stage =>
        {
            await using SignedInPeer client = await stage.SignInAsync();
            Assert.That((await client.OpenAsync("ROOM")).Conversation, Is.EqualTo(stage.Room));
        }),
        BadInput.Refused("resolving a name that is free", FrameType.ResolveConversation, _ => new ControlMap().Set("name", "free"), ErrorCode.NoSuchConversation),
        BadInput.Refused("resolving neither a name nor an id", FrameType.ResolveConversation, _ => new ControlMap(), ErrorCode.BadRequest),
        BadInput.Refused("creating a public conversation without a name", FrameType.CreateConversation, _ => new ControlMap().Set("kind", "public"), ErrorCode.BadRequest),
        BadInput.Refused("creating what exists", FrameType.CreateConversation, _ => new ControlMap().Set("kind", "public").Set("name", "Room"), ErrorCode.NameTaken),
        BadInput.Refused("creating another kind", FrameType.CreateConversation, _ => new ControlMap().Set("kind", "secret").Set("name", "kinds"), ErrorCode.BadRequest),
        BadInput.Refused("a title of 257 bytes", FrameType.CreateConversation, _ => new ControlMap().Set("title", new string('t', 257)), ErrorCode.BadRequest),
        BadInput.Refused("importing without the right", FrameType.ImportUsers, _ => new ControlMap().Set("names", new List<object?> { "someone" }), ErrorCode.Forbidden),
        BadInput.Refused("a backup without the right", FrameType.Backup, _ => new ControlMap().Set("directory", "/backups"), ErrorCode.Forbidden),
        BadInput.Refused("asking about backups without the right", FrameType.Backup, _ => new ControlMap(), ErrorCode.Forbidden),
        BadInput.Refused("resolving neither names nor users", FrameType.ResolveUsers, _ => new ControlMap(), ErrorCode.BadRequest),
        BadInput.Refused("adding nobody anybody knows", FrameType.AddMembers, stage => Members(stage.Room, new UserId(42)), ErrorCode.NoSuchUser),

        .. Unknown("of a conversation that is not there", _ => Bodies.UnknownConversation()),
        .. Unknown("of the id zero", _ => default),
        .. Unknown("of a group of others", stage => stage.Secret),
        BadInput.Refused("resolving a group of others by name", FrameType.ResolveConversation, stage => new ControlMap().Set("name", stage.SecretName), ErrorCode.NoSuchConversation),
        BadInput.Refused(
            "resolving a group of others by name, to make it", FrameType.ResolveConversation,
            stage => new ControlMap().Set("name", stage.SecretName).Set("create", true), ErrorCode.NoSuchConversation),
        new("the secret is still one message after all this", async stage =>
            Assert.That((await stage.Witness.ReadAllAsync(stage.Secret)).Count(message => message.Kind == MessageKind.Text), Is.EqualTo(1))),
        new("a member is no owner", MemberAsync),
    ];

    private static IEnumerable<BadInput> Unknown(string what, Func<BadInputStage, ConversationId> conversation) =>
    [
        BadInput.Refused($"publish: {what}", FrameType.Publish, stage => Bodies.Publish(conversation(stage), "x"u8.ToArray()), ErrorCode.NoSuchConversation),
        BadInput.Refused($"subscribe: {what}", FrameType.Subscribe, stage => Bodies.Subscribe(conversation(stage), 0), ErrorCode.NoSuchConversation),
        BadInput.Refused($"fetch: {what}", FrameType.Fetch, stage => Bodies.Fetch(conversation(stage), 0, FetchDirection.Forward), ErrorCode.NoSuchConversation),
        BadInput.Refused($"members: {what}", FrameType.ListMembers, stage => Named(conversation(stage)), ErrorCode.NoSuchConversation),
        BadInput.Refused($"invite: {what}", FrameType.AddMembers, stage => Members(conversation(stage), stage.Attacker.Welcome.User), ErrorCode.NoSuchConversation),
        BadInput.Refused(
            $"kick: {what}", FrameType.RemoveMember, stage => Named(conversation(stage)).SetId("user", stage.Witness.Welcome.User.Value), ErrorCode.NoSuchConversation),
        BadInput.Refused($"leave: {what}", FrameType.RemoveMember, stage => Named(conversation(stage)), ErrorCode.NoSuchConversation),
    ];

    private static ControlMap Named(ConversationId conversation) => new ControlMap().SetId("conversation", conversation.Value);

    private static ControlMap Members(ConversationId conversation, params UserId[] users) =>
        Named(conversation).Set("users", users.Select(user => (object?)ControlMap.IdBytes(user.Value)).ToList());

    private static BadInput Page(string name, Func<BadInputStage, byte[]> fetch, Predicate<FetchEnd> fits) => new(name, async stage =>
    {
        await using SignedInPeer client = await stage.SignInAsync();
        await client.Peer.SendAsync(FrameType.Fetch, 1, fetch(stage));
        ReceivedFrame last = await client.Peer.ReceiveUntilAsync(frame => frame.Type != FrameType.Chunk);
        Assert.That(last.Type, Is.EqualTo(FrameType.FetchEnd), $"{last}");
        Assert.That(FetchEnd.TryRead(last.Body, out FetchEnd end), Is.True);
        Assert.That(fits(end), Is.True, $"{end}");
    });

    private static async Task TooManyFetchesAsync(BadInputStage stage)
    {
        // One byte of credit lets one chunk out: every fetch stays unanswered until there is more.
        await using SignedInPeer client = await stage.SignInAsync(window: 1);
        for (uint request = 101; request <= 118; request++)
        {
            await client.Peer.SendAsync(FrameType.Fetch, request, Bodies.Fetch(stage.Room, 0, FetchDirection.Forward, countMax: 1));
        }

        ReceivedFrame refused = await client.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Error);
        Assert.That((ErrorCode)refused.ToFailure().Code, Is.EqualTo(ErrorCode.TooMany));
        await client.Peer.SendAsync(FrameType.Credit, 0, Bodies.Credit(1_000_000));
        int ended = 0;
        while (ended < 16)
        {
            ended += (await client.Peer.ReceiveAsync()).Type == FrameType.FetchEnd ? 1 : 0;
        }
    }

    private static async Task MemberAsync(BadInputStage stage)
    {
        await using SignedInPeer member = await stage.SignInAsync();
        ConversationInfo group = await stage.Witness.CreateGroupAsync(null, member.Welcome.User);
        await BadInput.ExpectErrorAsync(
            member, await member.AskAsync(FrameType.AddMembers, Members(group.Conversation, member.Welcome.User)), ErrorCode.Forbidden);
        await BadInput.ExpectErrorAsync(
            member,
            await member.AskAsync(FrameType.RemoveMember, Named(group.Conversation).SetId("user", stage.Witness.Welcome.User.Value)),
            ErrorCode.Forbidden);
        await member.PublishAsync(group.Conversation, "may write"u8.ToArray());
    }
}
