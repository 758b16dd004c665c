using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

using FastChat.Client;

using static FastChat.Functional.Tests.ProofScript;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on passwords that are proven (tests/attacks.md, 47), against the real broker, by scripts, and by somebody in between.</summary>
public sealed class ScramAttackTests
{
    private AttackStage _stage = null!;

    private static IEnumerable<string> Doors => AttackStage.Doors;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await AttackStage.StartAsync(new JsonObject { ["passwords"] = "both", ["scram_iterations"] = Iterations });

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [TestCaseSource(nameof(Doors))]
    [Noted("signed_in", "scram")]
    public async Task At_every_door_a_password_is_proven_and_what_comes_behind_waits(string door)
    {
        string name = _stage.Broker.NewName();
        foreach (bool register in new[] { true, false })
        {
            foreach (ChannelBinding? binding in BindingsOf(door))
            {
                if (register && binding is not null)
                {
                    continue;
                }

                await using ScriptedPeer peer = await _stage.ConnectAsync(door);
                ScramClientExchange exchange = Exchange(name, TestBroker.Password, binding);
                (Proof proof, ScramServerFirst offered) = await BeginAsync(peer, exchange, register);
                Assert.That(offered.Offers!.Split(' '), Is.SupersetOf(new[] { "PLAIN", "SCRAM-SHA-256" }));
                Assert.That(offered.Has(ChannelBinding.ServerEndPoint), Is.EqualTo(door is "tls" or "wss"));

                // Proof, Ping and a request in one piece, as Hello may be followed by them.
                await peer.SendAsync((byte[])
                [
                    .. RawFrame.ToBytes(FrameType.Proof, 0, proof.ToMap()), .. RawFrame.ToBytes((byte)FrameType.Ping, 7, "behind it"u8), .. RawFrame.ToBytes(FrameType.ListConversations, 8, new ControlMap()),
                ]);
                Welcome welcome = Welcome.Parse((await peer.ReceiveAsync(FrameType.Welcome)).ToMap());
                Assert.That(exchange.IsRight(welcome.Scram), Is.True);
                Assert.That(welcome.Token, Is.Not.Null);
                await peer.ReceiveUntilAsync(frame => frame is { Type: FrameType.Pong, Request: 7 });
                await peer.ReceiveUntilAsync(frame => frame is { Type: FrameType.Reply, Request: 8 });
            }
        }
    }

    [TestCaseSource(nameof(Doors))]
    [Counted("fastchat.closed.MechanismRefused")]
    public async Task Channel_binding_that_was_taken_away_is_noticed_where_there_is_one(string door)
    {
        bool isBound = door is "tls" or "wss";
        string name = (await _stage.RegisterAsync()).Welcome.Name;
        await using ScriptedPeer stripped = await _stage.ConnectAsync(door);
        await stripped.SendAsync(FrameType.Hello, 0, new Hello { Scram = new ScramClientExchange(name, TestBroker.Password, null, wasRefused: true, Nonce()).First }.ToMap());
        ReceivedFrame answer = await stripped.ReceiveAsync();
        Assert.That(answer.Type, Is.EqualTo(isBound ? FrameType.Close : FrameType.Challenge));
        Assert.That(isBound ? (CloseCode)answer.ToFailure().Code : CloseCode.MechanismRefused, Is.EqualTo(CloseCode.MechanismRefused));

        await using ScriptedPeer foreign = await _stage.ConnectAsync(door);
        ScramClientExchange exchange = Exchange(name, TestBroker.Password, new ChannelBinding(ChannelBinding.ServerEndPoint, RandomNumberGenerator.GetBytes(32)));
        await foreign.SendAsync(FrameType.Hello, 0, new Hello { Scram = exchange.First }.ToMap());
        answer = await foreign.ReceiveAsync();
        if (!isBound)
        {
            Assert.That((CloseCode)answer.ToFailure().Code, Is.EqualTo(CloseCode.MechanismRefused), "there is nothing to bind to");
            return;
        }

        await foreign.SendAsync(FrameType.Proof, 0, exchange.Answer(Challenge.Parse(answer.ToMap()), out _)!.ToMap());
        Assert.That((CloseCode)(await foreign.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.BadCredentials), "the right password, on another certificate");
    }

