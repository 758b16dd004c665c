using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on what surrounds the chat by number (tests/attacks.md, 65 to 70): what the broker reaches out to, what it shows of itself, and what others can write into its logs.</summary>
public sealed class OperationsAttackTests
{
    private AttackStage _stage = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [Test]
    [Unseen("an address in a text is text")]
    public async Task Nothing_that_a_message_or_a_profile_says_makes_the_broker_call_anybody()
    {
        using TcpListener trap = new(IPAddress.Loopback, 0);
        trap.Start();
        string url = $"http://127.0.0.1:{((IPEndPoint)trap.LocalEndpoint).Port}/latest/meta-data";
        await using SignedInPeer author = await _stage.RegisterAsync();
        ConversationId group = (await author.CreateGroupAsync()).Conversation;
        await author.PublishAsync(group, Encoding.UTF8.GetBytes($"look at {url} and ![]({url})"));
        await author.AskAsync(FrameType.SetProfile, new ControlMap().Set("avatar", url).Set("display_name", url));
        await author.AskAsync(FrameType.ChangeConversation, new ControlMap().SetId("conversation", group.Value).Set("avatar", url).Set("topic", url));
        await author.AskAsync(FrameType.SetPresence, new ControlMap().Set("status", url));
        await author.AskAsync(FrameType.JoinByLink, new ControlMap().Set("link", url));
        Task<TcpClient> caller = trap.AcceptTcpClientAsync();
        await Task.WhenAny(caller, Task.Delay(TimeSpan.FromSeconds(1)));
        Assert.That(caller.IsCompleted, Is.False);
    }

    [Test]
    [Unseen("the record in the log of the conversation is the event")]
    public async Task Nobody_becomes_a_member_unseen_not_even_who_runs_the_broker()
    {
        await using SignedInPeer owner = await _stage.RegisterAsync();
        await using SignedInPeer member = await _stage.RegisterAsync();
        await using SignedInPeer operatorPeer = await _stage.Broker.SignInAsync(_stage.Broker.ReadOperatorToken());
        ConversationId group = (await owner.CreateGroupAsync(null, member.Welcome.User)).Conversation;
        await member.SubscribeAsync(group, 0);
        ReceivedFrame added = await operatorPeer.AskAsync(
            FrameType.AddMembers, new ControlMap().SetId("conversation", group.Value).Set("users", new List<object?> { ControlMap.IdBytes(operatorPeer.Welcome.User.Value) }));
        Assert.That(added.Type, Is.EqualTo(FrameType.Reply));

        StoredMessage seen = Bodies.ReadRecords(await member.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Deliver)).Single();
        Assert.That(seen.Kind, Is.EqualTo(MessageKind.MemberAdded));
        Assert.That(seen.Sender, Is.EqualTo(operatorPeer.Welcome.User));
        Assert.That(UserId.Read(seen.Body), Is.EqualTo(operatorPeer.Welcome.User));

