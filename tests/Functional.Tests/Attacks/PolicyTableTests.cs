using System.Text;

namespace FastChat.Functional.Tests;

/// <summary>
/// Every request × every role × every door (attacks 52 and 53). The table is written out, not computed: a letter for each role, in the order of <see cref="Roles"/>; a = done, f = FORBIDDEN, n = NO_SUCH_CONVERSATION, x = another
/// error (allowed, and there was nothing to do it to). What a frame of a client's may be is in one of the two tables, or the test fails: a new one needs its row.
/// </summary>
public sealed class PolicyTableTests
{
    private static readonly string[] Roles = ["none", "reader", "member", "moderator", "admin", "owner", "invited", "banned", "operator", "program that reads", "program that publishes"];

    private static readonly string[] Accounts = ["user", "operator", "program that reads", "program that publishes"];

    /// <summary>Frames that ask for nothing of anybody's, and the one that ends the broker (<see cref="Only_operators_end_the_broker"/>).</summary>
    private static readonly FrameType[] OfTheConnection = [FrameType.Hello, FrameType.Proof, FrameType.Ping, FrameType.Pong, FrameType.Close, FrameType.Credit, FrameType.Signal, FrameType.Unsubscribe, FrameType.Drain];

    private static readonly Row[] InAGroup =
    [
        new("a text", FrameType.Publish, "nfaaaafnfnn", cell => Bodies.Publish(cell.Group, "x"u8.ToArray())),
        new("a reaction", FrameType.Publish, "naaaaafnfnn", cell => Bodies.Publish(cell.Group, new ReactionBody(cell.Message, true, $"r{cell.Number}").ToBytes(), MessageKind.Reaction)),
        new("a pin", FrameType.Publish, "nffaaafnann", cell => Bodies.Publish(cell.Group, new PinBody(cell.Message, true).ToBytes(), MessageKind.Pin)),
        new("an edit of another's", FrameType.Publish, "nffffffnfnn", cell => Bodies.Publish(cell.Group, new EditBody { Target = cell.Message, Kind = MessageKind.Text, Content = "mine"u8 }.ToBytes(), MessageKind.Edit)),
        new("a delete of another's", FrameType.Publish, "nffaaafnann", cell => Bodies.Publish(cell.Group, new DeleteBody(cell.Message).ToBytes(), MessageKind.Delete)),
        new("a word to everyone", FrameType.Publish, "nffaaafnfnn", cell => Bodies.Publish(cell.Group, ToEveryone(), MessageKind.Rich)),
        new("on behalf of another", FrameType.Publish, "nffffffnfnn", cell => Bodies.Publish(cell.Group, "x"u8.ToArray(), onBehalfOf: cell.Subject)),
        new("subscribe", FrameType.Subscribe, "naaaaafnann", cell => Bodies.Subscribe(cell.Group, 0)),
        new("fetch", FrameType.Fetch, "naaaaafnann", cell => Bodies.Fetch(cell.Group, 0, FetchDirection.Forward)),
        new("resolve", FrameType.ResolveConversation, "naaaaaanann", cell => cell.Map()),
        new("add", FrameType.AddMembers, "nfffaafnann", cell => cell.Map().Set("users", new List<object?> { ControlMap.IdBytes(cell.Stranger.Value) })),
        new("add an owner", FrameType.AddMembers, "nffffafnann", cell => cell.Map().Set("users", new List<object?> { ControlMap.IdBytes(cell.Stranger.Value) }).Set("role", "owner")),
        new("remove", FrameType.RemoveMember, "nffaaafnann", cell => cell.Map().SetId("user", cell.Subject.Value)),
        new("leave", FrameType.RemoveMember, "naaaaafnfnn", cell => cell.Map()),
        new("list members", FrameType.ListMembers, "naaaaafnann", cell => cell.Map()),
        new("title", FrameType.ChangeConversation, "nfffaafnann", cell => cell.Map().Set("title", $"t{cell.Number}")),
        new("slow mode", FrameType.ChangeConversation, "nfffaafnann", cell => cell.Map().Set("slow_mode", 1 + cell.Number)),
        new("retention", FrameType.ChangeConversation, "nffffafnann", cell => cell.Map().Set("retention_seconds", 1_000_000L + cell.Number)),
        new("how its erasure goes", FrameType.EraseConversation, "nffffafnann", cell => cell.Map()),
        new("role", FrameType.ChangeMember, "nfffaafnann", cell => cell.Map().Set("change", "role").SetId("user", cell.Subject.Value).Set("role", "reader")),
        new("mute", FrameType.ChangeMember, "nffaaafnann", cell => cell.Map().Set("change", "mute").SetId("user", cell.Subject.Value)),
        new("ban", FrameType.ChangeMember, "nffaaafnann", cell => cell.Map().Set("change", "ban").SetId("user", cell.Subject.Value)),
        new("invite", FrameType.ChangeMember, "nffaaafnann", cell => cell.Map().Set("change", "invite").SetId("user", cell.Stranger.Value)),
        new("join", FrameType.ChangeMember, "naaaaafnfnn", cell => cell.Map().Set("change", "join")),
        new("create a link", FrameType.CreateJoinLink, "nfffaafnann", cell => cell.Map()),
        new("list links", FrameType.ListJoinLinks, "nfffaafnann", cell => cell.Map()),
        new("revoke a link", FrameType.RevokeJoinLink, "nfffaafnann", cell => cell.Map().SetId("id", 7)),
        new("join by link", FrameType.JoinByLink, "aaaaaaafaff", cell => new ControlMap().Set("link", cell.Link)),
        new("annotations", FrameType.GetAnnotations, "naaaaafnann", cell => cell.Map()),
        new("thread", FrameType.GetThread, "naaaaafnann", cell => cell.Map().Set("root", (long)cell.Message)),
        new("pins", FrameType.GetPins, "naaaaafnann", cell => cell.Map()),
        new("forward from", FrameType.Forward, "naaaaafnann", cell => new ControlMap().SetId("from", cell.Group.Value).Set("sequence", (long)cell.Message).SetId("conversation", cell.Open.Value).SetId("id", (UInt128)(1000 + cell.Number))),
        new("forward into", FrameType.Forward, "nfaaaafnfnf", cell => new ControlMap().SetId("from", cell.Open.Value).Set("sequence", 1L).SetId("conversation", cell.Group.Value).SetId("id", (UInt128)(2000 + cell.Number))),
        new("schedule", FrameType.Schedule, "nfaaaafnfnn", cell => cell.Map().SetId("id", (UInt128)(3000 + cell.Number)).Set("body", "later"u8.ToArray()).Set("at", cell.Tomorrow)),
        new("cancel", FrameType.CancelScheduled, "aaaaaaaaaaa", cell => cell.Map().SetId("id", 9)),
        new("hide", FrameType.Hide, "naaaaafnann", cell => cell.Map().Set("sequences", BitConverter.GetBytes(cell.Message)).Set("hidden", true)),
        new("move the cursor", FrameType.MoveCursor, "naaaaafnfnn", cell => cell.Map().Set("read", 1L)),
        new("list cursors", FrameType.ListCursors, "naaaaafnann", cell => cell.Map()),
        new("watch presence", FrameType.WatchPresence, "naaaaafnfnn", cell => cell.Map()),
        new("an attachment", FrameType.GetAttachment, "nxxxxxfnxnn", cell => cell.Map().Set("sequence", (long)cell.Message).Set("hash", new byte[32])),
    ];

