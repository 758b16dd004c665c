using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>
/// Attacks on what there is only so much of (tests/attacks.md, 28, 36 to 43 and 45): turns, memory, descriptors, the password thread. A broker of its own for each, with limits that a test meets within seconds.
/// </summary>
public sealed class ExhaustionAttackTests
{
    [Test]
    [Noted("limit_reached", "connection_bytes")]
    [Counted("fastchat.limited.connection_bytes")]
    public async Task A_flood_of_pings_and_empty_frames_is_read_slowly_and_answered_all_the_same()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject
        {
            ["limit_connection_bytes_per_second"] = 5_000_000,
            ["limit_burst_seconds"] = 0.2,
            ["heartbeat_seconds"] = 4,
        });
        await using SignedInPeer flooder = await stage.RegisterAsync();

        // 5 MB/s are 5,000 empty frames a second, 1,000 at once: these take seconds, each answered, while the deadlines pass by.
        const uint Pings = 15_000;
        using MemoryStream flood = new();
        for (uint i = 0; i < Pings; i++)
        {
            flood.Write(RawFrame.ToBytes((byte)FrameType.Ping, 1000 + i, []));
            flood.Write(RawFrame.ToBytes(0x9F, 0, []));
        }

        Stopwatch time = Stopwatch.StartNew();
        flooder.Peer.Timeout = TimeSpan.FromSeconds(30);
        Task sending = flooder.Peer.SendAsync(flood.ToArray());
        for (uint i = 0; i < Pings; i++)
        {
            await flooder.Peer.ReceiveAsync(FrameType.Pong, 1000 + i);
            if (i % 3000 == 0)
            {
                await stage.Witness.PublishAsync(stage.Room, "meanwhile"u8.ToArray());
            }
        }

        await sending;
        Assert.That(time.Elapsed, Is.GreaterThan(TimeSpan.FromSeconds(3)), "a buffer's worth each time, and a second's pause behind it at the most");
        await flooder.PingAsync();
        await stage.CheckAsync();
    }

    [Test]
    [Noted("limit_reached", "user_publishes")]
    [Counted("fastchat.errors.RateLimited")]
    public async Task A_flood_of_publishes_is_refused_in_order_and_a_heartbeat_passes_it()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject { ["limit_publishes_per_second"] = 100, ["limit_burst_seconds"] = 1 });
        await using SignedInPeer flooder = await stage.RegisterAsync();
        ConversationId group = (await flooder.CreateGroupAsync()).Conversation;

        // 3,000 messages at a hundred a second, and a ping behind them: it does not wait for thirty seconds.
        Stopwatch time = Stopwatch.StartNew();
        for (uint i = 0; i < 3000; i++)
        {
            await flooder.Peer.SendAsync(FrameType.Publish, 10_000 + i, Bodies.Publish(group, [(byte)i], MessageKind.Opaque));
        }

        await flooder.Peer.SendAsync(FrameType.Ping, 7, new byte[8]);
        List<ReceivedFrame> answers = [];
        await flooder.Peer.ReceiveUntilAsync(frame => frame.Type == FrameType.Pong, answers);
        Assert.That(time.Elapsed, Is.LessThan(TimeSpan.FromSeconds(8)));
        answers.RemoveAll(frame => frame.Request < 10_000);
        while (answers.Count < 3000)
        {
            answers.Add(await flooder.Peer.ReceiveUntilAsync(frame => frame.Request >= 10_000));
        }

        uint[] published = [.. answers.Where(answer => answer.Type == FrameType.Published).Select(answer => answer.Request).Order()];
        ReceivedFrame[] refused = [.. answers.Where(answer => answer.Type == FrameType.Error)];
        Assert.That(published, Is.EqualTo(Enumerable.Range(0, published.Length).Select(i => 10_000 + (uint)i)), "nothing overtakes the first one that was refused");
        Assert.That(published, Has.Length.InRange(100, 1000));
        Assert.That(refused.Select(answer => answer.ToFailure()).Select(failure => ((ErrorCode)failure.Code, failure.IsInOrder, failure.RetryAfterMs is > 0 and <= 1000)), Is.All.EqualTo((ErrorCode.RateLimited, true, true)));

        // Another connection of the same user has no budget of its own; another user has.
        await using SignedInPeer second = await stage.SignInAsync(flooder);
        int passed = 0;
        for (int i = 0; i < 200; i++)
        {
            passed += (await second.TryPublishAsync(group, [1], MessageKind.Opaque)).Type == FrameType.Published ? 1 : 0;
        }

        Assert.That(passed, Is.LessThan(180));
        await stage.CheckAsync();
    }

    [Test]
    [Noted("limit_reached", "user_publishes")]
    public async Task The_client_library_brings_a_flood_through_in_order_and_nobody_notices()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject { ["limit_publishes_per_second"] = 400, ["limit_burst_seconds"] = 0.5 });
        await using FastChatClient client = await stage.Broker.ClientAsync("hasty");
        ConversationInfo room = await client.ResolveConversationAsync("hasty", create: true);
        Stopwatch time = Stopwatch.StartNew();
        Task<PublishReceipt>[] publishing = [.. Enumerable.Range(0, 1500).Select(i => client.PublishTextAsync(room.Conversation, $"{i}").AsTask())];
        PublishReceipt[] receipts = await Task.WhenAll(publishing).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.That(receipts.Select(receipt => receipt.Sequence), Is.EqualTo(Enumerable.Range(1, 1500).Select(i => (ulong)i)), "each once, in the order in which they were given");
        Assert.That(time.Elapsed, Is.InRange(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(30)), "at the rate, more or less");
        await stage.CheckAsync();
    }

    [Test]
    [Noted("limit_reached", "user_requests")]
    public async Task Control_requests_are_refused_with_a_time_when_they_cost_too_much()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject { ["limit_requests_per_second"] = 50, ["limit_burst_seconds"] = 2 });
        await using SignedInPeer flooder = await stage.RegisterAsync();
        int refused = 0;
        for (int i = 0; i < 40; i++)
        {
            ReceivedFrame answer = await flooder.AskAsync(FrameType.GetInbox, new ControlMap());
            if (answer.Type == FrameType.Error)
            {
                await BadInput.ExpectErrorAsync(flooder, answer, ErrorCode.RateLimited);
                Assert.That(answer.ToFailure().RetryAfterMs, Is.InRange(1, 1000));
                refused++;
            }
        }

        Assert.That(refused, Is.InRange(10, 31));
        await stage.CheckAsync();
    }

    [Test]
    [Counted("fastchat.closed.HeartbeatTimeout")]
    public async Task A_client_cannot_choose_how_long_it_may_be_silent()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject { ["heartbeat_seconds"] = 1 });
        await using ScriptedPeer peer = await stage.Broker.ConnectAsync();
        Hello hello = new() { Client = "scripted", Name = "silent", Password = TestBroker.Password, Register = true };
        await peer.SendAsync(FrameType.Hello, 0, hello.ToMap().Set("heartbeat_ms", 86_400_000L).Set("keep_alive", 86_400L));
        Welcome welcome = Welcome.Parse((await peer.ReceiveAsync(FrameType.Welcome, 0)).ToMap());
        Assert.That(welcome.HeartbeatMs, Is.EqualTo(1000));
        await BadInput.ExpectCloseAsync(peer, CloseCode.HeartbeatTimeout);
        await CheckAfterSilenceAsync(stage);
    }

    [Test]
    [Counted("fastchat.closed.WriteTimeout")]
    public async Task Readers_that_stop_in_a_hot_room_cost_their_budget_and_are_ended()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject { ["write_deadline_seconds"] = 3 });
        await using SignedInPeer writer = await stage.RegisterAsync();
        ConversationId hot = (await writer.OpenAsync("hot")).Conversation;
        List<SignedInPeer> stopped = [];
        for (int i = 0; i < 40; i++)
        {
            SignedInPeer reader = await stage.Broker.SignInAsync(writer.Welcome.Token!, receiveBufferSize: 4096);
            await reader.SubscribeAsync(hot);
            stopped.Add(reader);
        }

        // 40 times 40 MB would be 1.6 GB.
        long before = stage.Broker.Process.ResidentBytes;
        for (int i = 0; i < 1200; i++)
        {
            await writer.PublishAsync(hot, new byte[32 * 1024], MessageKind.Opaque);
            if (i % 200 == 0)
            {
                await stage.Witness.PublishAsync(stage.Room, "meanwhile"u8.ToArray());
            }
        }

        Assert.That(stage.Broker.Process.ResidentBytes - before, Is.LessThan(300L << 20));
        Stopwatch time = Stopwatch.StartNew();
        int ended = 0;
        while (ended < stopped.Count && time.Elapsed < TimeSpan.FromSeconds(20))
        {
            await Task.Delay(300);
            ended = 0;
            foreach (SignedInPeer reader in stopped)
            {
                ended += await HasEndedAsync(reader.Peer) ? 1 : 0;
            }
        }

        Assert.That(ended, Is.EqualTo(stopped.Count), "a zero window is no reason to be kept, whatever the peer says meanwhile");

        // Who was ended comes back and misses nothing: what it needs is in the log.
        await using SignedInPeer back = await stage.Broker.SignInAsync(writer.Welcome.Token!);
        Assert.That(await back.GetHeadAsync(hot), Is.EqualTo(1200));
        await stage.CheckAsync();
    }

    [Test]
    [Counted("fastchat.sessions")]
    public async Task Thousands_of_sessions_that_are_dropped_and_kept_are_small_and_bounded()
    {
        await using AttackStage stage = await AttackStage.StartAsync();
        await using SignedInPeer account = await stage.RegisterAsync();
        ConversationId room = (await account.OpenAsync("many")).Conversation;
        long before = 0;
        SessionId first = default;
        for (int i = 0; i < 3000; i++)
        {
            await using SignedInPeer session = await stage.SignInAsync(account);
            await session.SubscribeAsync(room);
            first = i == 0 ? session.Welcome.Session : first;
            before = i == 500 ? stage.Broker.Process.ResidentBytes : before;
            session.Peer.Abort();
        }

        // What is published meanwhile is kept for none of them: positions are the client's.
        for (int i = 0; i < 200; i++)
        {
            await account.PublishAsync(room, new byte[32 * 1024], MessageKind.Opaque);
        }

        Assert.That(stage.Broker.Process.ResidentBytes - before, Is.LessThan(128L << 20));
        await using ScriptedPeer again = await stage.Broker.ConnectAsync();
        Assert.That((await again.SignInAsync(account.Welcome.Token!, first)).Resumed, Is.False, "3,000 sessions were kept");
        await stage.CheckAsync();
    }

    [Test]
    [Noted("sign_in_refused", "Overloaded")]
    [Counted("fastchat.limited.sign_in_wait")]
    public async Task In_a_storm_the_line_is_bounded_and_who_is_sent_away_comes_back_and_gets_in()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject { ["limit_sign_in_wait_seconds"] = 0.001 });
        await using SignedInPeer account = await stage.RegisterAsync();
        byte[] hello = RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Client = "storm", Token = account.Welcome.Token }.ToMap());
        long before = stage.Broker.Process.ResidentBytes;
        List<uint> named = [];
        int left = 900;
        for (int round = 0; left > 0 && round < 200; round++)
        {
            // All of them connect, then all say who they are.
            ScriptedPeer[] crowd = await Task.WhenAll(Enumerable.Range(0, left).Select(_ => stage.Broker.ConnectAsync()));
            await Task.WhenAll(crowd.Select(peer => peer.SendAsync(hello)));
            ReceivedFrame[] answers = await Task.WhenAll(crowd.Select(peer => peer.ReceiveAsync()));
            foreach (ReceivedFrame answer in answers)
            {
                if (answer.Type == FrameType.Close)
                {
                    Failure failure = answer.ToFailure();
                    Assert.That(((CloseCode)failure.Code, failure.RetryAfterMs is >= 500 and <= 60_000), Is.EqualTo((CloseCode.Overloaded, true)));
                    named.Add(failure.RetryAfterMs);
                }
                else
                {
                    Assert.That(answer.Type, Is.EqualTo(FrameType.Welcome));
                    left--;
                }
            }

            await stage.Witness.PublishAsync(stage.Room, "meanwhile"u8.ToArray());
            foreach (ScriptedPeer peer in crowd)
            {
                await peer.DisposeAsync();
            }
        }

        TestContext.Out.WriteLine($"{named.Count} were sent away");
        Assert.That(left, Is.Zero);
        Assert.That(named, Has.Count.GreaterThan(20), "there was no storm");
        Assert.That(named.Distinct().Count(), Is.GreaterThan(Math.Min(named.Count, 500) / 5), "each is told another moment");
        Assert.That(stage.Broker.Process.ResidentBytes - before, Is.LessThan(200L << 20));
        await stage.CheckAsync();
    }

    [Test]
    [Platform("Linux")]
    [Noted("connection_refused", "connections")]
    [Counted("fastchat.limited.connections")]
    public async Task Who_takes_all_descriptors_takes_none_of_the_stores()
    {
        await using AttackStage stage = await AttackStage.StartAsync(
            new JsonObject { ["login_deadline_seconds"] = 4 }, [.. BrokerProcess.ServeBehind("prlimit", "--nofile=640:640", "--")]);
        List<ScriptedPeer> crowd = [];
        int refused = 0;
        for (int i = 0; i < 800; i++)
        {
            try
            {
                crowd.Add(await stage.Broker.ConnectAsync());
            }
            catch (Exception full) when (full is SocketException or OperationCanceledException)
            {
                refused++;
            }

            if (i % 100 == 0)
            {
                await stage.Witness.PublishAsync(stage.Room, new byte[30_000], MessageKind.Opaque);
            }
        }

        // They are shown the door; then there is room again, and nothing but sign-in has ever opened it.
        foreach (ScriptedPeer peer in crowd)
        {
            await peer.DisposeAsync();
        }

        await using SignedInPeer newcomer = await UntilLetInAsync(stage);
        await using ScriptedPeer stranger = await stage.Broker.ConnectAsync();
        await stranger.SendAsync(FrameType.Publish, 1, Bodies.Publish(stage.Room, [1]));
        await BadInput.ExpectCloseAsync(stranger, CloseCode.OutOfState);
        await stage.CheckAsync();
        Assert.That(stage.Broker.Process.StandardError, Does.Not.Contain("store failed"));
    }

    [Test]
    [Noted("connection_refused", "address_passwords")]
    [Noted("sign_in_refused", "BadCredentials")]
    public async Task Passwords_tried_from_one_address_meet_pauses_and_other_addresses_do_not()
    {
        // Every 127.x.y.z is this machine, and none is trusted here.
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject
        {
            ["limit_trusted"] = new JsonArray(),
            ["limit_wrong_passwords"] = 5,
            ["limit_sign_ins_per_second"] = 20,
        });
        await using SignedInPeer victim = await stage.RegisterAsync();
        List<CloseCode> codes = [];
        for (int i = 0; i < 12; i++)
        {
            // One common password for many names, some of which exist: spraying has no account to lock.
            string name = i % 3 == 0 ? victim.Welcome.Name : $"nobody-{i}";
            Failure failure = await FailAsync(stage, IPAddress.Parse("127.0.0.9"), name, "Winter2026!");
            codes.Add((CloseCode)failure.Code);
            Assert.That(failure.RetryAfterMs, (CloseCode)failure.Code == CloseCode.RateLimited ? Is.InRange(1, 4100) : Is.Zero);
        }

        Assert.That(codes.Take(5), Is.All.EqualTo(CloseCode.BadCredentials));
        Assert.That(codes.Count(code => code == CloseCode.RateLimited), Is.GreaterThanOrEqualTo(4));
        Assert.That((CloseCode)(await FailAsync(stage, IPAddress.Parse("127.0.0.9"), victim.Welcome.Name, TestBroker.Password)).Code, Is.EqualTo(CloseCode.RateLimited), "not even the right one");

        // Who has a token comes in from there, and the victim from anywhere else with the password.
        await using ScriptedPeer withToken = await stage.ConnectFromAsync(IPAddress.Parse("127.0.0.9"));
        await withToken.SignInAsync(victim.Welcome.Token!);
        await using ScriptedPeer elsewhere = await stage.ConnectFromAsync(IPAddress.Parse("127.0.0.10"));
        await elsewhere.SignInAsync(victim.Welcome.Name, TestBroker.Password);
        await stage.CheckAsync();
    }

    [Test]
    [Noted("connection_refused", "address_connections")]
    [Noted("connection_refused", "address_connects")]
    public async Task One_address_has_so_many_connections_and_so_many_a_second()
    {
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject
        {
            ["limit_trusted"] = new JsonArray(),
            ["limit_connections_per_address"] = 20,
            ["limit_connects_per_second"] = 5,
        });
        IPAddress one = IPAddress.Parse("127.0.0.9");
        List<ScriptedPeer> held = [];
        for (int i = 0; i < 20; i++)
        {
            held.Add(await stage.ConnectFromAsync(one));
        }

        await using (ScriptedPeer more = await stage.ConnectFromAsync(one))
        {
            await BadInput.ExpectCloseAsync(more, CloseCode.TooManyConnections);
        }

        await using (SignedInPeer other = await stage.RegisterAsync())
        {
            await other.PingAsync();
        }

        foreach (ScriptedPeer peer in held)
        {
            await peer.DisposeAsync();
        }

        // Fifty at once, five a second; 21 have been.
        List<CloseCode> codes = [];
        for (int i = 0; i < 60; i++)
        {
            await using ScriptedPeer peer = await stage.ConnectFromAsync(one);
            await peer.SendAsync(FrameType.Close, 0, new byte[8]);
            if (await peer.ReceiveOrEndAsync() is { } close)
            {
                codes.Add((CloseCode)close.ToFailure().Code);
            }
        }

        Assert.That(codes.Count(code => code == CloseCode.RateLimited), Is.InRange(10, 40));
        await stage.CheckAsync();
    }

    [Test]
    [Noted("connection_refused", "address_connects")]
    public async Task A_flood_of_connections_costs_no_handshakes()
    {
        // Every 127.x.y.z is this machine, and none is trusted here: two a second, 20 at once.
        await using AttackStage stage = await AttackStage.StartAsync(new JsonObject { ["limit_trusted"] = new JsonArray(), ["limit_connects_per_second"] = 2 });
        int shaken = 0, cut = 0;
        for (int i = 0; i < 80; i++)
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.9"), 0));
            await socket.ConnectAsync(i % 2 == 0 ? stage.Broker.Process.TlsTcp! : IPEndPoint.Parse(stage.Broker.Process.TlsHttp!.Authority));
            try
            {
                await using SslStream stream = await stage.Certificate.ProtectAsync(new NetworkStream(socket), protocol: null);
                shaken++;
            }
            catch (Exception end) when (end is IOException or AuthenticationException)
            {
                cut++;
            }
        }

        Assert.That(shaken, Is.InRange(20, 60), "as many as it has, at both listeners together");
        Assert.That(cut, Is.EqualTo(80 - shaken));

        // Who shakes hands is not counted again behind that, and other addresses are not counted here.
        await using (SignedInPeer other = await stage.RegisterAsync())
        await using (SignedInPeer behind = await stage.SignInAsync(other, "tls"))
        {
            await behind.PingAsync();
        }

        await stage.CheckAsync();
    }

    /// <summary>The witness was silent for as long as the attacker: a broker with this heartbeat has ended it.</summary>
    private static async Task CheckAfterSilenceAsync(AttackStage stage)
    {
        Assert.That(await stage.Broker.GetHealthAsync(), Is.EqualTo(200));
        await stage.Events.CheckAsync();
        await using SignedInPeer after = await stage.RegisterAsync();
        await after.PublishAsync(stage.Room, "still here"u8.ToArray());
    }

    private static async Task<SignedInPeer> UntilLetInAsync(AttackStage stage)
    {
        Stopwatch time = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await stage.RegisterAsync();
            }
            catch (Exception notYet) when (notYet is ScriptException or SocketException or IOException && time.Elapsed < TimeSpan.FromSeconds(20))
            {
                await Task.Delay(200);
            }
        }
    }

    private static async Task<bool> HasEndedAsync(ScriptedPeer peer)
    {
        try
        {
            await peer.SendAsync(FrameType.Credit, 0, Bodies.Credit(1));
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static async Task<Failure> FailAsync(AttackStage stage, IPAddress from, string name, string password)
    {
        await using ScriptedPeer peer = await stage.ConnectFromAsync(from);
        await peer.SendAsync(FrameType.Hello, 0, new Hello { Client = "spray", Name = name, Password = password }.ToMap());
        return await peer.ReceiveCloseAsync();
    }
}