    [Test]
    [Noted("sign_in_refused", "BadCredentials")]
    public async Task A_proof_is_good_for_one_challenge_of_one_connection()
    {
        string name = (await _stage.RegisterAsync()).Welcome.Name;
        await using ScriptedPeer victim = await _stage.Broker.ConnectAsync();
        ScramClientExchange exchange = Exchange(name, TestBroker.Password);
        (Proof proof, _) = await BeginAsync(victim, exchange);

        // Read on the way, and used elsewhere before the victim's arrives: with the same nonce of the client, too.
        await using ScriptedPeer thief = await _stage.Broker.ConnectAsync();
        await thief.SendAsync(FrameType.Hello, 0, new Hello { Scram = exchange.First }.ToMap());
        await thief.ReceiveAsync(FrameType.Challenge);
        await thief.SendAsync(FrameType.Proof, 0, proof.ToMap());
        Assert.That((CloseCode)(await thief.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.BadCredentials));

        await victim.SendAsync(FrameType.Proof, 0, proof.ToMap());
        await victim.ReceiveAsync(FrameType.Welcome);
        await victim.SendAsync(FrameType.Proof, 0, proof.ToMap());
        Assert.That((CloseCode)(await victim.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.OutOfState), "nor again on the same one");

        await using ScriptedPeer late = await _stage.Broker.ConnectAsync();
        await late.SendAsync(FrameType.Hello, 0, new Hello { Scram = exchange.First }.ToMap());
        await late.ReceiveAsync(FrameType.Challenge);
        await late.SendAsync(FrameType.Proof, 0, proof.ToMap());
        Assert.That((CloseCode)(await late.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.BadCredentials), "nor later");
    }

    [Test]
    [Noted("sign_in_refused", "BadCredentials")]
    [Noted("sign_in_refused", "MechanismRefused")]
    public async Task Whoever_ends_TLS_in_between_can_use_nothing_of_what_they_see()
    {
        string name = (await _stage.RegisterAsync()).Welcome.Name;
        await using Interceptor between = new(_stage.Broker.Process.TlsTcp!, _stage.Certificate);

        // Everything as it came: the proof is bound to the certificate that the client saw.
        ConnectionException error = await RefusedAsync(between, name);
        Assert.That(error.Code, Is.EqualTo(CloseCode.BadCredentials));

        // The broker is said to be unable to bind: the client says that it was told so, and the broker knows better.
        between.FromClient = async (frame, client) =>
        {
            if (frame.Type != FrameType.Hello || frame.ToMap().Text("scram", 1024)![0] != 'p')
            {
                return frame;
            }

            await client.SendAsync(FrameType.Close, 0, FailureBody(CloseCode.MechanismRefused));
            return null;
        };
        between.Seen.Clear();
        error = await RefusedAsync(between, name);
        Assert.That(error.Code, Is.EqualTo(CloseCode.MechanismRefused));
        Assert.That(between.Seen.Select(frame => frame.ToMap().Text("scram", 1024)![..2]), Is.EqualTo(new[] { "p=", "y," }));

        // And the flag is changed as well, so that the broker takes it: the offers give it away …
        Func<ReceivedFrame, ScriptedPeer, Task<ReceivedFrame?>> refuse = between.FromClient;
        between.FromClient = async (frame, client) => await refuse(frame, client) is { Type: FrameType.Hello } hello
            ? Interceptor.With(hello, "n" + hello.ToMap().Text("scram", 1024)![1..])
            : frame.Type == FrameType.Hello ? null : frame;
        error = await RefusedAsync(between, name);
        Assert.That((error.Code, error.Close.IsLocal), Is.EqualTo((CloseCode.MechanismRefused, true)));
        Assert.That(error.Message, Does.Contain("channel binding"));

        // … and without those in the challenge, what is signed is not what the broker said.
        between.FromBroker = static frame => frame.Type == FrameType.Challenge ? Interceptor.With(frame, Regex.Replace(frame.ToMap().Text("scram", 1024)!, " tls-[a-z-]+", string.Empty)) : frame;
        error = await RefusedAsync(between, name);
        Assert.That((error.Code, error.Close.IsLocal), Is.EqualTo((CloseCode.BadCredentials, false)));
        Assert.That(between.Seen.Select(frame => Encoding.UTF8.GetString(frame.Body)), Has.None.Contains(TestBroker.Password));
    }