    private static readonly Row[] OfTheBroker =
    [
        new("make a group", FrameType.CreateConversation, "aaff", _ => new ControlMap()),
        new("list conversations", FrameType.ListConversations, "aaaa", _ => new ControlMap()),
        new("inbox", FrameType.GetInbox, "aaaa", _ => new ControlMap()),
        new("scheduled", FrameType.ListScheduled, "aaaa", _ => new ControlMap()),
        new("hidden", FrameType.ListHidden, "aaaa", _ => new ControlMap()),
        new("resolve users", FrameType.ResolveUsers, "aaaa", _ => new ControlMap().Set("names", new List<object?> { "witness" })),
        new("import", FrameType.ImportUsers, "faff", cell => new ControlMap().Set("names", new List<object?> { $"import {cell.Number}" })),
        new("backup", FrameType.Backup, "faff", _ => new ControlMap()),
        new("make a program's account", FrameType.CreateService, "faff", cell => new ControlMap().Set("name", $"made.{cell.Number}").Set("rights", new List<object?> { "read" })),
        new("list programs", FrameType.ListServices, "faff", _ => new ControlMap()),
        new("change a program's keys", FrameType.ChangeServiceKeys, "fxff", cell => new ControlMap().SetId("user", cell.Stranger.Value).Set("remove", "nothing")),
        new("end a program's account", FrameType.RevokeService, "fxff", cell => new ControlMap().SetId("user", cell.Stranger.Value)),
        new("a token of nobody's", FrameType.Reauthenticate, "xxxx", _ => new ControlMap().Set("token", "fc1_x")),
        new("own devices", FrameType.ListDevices, "aaff", _ => new ControlMap()),
        new("another's devices", FrameType.ListDevices, "faff", cell => new ControlMap().SetId("user", cell.Stranger.Value)),
        new("name a device", FrameType.NameDevice, "aaff", _ => new ControlMap().Set("name", "mine")),
        new("end a device that is none", FrameType.EndDevices, "xxff", _ => new ControlMap().Set("device", 42L)),
        new("end another's devices", FrameType.EndDevices, "faff", cell => new ControlMap().SetId("user", cell.Stranger.Value).Set("all", true)),
        new("a wrong password for another one", FrameType.ChangePassword, "xxff", _ => new ControlMap().Set("password", "not this one").Set("new", "correct horse")),
        new("a challenge where no proofs are taken", FrameType.BeginProof, "xxff", _ => new ControlMap().Set("scram", "n,,n=witness,r=fyko+d2lbbFgONRv9qkx")),
        new("a proof that answers no challenge", FrameType.ChangePassword, "xxff", _ => new ControlMap().Set("scram", "c=biws,r=x,p=x")),
        new("suspend", FrameType.SuspendUser, "faff", cell => new ControlMap().SetId("user", cell.Stranger.Value).Set("suspended", true)),
        new("accounts", FrameType.ListUsers, "faff", _ => new ControlMap()),
        new("sessions", FrameType.ListSessions, "faff", _ => new ControlMap()),
        new("how one's export goes", FrameType.ExportPerson, "aaff", _ => new ControlMap()),
        new("another's export", FrameType.ExportPerson, "faff", cell => new ControlMap().SetId("user", cell.Stranger.Value).Set("discard", true)),
        new("an archive that is none", FrameType.GetExport, "xxff", _ => new ControlMap()),
        new("another's archive", FrameType.GetExport, "fxff", cell => new ControlMap().SetId("user", cell.Stranger.Value)),
        new("be erased, without the password", FrameType.ErasePerson, "xfff", _ => new ControlMap().Set("begin", true)),
        new("how another's erasure goes", FrameType.ErasePerson, "faff", cell => new ControlMap().SetId("user", cell.Stranger.Value)),
        new("erase nobody", FrameType.ErasePerson, "fxff", _ => new ControlMap().SetId("user", 42).Set("begin", true)),
        new("stats", FrameType.GetStats, "faff", _ => new ControlMap()),
        new("activity", FrameType.GetActivity, "faff", _ => new ControlMap()),
        new("the limits", FrameType.GetLimits, "faff", _ => new ControlMap()),
        new("another limit", FrameType.SetLimits, "faff", _ => new ControlMap().Set("limits", new ControlMap().Set("limit_wrong_passwords", 21L))),
        new("presence", FrameType.SetPresence, "aaaa", _ => new ControlMap()),
        new("profile", FrameType.SetProfile, "aaaa", _ => new ControlMap().Set("display_name", "me")),
        new("profiles", FrameType.GetProfiles, "aaaa", cell => new ControlMap().Set("users", new List<object?> { new ControlMap().SetId("user", cell.Stranger.Value) })),
        new("search", FrameType.SearchUsers, "aaaa", _ => new ControlMap().Set("prefix", "w")),
        new("block", FrameType.Block, "aaaa", cell => new ControlMap().SetId("user", cell.Stranger.Value).Set("blocked", true)),
        new("blocks", FrameType.ListBlocks, "aaaa", _ => new ControlMap()),
        new("begin an upload", FrameType.BeginUpload, "aaaa", _ => new ControlMap().Set("hash", new byte[32]).Set("size", 1L)),
        new("a chunk", FrameType.PutChunk, "xxxx", _ => new ControlMap().Set("hash", new byte[32]).Set("offset", 0L).Set("crc", 0L).Set("bytes", new byte[1])),
        new("finish an upload", FrameType.FinishUpload, "xxxx", _ => new ControlMap().Set("hash", new byte[32])),
        new("usage", FrameType.GetUsage, "aaaa", _ => new ControlMap()),
        new("cancel an upload", FrameType.CancelUpload, "aaaa", _ => new ControlMap().Set("hash", new byte[32])),
    ];

