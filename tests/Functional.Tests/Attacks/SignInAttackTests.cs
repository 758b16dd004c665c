using System.Diagnostics;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on signing in, and on what stays signed in (tests/attacks.md, 44 to 51).</summary>
public sealed class SignInAttackTests
{
    /// <summary>P16: what is ended is closed within a second.</summary>
    private static readonly TimeSpan ClosedWithin = TimeSpan.FromSeconds(1);

    private AttackStage _stage = null!;

    private static IEnumerable<string> Doors => AttackStage.Doors;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [Test]
    [Noted("sign_in_refused", "BadCredentials")]
    public async Task Names_and_passwords_that_are_tried_tell_nothing_by_words_or_time()
    {
        await using SignedInPeer known = await _stage.RegisterAsync();
        double[] times = new double[2];
        for (int round = 0; round < 8; round++)
        {
            for (int isKnown = 0; isKnown < 2; isKnown++)
            {
                await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
                long begun = Stopwatch.GetTimestamp();
                await peer.SendAsync(FrameType.Hello, 0, new Hello { Name = isKnown == 1 ? known.Welcome.Name : $"nobody-{round}", Password = "spring2026!" }.ToMap());
                ReceivedFrame close = await peer.ReceiveAsync();
                times[isKnown] += Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
                Assert.That(((CloseCode)close.ToFailure().Code, close.ToFailure().Reason), Is.EqualTo((CloseCode.BadCredentials, "wrong name or password")));
            }
        }

        Assert.That(times[0] / times[1], Is.InRange(0.33, 3.0), "nobody's name takes as long as somebody's");
    }