    [TestCase("i=1", true)]
    [TestCase("i=99999", true)]
    [TestCase("i=5000001", true)]
    [TestCase("i=2147483647", true)]
    [TestCase("i=100001", false)]
    [Unseen("a client that does not answer leaves nothing to be noted")]
    public async Task Iterations_that_were_changed_on_the_way_are_not_hashed_or_sign_nothing(string changed, bool isRefusedByClient)
    {
        string name = (await _stage.RegisterAsync()).Welcome.Name;
        await using Interceptor between = new(_stage.Broker.Process.TlsTcp!, _stage.Certificate);
        between.FromBroker = frame => frame.Type == FrameType.Challenge ? Interceptor.With(frame, Regex.Replace(frame.ToMap().Text("scram", 1024)!, "i=[0-9]+", changed)) : frame;
        Stopwatch time = Stopwatch.StartNew();
        ConnectionException error = await RefusedAsync(between, name);
        Assert.That((error.Code, error.Close.IsLocal), Is.EqualTo(isRefusedByClient ? (CloseCode.MechanismRefused, true) : (CloseCode.BadCredentials, false)));
        Assert.That(between.Seen.Count(frame => frame.Type == FrameType.Proof), Is.EqualTo(isRefusedByClient ? 0 : 1));
        Assert.That(time.Elapsed, Is.LessThan(TimeSpan.FromSeconds(8)), "the client's processor is not burnt");
    }

    [Test]
    [Noted("password_changed", "scram")]
    public async Task The_client_library_binds_its_proof_at_every_door_with_TLS()
    {
        string name = (await _stage.RegisterAsync()).Welcome.Name;
        foreach (string address in new[] { $"tls://localhost:{_stage.Broker.Process.TlsTcp!.Port}", $"wss://localhost:{_stage.Broker.Process.TlsHttp!.Port}/ws" })
        {
            await using FastChatClient client = await FastChatClient.ConnectAsync(OptionsOf(address, _stage.Certificate.Trust, name));
            Assert.That(client.UserName, Is.EqualTo(name));
            await client.ChangePasswordAsync(TestBroker.Password, TestBroker.Password);
        }
    }

    private static IEnumerable<TestCaseData> Nonsense()
    {
        string nonce = new('n', 24);
        yield return new TestCaseData("nothing", "");
        yield return new TestCaseData("garbage", "\u0001\u0002,,,===");
        yield return new TestCaseData("cut short", "n,,n=witness,r");
        yield return new TestCaseData("no nonce", "n,,n=witness");
        yield return new TestCaseData("a nonce that is too short", "n,,n=witness,r=abc");
        yield return new TestCaseData("a nonce that is too long", "n,,n=witness,r=" + new string('n', 129));
        yield return new TestCaseData("a name with NUL", $"n,,n=a\0b,r={nonce}");
        yield return new TestCaseData("longer than a message may be", $"n,,n=witness,r={nonce},x=" + new string('x', 1024));
    }

    [TestCaseSource(nameof(Nonsense))]
    [Noted("protocol_violated", "BadFrame")]
    public Task A_first_message_that_is_none_is_refused(string what, string text) => RefusedAsync(what, text, CloseCode.BadFrame);

    [TestCase("the reserved extension", "n,,m=x,n=witness,r=fyko+d2lbbFgONRv9qkx")]
    [TestCase("for somebody else", "n,a=root,n=witness,r=fyko+d2lbbFgONRv9qkx")]
    [Noted("sign_in_refused", "MechanismRefused")]
    public Task A_first_message_that_demands_what_there_is_not_is_refused(string what, string text) => RefusedAsync(what, text, CloseCode.MechanismRefused);