    private AttackStage _stage = null!;
    private SignedInPeer _operator = null!;
    private Dictionary<string, string> _tokens = null!;
    private ConversationId _open;
    private int _number;

    private static IEnumerable<string> Doors => AttackStage.Doors;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        // A row for each frame, role and door, by the same few accounts: more than a person may ask in that time.
        _stage = await AttackStage.StartAsync(new System.Text.Json.Nodes.JsonObject { ["limit_requests_per_second"] = 20_000, ["limit_publishes_per_second"] = 20_000 });
        _operator = await _stage.Broker.SignInAsync(_stage.Broker.ReadOperatorToken());
        _tokens = new Dictionary<string, string> { ["operator"] = _stage.Broker.ReadOperatorToken() };
        foreach (string role in Roles.Concat(["user", "maker"]).Where(role => role != "operator" && !role.StartsWith("program", StringComparison.Ordinal)))
        {
            await using SignedInPeer account = await _stage.Broker.RegisterAsync($"table.{role}");
            _tokens[role] = account.Welcome.Token!;
        }

        foreach ((string role, string right) in new[] { ("program that reads", "read"), ("program that publishes", "publish") })
        {
            ReceivedFrame made = await _operator.AskAsync(FrameType.CreateService, new ControlMap().Set("name", $"table.{right}").Set("rights", new List<object?> { right }));
            _tokens[role] = made.ToMap().Text("token", 128)!;
        }