        // What the list says is what the log says: the members of the beginning, and those whom a record made members.
        ControlMap list = (await member.AskAsync(FrameType.ListMembers, new ControlMap().SetId("conversation", group.Value))).ToMap();
        Assert.That(list.Maps("members")!.Select(entry => new UserId(entry!.Id("user"))), Is.EquivalentTo(new[] { owner.Welcome.User, member.Welcome.User, operatorPeer.Welcome.User }));
    }

    [Test]
    [Unseen("what is not there is answered by the HTTP server")]
    public async Task The_HTTP_listener_says_nothing_about_itself()
    {
        using HttpClient client = new();
        foreach (string path in new[] { "/", "/healthz", "/ws", "/metrics", "/admin", "/debug", "/swagger", "/.git/config", "/%2e%2e/operator.token", "/operator.token" })
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri(_stage.Broker.Process.Http, path));
            string text = answer + await answer.Content.ReadAsStringAsync();
            Assert.That(answer.Headers.Contains("Server"), Is.False, path);
            Assert.That(text, Does.Not.Contain("Kestrel").And.Not.Contain("   at ").And.Not.Contain("Exception").And.Not.Contain("10.0."), path);

            // The page is for everybody and says whose it is, but no version.
            Assert.That(text, path == "/" ? Does.Not.Contain("FastChat/") : Does.Not.Contain("FastChat"), path);
            Assert.That((int)answer.StatusCode, path is "/" or "/healthz" ? Is.EqualTo(200) : Is.InRange(400, 499), path);
        }
    }

    [Test]
    [Unseen("nothing is sent")]
    public async Task Everything_listens_on_loopback_unless_told_otherwise()
    {
        // Every listening socket of the process, from the kernel's table: inode by descriptor, address by inode.
        string process = $"/proc/{_stage.Broker.Process.Id}";
        HashSet<string> own = [.. Directory.EnumerateFiles($"{process}/fd").Select(file => new FileInfo(file).LinkTarget ?? string.Empty).Where(target => target.StartsWith("socket:[", StringComparison.Ordinal)).Select(target => target[8..^1])];
        List<string> listening = [];
        foreach (string table in new[] { "tcp", "tcp6", "udp", "udp6" })
        {
            foreach (string line in (await File.ReadAllLinesAsync($"{process}/net/{table}")).Skip(1))
            {
                string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                bool isListening = table.StartsWith("udp", StringComparison.Ordinal) || fields[3] == "0A";
                if (isListening && own.Contains(fields[9]))
                {
                    listening.Add(fields[1]);
                }
            }
        }

        Assert.That(listening, Has.Count.EqualTo(4));
        Assert.That(listening, Is.All.StartsWith("0100007F:"));
    }

    [Test]
    [Unseen("it has a broker of its own, whose logs are what is looked at")]
    public async Task What_peers_say_of_themselves_forges_no_line_of_a_log()
    {
        const string Forged = "x\n\u001b[31minfo: FastChat.Broker[1002] Stopped\u001b[0m\r\n{\"n\":1,\"act\":\"forged\"}\n\u2028";
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["registration"] = true });
        await using (ScriptedPeer peer = await broker.ConnectAsync())
        {
            SignedInPeer mallory = new(peer, await peer.SignInAsync(new Hello { Client = Forged[..60], Name = "mallory", Password = TestBroker.Password, Register = true }));
            await mallory.AskAsync(FrameType.SetProfile, new ControlMap().Set("display_name", Forged).Set("fields", new ControlMap().Set("x", Forged)));
            ConversationId room = (await mallory.CreateGroupAsync()).Conversation;
            await mallory.AskAsync(FrameType.ChangeConversation, new ControlMap().SetId("conversation", room.Value).Set("title", Forged).Set("topic", Forged));
            await mallory.PublishAsync(room, Encoding.UTF8.GetBytes(Forged));
            await mallory.AskAsync(FrameType.Backup, new ControlMap().Set("directory", "/tmp/" + Forged));
        }

        await using (ScriptedPeer peer = await broker.ConnectAsync())
        {
            await peer.SendAsync(FrameType.Hello, 0, new Hello { Name = Forged, Password = TestBroker.Password }.ToMap());
            await peer.ReceiveCloseAsync();
        }

        await using (SignedInPeer operatorPeer = await broker.SignInAsync(broker.ReadOperatorToken()))
        {
            // The one text of a peer's that is written down at all is an operator's path.
            ReceivedFrame forged = await operatorPeer.AskAsync(FrameType.Backup, new ControlMap().Set("directory", "/proc/" + Forged));
            Assert.That((ErrorCode)forged.ToFailure().Code, Is.EqualTo(ErrorCode.BadRequest));
        }

        Assert.That(await broker.Process.TerminateAsync(), Is.Zero);
        string[] log = broker.Process.StandardError.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(log.Where(line => line.Contains("[1002]", StringComparison.Ordinal)), Has.Exactly(1).Items);
        Assert.That(log, Has.None.Contains("\u001b[31m"));
        foreach (string file in Directory.GetFiles(Path.Combine(broker.Process.DataDirectory, "audit")))
        {
            string[] lines = await File.ReadAllLinesAsync(file);
            Assert.That(lines, Has.All.StartsWith("{\"n\":").And.None.Contains("\u001b").And.None.Contains("\"act\":\"forged\"}"));
        }

        CliResult audit = await CliProcess.RunAsync(broker.Directory.Path, "admin", "audit", "--data", broker.Process.DataDirectory);
        Assert.That(audit.ExitCode, Is.Zero, audit.ToString());
    }

    [Test]
    [Noted("access_denied", "Backup")]
    public async Task An_answer_goes_to_who_asked_and_nowhere_else()
    {
        await using SignedInPeer asker = await _stage.RegisterAsync();
        await using SignedInPeer other = await _stage.SignInAsync(asker);
        ControlMap map = new ControlMap().Set("reply_to", other.Welcome.Session.ToString()).SetId("session", other.Welcome.Session.Value).Set("trace", "subject");
        await asker.AskAsync(FrameType.ListConversations, map);
        await asker.AskAsync(FrameType.GetInbox, map);
        await asker.AskAsync(FrameType.Backup, map);
        List<ReceivedFrame> seen = [];
        await other.Peer.SendAsync(FrameType.Ping, 77, new byte[1]);
        await other.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Pong, seen);
        Assert.That(seen, Is.Empty);
    }
}