    [TestCase("")]
    [TestCase("c=biws")]
    [TestCase("c=biws,r=NONCE,p=AAAA")]
    [TestCase("m=x,c=biws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [TestCase("c=biws,r=NONCE,m=x,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [Noted("protocol_violated", "BadFrame")]
    public Task A_proof_that_is_none_is_refused(string text) => ProofRefusedAsync(text, CloseCode.BadFrame);

    [TestCase("c=biws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [TestCase("c=eSws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [TestCase("c=biws,r=something-else,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [Noted("sign_in_refused", "BadCredentials")]
    public Task A_proof_that_is_wrong_is_refused(string text) => ProofRefusedAsync(text, CloseCode.BadCredentials);

    [Test]
    [Noted("protocol_violated", "OutOfState")]
    [Noted("protocol_violated", "BadFrame")]
    [Noted("protocol_violated", "FrameTooLarge")]
    public async Task Between_challenge_and_proof_nothing_else_is_taken()
    {
        foreach ((byte[] bytes, CloseCode code) in new (byte[], CloseCode)[]
        {
            (RawFrame.ToBytes((byte)FrameType.Ping, 0, default), CloseCode.OutOfState),
            (RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Token = "fc1_x" }.ToMap()), CloseCode.OutOfState),
            (RawFrame.ToBytes(FrameType.ListConversations, 1, new ControlMap()), CloseCode.OutOfState),
            (RawFrame.ToBytes(FrameType.Welcome, 0, new ControlMap()), CloseCode.OutOfState),
            (RawFrame.ToBytes((byte)FrameType.Proof, 0, [0x90]), CloseCode.BadFrame),
            (RawFrame.ToBytes(FrameType.Proof, 0, new ControlMap().Set("scram", 5)), CloseCode.BadFrame),
            (RawFrame.ToBytes(FrameType.Proof, 0, new ControlMap().Set("scram", "x").Set("stored_key", new byte[33])), CloseCode.BadFrame),
            ([.. BitConverter.GetBytes(ProtocolLimits.HelloSizeMax + 1).AsSpan(0, 3), (byte)FrameType.Proof, 0, 0, 0, 0], CloseCode.FrameTooLarge),
        })
        {
            await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
            await BeginAsync(peer, Exchange("witness", TestBroker.Password));
            await peer.SendAsync(bytes);
            Assert.That((CloseCode)(await peer.ReceiveCloseAsync()).Code, Is.EqualTo(code));
        }

        await using ScriptedPeer early = await _stage.Broker.ConnectAsync();
        ScramClientExchange exchange = Exchange("witness", TestBroker.Password);
        await early.SendAsync((byte[])[.. RawFrame.ToBytes(FrameType.Hello, 0, new Hello { Scram = exchange.First }.ToMap()), .. RawFrame.ToBytes((byte)FrameType.Ping, 1, default)]);
        await early.ReceiveAsync(FrameType.Challenge);
        Assert.That((CloseCode)(await early.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.OutOfState), "behind Hello comes the Proof");
    }

    [Test]
    [Noted("sign_in_refused", "BadCredentials")]
    public async Task Names_that_are_tried_tell_nothing_by_challenge_answer_or_time()
    {
        string known = (await _stage.RegisterAsync()).Welcome.Name;
        double[] times = new double[2];
        List<ScramServerFirst>[] challenges = [[], []];
        for (int round = 0; round < 20; round++)
        {
            for (int isKnown = 0; isKnown < 2; isKnown++)
            {
                await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
                ScramClientExchange exchange = Exchange(isKnown == 1 ? known : "nobody.at.all", "spring2026!");
                (Proof proof, ScramServerFirst offered) = await BeginAsync(peer, exchange);
                challenges[isKnown].Add(offered);
                long begun = Stopwatch.GetTimestamp();
                await peer.SendAsync(FrameType.Proof, 0, proof.ToMap());
                ReceivedFrame close = await peer.ReceiveAsync();
                times[isKnown] += Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
                Assert.That(((CloseCode)close.ToFailure().Code, close.ToFailure().Reason), Is.EqualTo((CloseCode.BadCredentials, "wrong name or password")));
            }
        }

        Assert.That(times[0] / times[1], Is.InRange(0.25, 4.0), "nobody's name takes as long as somebody's");
        foreach (List<ScramServerFirst> of in challenges)
        {
            Assert.That(of.Select(one => Convert.ToHexString(one.Salt)).Distinct().Count(), Is.EqualTo(1), "the same salt each time");
            Assert.That(of.Select(one => one.Nonce).Distinct().Count(), Is.EqualTo(20));
        }

        Assert.That(challenges[0].Concat(challenges[1]).Select(one => (one.Iterations, one.Salt.Length, one.Offers, one.Nonce.Length)).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    [Noted("password_changed", "scram")]
    [Noted("limit_reached", "ErasePerson")]
    public async Task On_a_connection_a_challenge_is_answered_once_and_guessing_has_its_budget()
    {
        await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        string name = _stage.Broker.NewName();
        SignedInPeer own = new(peer, await ProveAsync(peer, name, TestBroker.Password, register: true));
        await using ScriptedPeer otherPeer = await _stage.Broker.ConnectAsync();
        SignedInPeer other = new(otherPeer, await ProveAsync(otherPeer, name, TestBroker.Password));

        ScramClientExchange exchange = Exchange(name, TestBroker.Password, next: "battery staple");
        Proof proof = await ChallengedAsync(own, exchange, changes: true);
        Assert.That(ErrorOf(await other.AskAsync(FrameType.ChangePassword, proof.ToMap())), Is.EqualTo(ErrorCode.BadRequest), "another connection's");
        await ChallengedAsync(other, Exchange(name, TestBroker.Password, next: "x"), changes: true);
        Assert.That(ErrorOf(await other.AskAsync(FrameType.ChangePassword, proof.ToMap())), Is.EqualTo(ErrorCode.WrongCredentials), "to another challenge");
        Assert.That(ErrorOf(await other.AskAsync(FrameType.ErasePerson, proof.ToMap().Set("begin", true))), Is.EqualTo(ErrorCode.BadRequest), "that one is over");

        ReceivedFrame changed = await own.AskAsync(FrameType.ChangePassword, proof.ToMap());
        Assert.That(changed.Type, Is.EqualTo(FrameType.Reply), changed.ToString());
        Assert.That(exchange.IsRight(changed.ToMap().Text("scram", 1024)), Is.True);
        Assert.That((CloseCode)(await otherPeer.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.SignedOut));
        Assert.That(ErrorOf(await own.AskAsync(FrameType.ChangePassword, proof.ToMap())), Is.EqualTo(ErrorCode.BadRequest));

        ErrorCode last = default;
        for (int i = 0; i < 6; i++)
        {
            Proof guess = await ChallengedAsync(own, Exchange(name, $"guess number {i}"), changes: false);
            last = ErrorOf(await own.AskAsync(FrameType.ErasePerson, guess.ToMap().Set("begin", true)));
        }

        Assert.That(last, Is.EqualTo(ErrorCode.RateLimited));
        Assert.That(ErrorOf(await own.AskAsync(FrameType.BeginProof, new ControlMap().Set("scram", Exchange("witness", TestBroker.Password).First))), Is.EqualTo(ErrorCode.MechanismRefused), "about oneself only");
        Assert.That(ErrorOf(await own.AskAsync(FrameType.BeginProof, new ControlMap().Set("scram", "n,,n=x"))), Is.EqualTo(ErrorCode.BadRequest));
        Assert.That(ErrorOf(await own.AskAsync(FrameType.BeginProof, new ControlMap())), Is.EqualTo(ErrorCode.BadRequest));
    }

    private async Task RefusedAsync(string what, string text, CloseCode code)
    {
        foreach (bool register in new[] { false, true })
        {
            await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
            await peer.SendAsync(FrameType.Hello, 0, new Hello { Scram = text, Register = register }.ToMap());
            Assert.That((CloseCode)(await peer.ReceiveCloseAsync()).Code, Is.EqualTo(code), what);
        }
    }

    private async Task ProofRefusedAsync(string text, CloseCode code)
    {
        await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        (_, ScramServerFirst offered) = await BeginAsync(peer, Exchange("witness", TestBroker.Password));
        await peer.SendAsync(FrameType.Proof, 0, new ControlMap().Set("scram", text.Replace("NONCE", offered.Nonce, StringComparison.Ordinal)));
        Assert.That((CloseCode)(await peer.ReceiveCloseAsync()).Code, Is.EqualTo(code));
    }

    private static ErrorCode ErrorOf(ReceivedFrame answer) => (ErrorCode)answer.ToFailure().Code;

    private static ReadOnlyMemory<byte> FailureBody(CloseCode code)
    {
        byte[] body = new byte[Failure.FixedSize];
        BitConverter.TryWriteBytes(body, (ushort)code);
        return body;
    }

    private static async Task<Proof> ChallengedAsync(SignedInPeer peer, ScramClientExchange exchange, bool changes)
    {
        ReceivedFrame reply = await peer.AskAsync(FrameType.BeginProof, new ControlMap().Set("scram", exchange.First).Set("changes", changes ? true : null));
        Assert.That(reply.Type, Is.EqualTo(FrameType.Reply), reply.ToString());
        Challenge challenge = Challenge.Parse(reply.ToMap());
        Assert.That(challenge.Iterations is not null, Is.EqualTo(changes));
        return exchange.Answer(challenge, out _)!;
    }

    private static ClientOptions OptionsOf(string address, System.Security.Cryptography.X509Certificates.X509Certificate2Collection trust, string name) => new()
    {
        Endpoint = ClientEndpoint.Parse(address),
        Tls = new ClientTlsOptions { Authorities = trust },
        Name = name,
        Password = TestBroker.Password,
        PasswordMechanism = PasswordMechanism.Scram,
    };

    private static async Task<ConnectionException> RefusedAsync(Interceptor between, string name)
    {
        try
        {
            await using FastChatClient client = await FastChatClient.ConnectAsync(OptionsOf(between.Address, between.Trust, name));
        }
        catch (ConnectionException refused)
        {
            return refused;
        }

        throw new AssertionException("it signed in through somebody else's TLS");
    }

    private IEnumerable<ChannelBinding?> BindingsOf(string door)
    {
        yield return null;
        if (door is "tls" or "wss")
        {
            yield return _stage.Certificate.Binding;
        }
    }
}