        _open = (await _operator.OpenAsync("table")).Conversation;
        await _operator.PublishAsync(_open, "to forward"u8.ToArray());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _operator.DisposeAsync();
        await _stage.DisposeAsync();
    }

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [Test]
    [Unseen("nothing is sent")]
    public void Every_frame_of_a_client_is_in_a_table()
    {
        IEnumerable<FrameType> fromClient = Enum.GetValues<FrameType>().Where(FrameTypes.IsFromClient).Except(OfTheConnection);
        Assert.That(InAGroup.Concat(OfTheBroker).Select(row => row.Type).Distinct(), Is.EquivalentTo(fromClient));
    }

    [TestCaseSource(nameof(Doors))]
    [Counted("fastchat.errors.Forbidden")]
    public async Task In_a_group(string door)
    {
        Dictionary<string, SignedInPeer> peers = await ConnectAsync(Roles, door);
        await using SignedInPeer maker = await _stage.Broker.SignInAsync(_tokens["maker"]);
        StringBuilder wrong = new();
        foreach (Row row in InAGroup)
        {
            string word = string.Empty;
            for (int i = 0; i < Roles.Length; i++)
            {
                Cell cell = await SetUpAsync(maker, peers, Roles[i]);
                word += await AskAsync(peers[Roles[i]], row, cell);
            }

            Compare(row, word, wrong);
        }

        await DisconnectAsync(peers);
        Assert.That(wrong.ToString(), Is.Empty);
    }

    [Test]
    [Unseen("it has a broker of its own")]
    public async Task Only_operators_end_the_broker()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        await using SignedInPeer user = await broker.RegisterAsync("ada");
        await using SignedInPeer runner = await broker.SignInAsync(broker.ReadOperatorToken());
        ReceivedFrame made = await runner.AskAsync(FrameType.CreateService, new ControlMap().Set("name", "bot").Set("rights", new List<object?> { "publish", "import", "read" }));
        await using SignedInPeer program = await broker.SignInAsync(made.ToMap().Text("token", 128)!);
        await BadInput.ExpectErrorAsync(user, await user.AskAsync(FrameType.Drain, new ControlMap()), ErrorCode.Forbidden);
        await BadInput.ExpectErrorAsync(program, await program.AskAsync(FrameType.Drain, new ControlMap()), ErrorCode.Forbidden);
        Assert.That((await runner.AskAsync(FrameType.Drain, new ControlMap())).ToMap().Flag("draining"), Is.True);
        Assert.That((CloseCode)(await user.Peer.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.Draining));
        Assert.That(await broker.Process.WaitForExitAsync(), Is.Zero);
    }

    [TestCaseSource(nameof(Doors))]
    [Counted("fastchat.errors.Forbidden")]
    public async Task Of_the_broker(string door)
    {
        Dictionary<string, SignedInPeer> peers = await ConnectAsync(Accounts, door);
        StringBuilder wrong = new();
        foreach (Row row in OfTheBroker)
        {
            string word = string.Empty;
            foreach (string account in Accounts)
            {
                UserId[] people = await ImportAsync(1);
                word += await AskAsync(peers[account], row, new Cell { Number = ++_number, Stranger = people[0] });
            }

            Compare(row, word, wrong);
        }

        await DisconnectAsync(peers);
        Assert.That(wrong.ToString(), Is.Empty);
    }

    private static void Compare(Row row, string word, StringBuilder wrong)
    {
        if (word != row.Expected)
        {
            wrong.AppendLine($"{row.Type}, {row.Name}: {word} where {row.Expected} is expected");
        }
    }

    private static async Task<char> AskAsync(SignedInPeer peer, Row row, Cell cell)
    {
        ReceivedFrame answer = row.Body(cell) switch
        {
            ControlMap map => await peer.AskAsync(row.Type, map),
            var body => await peer.AskAsync(row.Type, (byte[])body),
        };
        return answer.Type != FrameType.Error ? 'a' : (ErrorCode)answer.ToFailure().Code switch
        {
            ErrorCode.Forbidden => 'f',
            ErrorCode.NoSuchConversation => 'n',
            _ => 'x',
        };
    }

    private static byte[] ToEveryone() => new RichBody
    {
        Kind = MessageKind.Text,
        Attributes = new MessageAttributes { MentionsAll = true }.ToBytes(),
        Content = "all of you"u8,
    }.ToBytes();

    private static async Task DisconnectAsync(Dictionary<string, SignedInPeer> peers)
    {
        foreach (SignedInPeer peer in peers.Values)
        {
            await peer.DisposeAsync();
        }
    }

    private async Task<Dictionary<string, SignedInPeer>> ConnectAsync(IEnumerable<string> roles, string door)
    {
        Dictionary<string, SignedInPeer> peers = [];
        foreach (string role in roles)
        {
            peers[role] = await _stage.SignInAsync(_tokens[role], door);
        }

        return peers;
    }

    /// <summary>A fresh group in which one account has the role that is asked for, and somebody whom it may be done to is a member.</summary>
    private async Task<Cell> SetUpAsync(SignedInPeer maker, Dictionary<string, SignedInPeer> peers, string role)
    {
        UserId[] people = await ImportAsync(2);
        ConversationId group = (await maker.CreateGroupAsync(null, people[0])).Conversation;
        ulong message = (await maker.PublishAsync(group, "said before"u8.ToArray())).Sequence;
        ControlMap link = (await maker.AskAsync(FrameType.CreateJoinLink, new ControlMap().SetId("conversation", group.Value))).ToMap();
        UserId user = peers[role].Welcome.User;
        ControlMap change = new ControlMap().SetId("conversation", group.Value).SetId("user", user.Value);
        ReceivedFrame? given = role switch
        {
            "reader" or "member" or "moderator" or "admin" or "owner" => await maker.AskAsync(
                FrameType.AddMembers, new ControlMap().SetId("conversation", group.Value).Set("users", new List<object?> { ControlMap.IdBytes(user.Value) }).Set("role", role)),
            "invited" => await maker.AskAsync(FrameType.ChangeMember, change.Set("change", "invite")),
            "banned" => await maker.AskAsync(FrameType.ChangeMember, change.Set("change", "ban")),
            _ => null,
        };
        Assert.That(given?.Type, Is.Null.Or.EqualTo(FrameType.Reply), $"{role}: {given}");
        return new Cell { Number = ++_number, Group = group, Message = message, Subject = people[0], Stranger = people[1], Link = link.Text("link", 64)!, Open = _open };
    }

    private async Task<UserId[]> ImportAsync(int count)
    {
        List<object?> names = [.. Enumerable.Range(0, count).Select(_ => (object?)$"person {++_number}")];
        ReceivedFrame made = await _operator.AskAsync(FrameType.ImportUsers, new ControlMap().Set("names", names));
        return [.. made.ToMap().Ids("users")!.Select(id => new UserId(id))];
    }

    /// <summary>A row of a table.</summary>
    /// <param name="Body">Bytes, or a map.</param>
    private sealed record Row(string Name, FrameType Type, string Expected, Func<Cell, object> Body);

    /// <summary>What a request is about.</summary>
    private sealed record Cell
    {
        public int Number { get; init; }

        public ConversationId Group { get; init; }

        public ConversationId Open { get; init; }

        public ulong Message { get; init; }

        /// <summary>A member.</summary>
        public UserId Subject { get; init; }

        /// <summary>Somebody who is none.</summary>
        public UserId Stranger { get; init; }

        public string Link { get; init; } = string.Empty;

        public long Tomorrow { get; } = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds() * 1000;

        public ControlMap Map() => new ControlMap().SetId("conversation", Group.Value);
    }
}