    [Test]
    [Noted("token_reused")]
    [Noted("sign_in_refused", "TokenInvalid")]
    public async Task A_refresh_token_that_comes_twice_ends_the_device_and_its_connections()
    {
        await using SignedInPeer owner = await RegisterAsync();
        string stolen = owner.Welcome.Refresh!;
        TokenPair next = TokenPair.Parse((await owner.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("refresh", stolen))).ToMap());
        Assert.That((await owner.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("token", next.Token))).Type, Is.EqualTo(FrameType.Reply));

        await using ScriptedPeer thief = await _stage.Broker.ConnectAsync();
        await thief.SendAsync(FrameType.Hello, 0, new Hello { Refresh = stolen }.ToMap());
        Assert.That((CloseCode)(await thief.ReceiveAsync()).ToFailure().Code, Is.EqualTo(CloseCode.TokenInvalid));
        await ExpectClosedAsync(owner, CloseCode.TokenInvalid);
        await ExpectRefusedAsync(new Hello { Token = next.Token }, CloseCode.TokenInvalid);
        await ExpectRefusedAsync(new Hello { Refresh = next.Refresh }, CloseCode.TokenInvalid);
    }

    [Test]
    [Noted("token_reused")]
    public async Task Who_lost_the_answer_of_a_refresh_is_not_locked_out()
    {
        await using SignedInPeer first = await RegisterAsync();
        Hello again = new() { Client = "scripted", Refresh = first.Welcome.Refresh };
        await using (ScriptedPeer lost = await _stage.Broker.ConnectAsync())
        {
            await lost.SendAsync(FrameType.Hello, 0, again.ToMap());
            lost.Abort();
        }

        await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        Welcome one = await peer.SignInAsync(again);
        await using ScriptedPeer other = await _stage.Broker.ConnectAsync();
        Welcome two = await other.SignInAsync(again);
        Assert.That((two.Token, two.Refresh), Is.EqualTo((one.Token, one.Refresh)));
        await using SignedInPeer used = await _stage.Broker.SignInAsync(one.Token!);
        await ExpectRefusedAsync(again, CloseCode.TokenInvalid);
    }

    [TestCaseSource(nameof(Doors))]
    [Noted("devices_ended", "one")]
    [Noted("sign_in_refused", "TokenInvalid")]
    public async Task A_device_that_is_ended_is_closed_at_every_door_and_hears_nothing_more(string door)
    {
        await using SignedInPeer owner = await RegisterAsync();
        await using SignedInPeer other = await SecondDeviceAsync(owner, door);
        ConversationId group = (await owner.CreateGroupAsync()).Conversation;
        await other.SubscribeAsync(group, 0);

        Stopwatch time = Stopwatch.StartNew();
        ReceivedFrame reply = await owner.AskAsync(FrameType.EndDevices, new ControlMap().Set("device", other.Welcome.Device.Value));
        Assert.That(reply.ToMap().Number("ended", 0), Is.EqualTo(1));
        await owner.PublishAsync(group, "not for a device that was ended"u8.ToArray());
        await ExpectClosedAsync(other, CloseCode.SignedOut);
        Assert.That(time.Elapsed, Is.LessThan(ClosedWithin));
        await ExpectRefusedAsync(new Hello { Token = other.Welcome.Token }, CloseCode.TokenInvalid);
        await ExpectRefusedAsync(new Hello { Refresh = other.Welcome.Refresh }, CloseCode.TokenInvalid);
        await owner.PingAsync();
    }

    [TestCaseSource(nameof(Doors))]
    [Noted("password_changed")]
    [Noted("sign_in_refused", "BadCredentials")]
    public async Task Another_password_closes_all_other_devices(string door)
    {
        await using SignedInPeer owner = await RegisterAsync();
        await using SignedInPeer other = await SecondDeviceAsync(owner, door);
        Stopwatch time = Stopwatch.StartNew();
        ReceivedFrame reply = await owner.AskAsync(FrameType.ChangePassword, new ControlMap().Set("password", TestBroker.Password).Set("new", "battery staple").Set("renews", true));
        Assert.That(reply.Type, Is.EqualTo(FrameType.Reply), reply.ToString());
        await ExpectClosedAsync(other, CloseCode.SignedOut);
        Assert.That(time.Elapsed, Is.LessThan(ClosedWithin + TimeSpan.FromSeconds(1)), "two passwords are hashed first");
        await ExpectRefusedAsync(new Hello { Token = other.Welcome.Token }, CloseCode.TokenInvalid);
        await ExpectRefusedAsync(new Hello { Token = owner.Welcome.Token }, CloseCode.TokenInvalid);
        await ExpectRefusedAsync(new Hello { Name = owner.Welcome.Name, Password = TestBroker.Password }, CloseCode.BadCredentials);
        await using SignedInPeer again = await _stage.Broker.SignInAsync(TokenPair.Parse(reply.ToMap()).Token!);
        Assert.That(again.Welcome.Device, Is.EqualTo(owner.Welcome.Device));
    }

    [TestCaseSource(nameof(Doors))]
    [Noted("user_suspended")]
    [Noted("sign_in_refused", "Suspended")]
    public async Task Who_is_suspended_is_closed_and_not_let_in(string door)
    {
        await using SignedInPeer root = await _stage.Broker.SignInAsync(_stage.Broker.ReadOperatorToken());
        await using SignedInPeer owner = await RegisterAsync();
        await using SignedInPeer other = await SecondDeviceAsync(owner, door);
        Stopwatch time = Stopwatch.StartNew();
        ControlMap suspend = new ControlMap().SetId("user", owner.Welcome.User.Value).Set("suspended", true);
        Assert.That((await root.AskAsync(FrameType.SuspendUser, suspend)).ToMap().Flag("changed"), Is.True);
        await ExpectClosedAsync(owner, CloseCode.Suspended);
        await ExpectClosedAsync(other, CloseCode.Suspended);
        Assert.That(time.Elapsed, Is.LessThan(ClosedWithin));
        await ExpectRefusedAsync(new Hello { Token = owner.Welcome.Token }, CloseCode.Suspended);
        await ExpectRefusedAsync(new Hello { Name = owner.Welcome.Name, Password = TestBroker.Password }, CloseCode.Suspended);
        await ExpectRefusedAsync(new Hello { Name = owner.Welcome.Name, Password = "not the password" }, CloseCode.BadCredentials);
        await root.AskAsync(FrameType.SuspendUser, new ControlMap().SetId("user", owner.Welcome.User.Value).Set("suspended", false));
        await using SignedInPeer back = await _stage.Broker.SignInAsync(owner.Welcome.Token!);
        Assert.That(back.Welcome.User, Is.EqualTo(owner.Welcome.User));
    }

    [Test]
    [Noted("devices_ended", "others")]
    public async Task A_sign_in_that_races_with_the_end_of_its_device_does_not_outlive_it()
    {
        await using SignedInPeer owner = await RegisterAsync();
        for (int round = 0; round < 10; round++)
        {
            await using SignedInPeer other = await SecondDeviceAsync(owner, "tcp");
            Task<ScriptedPeer>[] racing = Enumerable.Range(0, 8).Select(async _ =>
            {
                ScriptedPeer peer = await _stage.Broker.ConnectAsync();
                await peer.SendAsync(FrameType.Hello, 0, new Hello { Token = other.Welcome.Token }.ToMap());
                return peer;
            }).ToArray();
            await owner.AskAsync(FrameType.EndDevices, new ControlMap().Set("others", true));
            foreach (Task<ScriptedPeer> one in racing)
            {
                await using ScriptedPeer peer = await one;
                ReceivedFrame last = await peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Close);
                Assert.That((CloseCode)last.ToFailure().Code, Is.AnyOf(CloseCode.SignedOut, CloseCode.TokenInvalid));
            }
        }
    }

    [Test]
    [Unseen("it has a broker of its own; TOKEN_EXPIRED is the ordinary end of a connection")]
    public async Task A_connection_ends_with_its_token_unless_a_newer_one_comes()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["access_token_seconds"] = 2 });
        await using ScriptedPeer quietPeer = await broker.ConnectAsync();
        SignedInPeer quiet = new(quietPeer, await quietPeer.SignInAsync(new Hello { Name = "quiet", Password = TestBroker.Password, Register = true, Renews = true }));
        await using ScriptedPeer busyPeer = await broker.ConnectAsync();
        SignedInPeer busy = new(busyPeer, await busyPeer.SignInAsync(new Hello { Name = "busy", Password = TestBroker.Password, Register = true, Renews = true }));
        Stopwatch time = Stopwatch.StartNew();
        ReceivedFrame wrong = await busy.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("token", quiet.Welcome.Token));
        Assert.That((ErrorCode)wrong.ToFailure().Code, Is.EqualTo(ErrorCode.WrongCredentials), "not with another one's (51)");
        string refresh = busy.Welcome.Refresh!;
        while (time.Elapsed < TimeSpan.FromSeconds(6))
        {
            TokenPair pair = TokenPair.Parse((await busy.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("refresh", refresh))).ToMap());
            Assert.That(pair.Seconds, Is.InRange(1, 2));
            Assert.That((await busy.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("token", pair.Token))).Type, Is.EqualTo(FrameType.Reply));
            refresh = pair.Refresh!;
            await Task.Delay(500);
        }

        await busy.PingAsync();
        await ExpectClosedAsync(quiet, CloseCode.TokenExpired);
        await using ScriptedPeer late = await broker.ConnectAsync();
        await late.SendAsync(FrameType.Hello, 0, new Hello { Token = quiet.Welcome.Token }.ToMap());
        Assert.That((CloseCode)(await late.ReceiveAsync()).ToFailure().Code, Is.EqualTo(CloseCode.TokenExpired));
    }

    [Test]
    [Unseen("nobody attacks")]
    public async Task The_client_library_goes_on_over_many_tokens_without_a_gap()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["access_token_seconds"] = 1.5 });
        using MemoryTokenStore tokens = new();
        int connections = 0;
        await using FastChatClient reader = await FastChatClient.ConnectAsync(
            new ClientOptions { Endpoint = ClientEndpoint.Parse(broker.Process.Tcp.ToString()), Name = "reader", Password = TestBroker.Password, Register = true, TokenStore = tokens },
            state => connections += state.Phase == ConnectionPhase.Connected ? 1 : 0);
        await using FastChatClient writer = await broker.ClientAsync("writer");
        ConversationId room = (await writer.ResolveConversationAsync("room", create: true)).Conversation;
        using CancellationTokenSource stop = new(TimeSpan.FromSeconds(30));
        Task reading = Task.Run(async () =>
        {
            ulong expected = 1;
            await foreach (ChatMessage message in reader.ReadAsync(room, LogPosition.Start, stop.Token))
            {
                Assert.That(message.Sequence, Is.EqualTo(expected++));
                if (expected > 60)
                {
                    return;
                }
            }
        });
        string? first = reader.Token;
        for (int i = 0; i < 60; i++)
        {
            await writer.PublishTextAsync(room, $"message {i}");
            await Task.Delay(100);
        }

        await reading;
        Assert.That(connections, Is.EqualTo(1), "no token made it connect again");
        Assert.That(reader.Token, Is.Not.EqualTo(first));
    }

    [Test]
    [Unseen("nobody attacks")]
    public async Task Commands_at_once_share_a_device_and_none_ends_it()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["access_token_seconds"] = 1 });
        string home = broker.Directory.PathOf("home");
        string password = broker.Directory.PathOf("password");
        await File.WriteAllTextAsync(password, TestBroker.Password);
        string server = broker.Process.Tcp.ToString();
        CliResult made = await CliProcess.RunAsync(home, "register", "ada", "--password-file", password, "--server", server);
        Assert.That(made.ExitCode, Is.Zero, made.ToString());
        for (int round = 0; round < 3; round++)
        {
            CliResult[] all = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => CliProcess.RunAsync(home, "send", "#room", $"message {i}", "--create", "--server", server)));
            Assert.That(all.Select(result => result.ExitCode), Is.All.Zero, string.Join('\n', all.Select(result => result.ToString())));
        }

        CliResult devices = await CliProcess.RunAsync(home, "devices", "list", "--json", "--server", server);
        Assert.That(devices.Lines, Has.Count.EqualTo(1), devices.ToString());
        Assert.That(devices.Last.GetProperty("current").GetBoolean(), Is.True);
        string kept = await File.ReadAllTextAsync(Directory.EnumerateFiles(home, "*.json", SearchOption.AllDirectories).Single());
        Assert.That(kept, Does.Contain("refresh"));
        CliResult logout = await CliProcess.RunAsync(home, "logout", "--server", server);
        Assert.That(logout.ExitCode, Is.Zero, logout.ToString());
        CliResult after = await CliProcess.RunAsync(home, "send", "#room", "more", "--server", server);
        Assert.That(after.ExitCode, Is.Not.Zero);
    }

    private Task<SignedInPeer> RegisterAsync() => SignInAsync(new Hello { Name = _stage.Broker.NewName(), Password = TestBroker.Password, Register = true, Renews = true });

    private async Task<SignedInPeer> SignInAsync(Hello hello)
    {
        ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        return new SignedInPeer(peer, await peer.SignInAsync(hello));
    }

    /// <summary>Another device of the same user, on a connection through that door; its Welcome is the one that has the refresh token.</summary>
    private async Task<SignedInPeer> SecondDeviceAsync(SignedInPeer owner, string door)
    {
        await using SignedInPeer made = await SignInAsync(new Hello { Name = owner.Welcome.Name, Password = TestBroker.Password, Renews = true });
        SignedInPeer connected = await _stage.SignInAsync(made.Welcome.Token!, door);
        return new SignedInPeer(connected.Peer, made.Welcome);
    }

    private async Task ExpectRefusedAsync(Hello hello, CloseCode code)
    {
        await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        await peer.SendAsync(FrameType.Hello, 0, hello.ToMap());
        Assert.That((CloseCode)(await peer.ReceiveAsync()).ToFailure().Code, Is.EqualTo(code));
    }

    private static async Task ExpectClosedAsync(SignedInPeer peer, CloseCode code)
    {
        ReceivedFrame last = await peer.Peer.ReceiveUntilAsync(frame => frame.Type is FrameType.Close or FrameType.Deliver);
        Assert.That(last.Type, Is.EqualTo(FrameType.Close), "nothing is delivered any more");
        Assert.That((CloseCode)last.ToFailure().Code, Is.EqualTo(code));
    }
}
