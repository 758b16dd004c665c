using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

using FastChat.Client;

namespace FastChat.Functional.Tests;

/// <summary>Attacks on signing in with what an identity provider, a key or a certificate vouches for (tests/attacks.md, 44), at the real process with an issuer that answers as the test wants.</summary>
public sealed class AssertionAttackTests
{
    private const string Issuer = "https://issuer.example/realms/chat";
    private const string Audience = "chat-broker";

    private AttackStage _stage = null!;
    private TestSigner _signer = null!;
    private KeyServer _server = null!;
    private int _lastSubject;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _signer = TestSigner.OfRsa("2026-01");
        _server = new KeyServer(TestSigner.SetOf(_signer));
        _stage = await AttackStage.StartAsync(new JsonObject { ["issuers"] = new JsonArray(IssuerOf(_server.Address.ToString())), ["service_audience"] = "this-broker" });
        await using SignedInPeer first = await SignInAsync(Claims());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _stage.DisposeAsync();
        await _server.DisposeAsync();
        _signer.Dispose();
    }

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [Test]
    [Noted("sign_in_refused", "AssertionRefused Algorithm")]
    [Noted("sign_in_refused", "AssertionRefused Signature")]
    [Counted("fastchat.assertions.refused")]
    public async Task What_the_issuer_did_not_sign_for_this_broker_lets_nobody_in()
    {
        using TestSigner attacker = TestSigner.OfRsa("2026-01");
        using TestSigner attackers = TestSigner.OfP256("attackers");
        await using KeyServer theirs = new(TestSigner.SetOf(attackers));
        JsonObject claims = Claims();
        string good = _signer.Sign(claims);
        string[] parts = good.Split('.');
        string body = parts[1];
        (string Name, string Token, CloseCode Code)[] forgeries =
        [
            ("alg none", $"{TestSigner.Encode("""{"alg":"none","typ":"JWT","kid":"2026-01"}""")}.{body}.", CloseCode.AssertionRefused),
            ("alg nOnE with a signature", $"{TestSigner.Encode("""{"alg":"nOnE","typ":"JWT","kid":"2026-01"}""")}.{body}.{parts[2]}", CloseCode.AssertionRefused),
            ("HMAC under the public key", _signer.SignWithPublicKeyAsSecret(claims), CloseCode.AssertionRefused),
            ("another algorithm of the same key", _signer.Sign(claims, header => header["alg"] = "RS512"), CloseCode.AssertionRefused),
            ("another's key under the issuer's name for it", attacker.Sign(claims), CloseCode.AssertionRefused),
            ("a foreign jku", attackers.Sign(claims, header => header["jku"] = theirs.Address.ToString()), CloseCode.AssertionRefused),
            ("a foreign jku under the issuer's kid", attacker.Sign(claims, header => header["jku"] = theirs.Address.ToString()), CloseCode.AssertionRefused),
            ("a foreign x5u", attacker.Sign(claims, header => header["x5u"] = theirs.Address.ToString()), CloseCode.AssertionRefused),
            ("a key in the header", attacker.Sign(claims, header => header["jwk"] = attacker.Jwk.DeepClone()), CloseCode.AssertionRefused),
            ("critical extensions", _signer.Sign(claims, header => header["crit"] = new JsonArray("exp")), CloseCode.AssertionRefused),
            ("another kind of token", _signer.Sign(claims, header => header["typ"] = "logout+jwt"), CloseCode.AssertionRefused),
            ("no kind of token", _signer.Sign(claims, header => header.Remove("typ")), CloseCode.AssertionRefused),
            ("changed claims", $"{parts[0]}.{TestSigner.Encode(Claims().ToJsonString())}.{parts[2]}", CloseCode.AssertionRefused),
            ("expired", _signer.Sign(Claims(claims => claims["exp"] = Now() - 1)), CloseCode.TokenExpired),
            ("expired long ago", _signer.Sign(Claims(claims => claims["exp"] = 1)), CloseCode.TokenExpired),
            ("not yet", _signer.Sign(Claims(claims => claims["nbf"] = Now() + 120)), CloseCode.AssertionRefused),
            ("issued tomorrow", _signer.Sign(Claims(claims => claims["iat"] = Now() + 86_400)), CloseCode.AssertionRefused),
            ("for another audience", _signer.Sign(Claims(claims => claims["aud"] = "another-app")), CloseCode.AssertionRefused),
            ("for nobody", _signer.Sign(Claims(claims => claims.Remove("aud"))), CloseCode.AssertionRefused),
            ("another issuer", _signer.Sign(Claims(claims => claims["iss"] = "https://issuer.example/realms/other")), CloseCode.AssertionRefused),
            ("the issuer with a slash behind", _signer.Sign(Claims(claims => claims["iss"] = Issuer + "/")), CloseCode.AssertionRefused),
            ("two subjects", _signer.Sign("""{"alg":"RS256","typ":"JWT","kid":"2026-01"}""", Claims().ToJsonString().Replace("{", """{"sub":"root",""", StringComparison.Ordinal)), CloseCode.AssertionRefused),
            ("encrypted", $"{TestSigner.Encode("""{"alg":"RSA-OAEP","enc":"A256GCM"}""")}.AA.AA.AA.AA", CloseCode.AssertionRefused),
            ("no token at all", "token", CloseCode.AssertionRefused),
            ("nothing", string.Empty, CloseCode.AssertionRefused),
            ("8 KiB", new string('x', 8000), CloseCode.BadFrame),
        ];
        foreach ((string name, string token, CloseCode code) in forgeries)
        {
            Assert.That(await RefusedAsync(new Hello { Assertion = token }), Is.EqualTo(code), name);
        }

        Assert.That(theirs.Requests, Is.Zero, "nobody is asked for keys whom the operator did not name");
        await using SignedInPeer honest = await SignInAsync(claims);
        Assert.That((honest.Welcome.Token, honest.Welcome.Refresh), Is.EqualTo(((string?)null, (string?)null)));
        Assert.That(honest.Welcome.TokenSeconds, Is.InRange(250ul, 300ul));
        foreach ((string name, string token, _) in forgeries.Where(forgery => forgery.Token.Length <= 7168))
        {
            ReceivedFrame answer = await honest.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("assertion", token));
            Assert.That((ErrorCode)answer.ToFailure().Code, Is.EqualTo(ErrorCode.WrongCredentials), name);
        }

        Assert.That((ErrorCode)(await honest.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("assertion", _signer.Sign(Claims())))).ToFailure().Code, Is.EqualTo(ErrorCode.WrongCredentials), "somebody else's");
    }

    [Test]
    [Noted("sign_in_refused", "AssertionRefused Key")]
    public async Task Made_up_key_names_do_not_make_the_broker_flood_the_issuer()
    {
        int before = _server.Requests;
        using TestSigner unknown = TestSigner.OfRsa("made-up");
        for (int i = 0; i < 50; i++)
        {
            string kid = $"made-up-{i}";
            Assert.That(await RefusedAsync(new Hello { Assertion = unknown.Sign(Claims(), header => header["kid"] = kid) }), Is.AnyOf(CloseCode.AssertionRefused, CloseCode.Overloaded));
        }

        Assert.That(_server.Requests - before, Is.LessThanOrEqualTo(1));
    }

    [Test]
    [Unseen("TOKEN_EXPIRED is the ordinary end of a connection")]
    public async Task A_connection_is_renewed_before_it_ends_and_ends_otherwise()
    {
        JsonObject claims = Claims(claims => claims["exp"] = Now() + 3);
        await using SignedInPeer quiet = await SignInAsync(claims);
        JsonObject others = Claims(claims => claims["exp"] = Now() + 3);
        await using SignedInPeer busy = await SignInAsync(others);
        others["exp"] = Now() + 60;
        ReceivedFrame renewed = await busy.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("assertion", _signer.Sign(others)));
        Assert.That(renewed.ToMap().Number("token_seconds", 0), Is.InRange(50ul, 60ul));
        Failure closed = await quiet.Peer.ReceiveCloseAsync();
        Assert.That((CloseCode)closed.Code, Is.EqualTo(CloseCode.TokenExpired));
        await busy.PingAsync();
    }

    [Test]
    [Noted("devices_ended", "one")]
    [Noted("sign_in_refused", "AssertionRefused Ended")]
    public async Task Who_is_signed_out_does_not_come_back_with_the_same_assertion()
    {
        JsonObject claims = Claims();
        string token = _signer.Sign(claims);
        await using SignedInPeer one = await SignInAsync(claims);
        await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        SignedInPeer two = new(peer, await peer.SignInAsync(new Hello { Client = "scripted", Assertion = token }));
        Assert.That(two.Welcome.Device, Is.Not.EqualTo(one.Welcome.Device));
        ControlMap devices = (await one.AskAsync(FrameType.ListDevices, new ControlMap())).ToMap();
        Assert.That(devices.Maps("devices")!.Select(device => device!.Text("signed_in", 64)), Is.All.EqualTo("external"));
        await one.AskAsync(FrameType.EndDevices, new ControlMap().Set("device", two.Welcome.Device.Value));
        Assert.That((CloseCode)(await two.Peer.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.SignedOut));
        Assert.That(await RefusedAsync(new Hello { Assertion = token }), Is.EqualTo(CloseCode.AssertionRefused));
        Assert.That(await RefusedAsync(new Hello { Assertion = token, Device = two.Welcome.Device }), Is.EqualTo(CloseCode.AssertionRefused));
        await one.PingAsync();
        await Task.Delay(TimeSpan.FromSeconds(1.1));
        claims["iat"] = Now();
        await using SignedInPeer back = await SignInAsync(claims);
        Assert.That(back.Welcome.User, Is.EqualTo(one.Welcome.User));
    }

    [Test]
    [Noted("sign_in_refused", "AssertionRefused Replayed")]
    [Noted("service_keys_changed")]
    public async Task A_service_signs_in_once_with_each_assertion_and_its_keys_are_changed()
    {
        await using SignedInPeer root = await _stage.Broker.SignInAsync(_stage.Broker.ReadOperatorToken());
        using TestSigner old = TestSigner.OfEd25519();
        using TestSigner next = TestSigner.OfP256();
        ControlMap made = (await root.AskAsync(FrameType.CreateService, new ControlMap().Set("name", "robot").Set("rights", new List<object?> { "publish", "read" }).Set("key", old.PublicPem))).ToMap();
        Assert.That(made["token"], Is.Null);
        string first = old.Sign(OwnClaims("robot"));
        await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        SignedInPeer robot = new(peer, await peer.SignInAsync(new Hello { Client = "scripted", Assertion = first }));
        Assert.That(await RefusedAsync(new Hello { Assertion = first }), Is.EqualTo(CloseCode.AssertionRefused), "a stolen one");
        Assert.That((ErrorCode)(await robot.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("assertion", first))).ToFailure().Code, Is.EqualTo(ErrorCode.WrongCredentials));
        Assert.That((await robot.AskAsync(FrameType.Reauthenticate, new ControlMap().Set("assertion", old.Sign(OwnClaims("robot"))))).Type, Is.EqualTo(FrameType.Reply));
        Assert.That(await RefusedAsync(new Hello { Assertion = old.Sign(OwnClaims("robot", claims => claims["aud"] = "another-broker")) }), Is.EqualTo(CloseCode.AssertionRefused));
        Assert.That(await RefusedAsync(new Hello { Assertion = old.Sign(OwnClaims("robot", claims => claims["exp"] = Now() + 400)) }), Is.EqualTo(CloseCode.AssertionRefused));
        Assert.That(await RefusedAsync(new Hello { Assertion = old.Sign(OwnClaims("witness")) }), Is.EqualTo(CloseCode.AssertionRefused), "people have no keys");
        Assert.That(await RefusedAsync(new Hello { Certificate = true, Name = "robot" }), Is.EqualTo(CloseCode.BadCredentials));

        ControlMap keys = (await root.AskAsync(FrameType.ChangeServiceKeys, new ControlMap().SetId("user", made.Id("user")).Set("add", next.Jwk.ToJsonString()))).ToMap();
        Assert.That(keys.Texts("keys", 64), Has.Length.EqualTo(2));
        await root.AskAsync(FrameType.ChangeServiceKeys, new ControlMap().SetId("user", made.Id("user")).Set("remove", made.Text("key", 64)));
        Assert.That((CloseCode)(await robot.Peer.ReceiveCloseAsync()).Code, Is.EqualTo(CloseCode.TokenExpired));
        Assert.That(await RefusedAsync(new Hello { Assertion = old.Sign(OwnClaims("robot")) }), Is.EqualTo(CloseCode.AssertionRefused));
        await using ScriptedPeer again = await _stage.Broker.ConnectAsync();
        Welcome welcome = await again.SignInAsync(new Hello { Client = "scripted", Assertion = next.Sign(OwnClaims("robot")), Device = robot.Welcome.Device });
        Assert.That((welcome.User, welcome.Device), Is.EqualTo((robot.Welcome.User, robot.Welcome.Device)));
    }

    [Test]
    [Unseen("nobody attacks")]
    public async Task The_client_library_gets_newer_assertions_without_a_gap()
    {
        string subject = NewSubject();
        int asked = 0, connections = 0;
        ClientOptions options = new()
        {
            Endpoint = ClientEndpoint.Parse(_stage.Broker.Process.Tcp.ToString()),
            Assertion = _ =>
            {
                asked++;
                return ValueTask.FromResult(_signer.Sign(Claims(claims => (claims["sub"], claims["exp"]) = (subject, Now() + 3))));
            },
        };
        await using (FastChatClient client = await FastChatClient.ConnectAsync(options, state => connections += state.Phase == ConnectionPhase.Connected ? 1 : 0))
        {
            Stopwatch time = Stopwatch.StartNew();
            ConversationId room = (await client.ResolveConversationAsync(_stage.Broker.NewName("room"), create: true)).Conversation;
            while (time.Elapsed < TimeSpan.FromSeconds(8))
            {
                await client.PublishTextAsync(room, "still here");
                await Task.Delay(200);
            }
        }

        Assert.That(connections, Is.EqualTo(1));
        Assert.That(asked, Is.GreaterThan(2));
    }

    [Test]
    [Unseen("it has a broker of its own")]
    public async Task Forged_assertions_meet_pauses_as_wrong_passwords_do()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["limit_trusted"] = new JsonArray(), ["limit_wrong_passwords"] = 5, ["issuers"] = new JsonArray(IssuerOf(_server.Address.ToString())) });
        using TestSigner attacker = TestSigner.OfRsa("2026-01");
        List<CloseCode> codes = [];
        for (int i = 0; i < 40; i++)
        {
            await using ScriptedPeer peer = await broker.ConnectAsync();
            await peer.SendAsync(FrameType.Hello, 0, new Hello { Assertion = attacker.Sign(Claims()) }.ToMap());
            ReceivedFrame close = await peer.ReceiveAsync();
            codes.Add((CloseCode)close.ToFailure().Code);
        }

        // The first ones may come before the keys do.
        Assert.That(codes[^1], Is.EqualTo(CloseCode.RateLimited));
        Assert.That(codes.Count(code => code == CloseCode.AssertionRefused), Is.LessThan(12));
    }

    [Test]
    [Unseen("nobody attacks")]
    public async Task Where_the_issuer_cannot_be_reached_the_broker_starts_and_says_come_again()
    {
        await using KeyServer server = new("not yet");
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject { ["issuers"] = new JsonArray(IssuerOf(server.Address.ToString())) });
        await using (ScriptedPeer early = await broker.ConnectAsync())
        {
            await early.SendAsync(FrameType.Hello, 0, new Hello { Assertion = _signer.Sign(Claims()) }.ToMap());
            Failure close = (await early.ReceiveAsync()).ToFailure();
            Assert.That(((CloseCode)close.Code, close.RetryAfterMs), Is.EqualTo((CloseCode.Overloaded, 2000u)));
        }

        server.Answer = KeyServer.Ok(TestSigner.SetOf(_signer));
        await using FastChatClient client = await FastChatClient.ConnectAsync(new ClientOptions
        {
            Endpoint = ClientEndpoint.Parse(broker.Process.Tcp.ToString()),
            Assertion = _ => ValueTask.FromResult(_signer.Sign(Claims())),
            Reconnect = new ReconnectPolicy { RetryFirstConnect = true },
        });
        Assert.That(client.UserName, Does.StartWith("person"));
        await broker.StopAndVerifyAsync();
    }

    [Test]
    [Unseen("nobody attacks")]
    public async Task The_command_line_signs_in_with_a_file_and_an_operator_gives_keys()
    {
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject());
        string home = broker.Directory.PathOf("home");
        string server = broker.Process.Tcp.ToString();
        using TestSigner key = TestSigner.OfP256();
        await File.WriteAllTextAsync(broker.Directory.PathOf("key.pem"), key.PublicPem);
        CliResult made = await CliProcess.RunAsync(home, "admin", "service", "create", "feed", "--right", "publish", "--right", "read", "--key", broker.Directory.PathOf("key.pem"), "--data", broker.Process.DataDirectory, "--server", server);
        Assert.That(made.ExitCode, Is.Zero, made.ToString());
        Assert.That(made.Last.GetProperty("key").GetString(), Has.Length.EqualTo(43));
        await using FastChatClient owner = await broker.ClientAsync("owner");
        await owner.ResolveConversationAsync("room", create: true);
        string assertion = broker.Directory.PathOf("assertion.jwt");
        await File.WriteAllTextAsync(assertion, key.Sign(OwnClaims("feed", claims => claims["aud"] = "fastchat")) + "\n");
        CliResult sent = await CliProcess.RunAsync(home, "send", "#room", "hello", "--assertion-file", assertion, "--server", server);
        Assert.That(sent.ExitCode, Is.Zero, sent.ToString());
        CliResult again = await CliProcess.RunAsync(home, "send", "#room", "hello", "--assertion-file", assertion, "--server", server);
        Assert.That(again.ExitCode, Is.Not.Zero);
        Assert.That(again.ToString(), Does.Contain("used before"));
        CliResult keys = await CliProcess.RunAsync(home, "admin", "service", "keys", "feed", "--remove", made.Last.GetProperty("key").GetString()!, "--data", broker.Process.DataDirectory, "--server", server);
        Assert.That(keys.ExitCode, Is.Not.Zero, "the only way in");
        CliResult list = await CliProcess.RunAsync(home, "admin", "service", "list", "--data", broker.Process.DataDirectory, "--server", server);
        Assert.That(list.Last.GetProperty("keys").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    [Unseen("it has a broker of its own")]
    public async Task A_certificate_signs_in_the_service_that_has_its_name_and_nobody_else()
    {
        using TestAuthority authority = new();
        using X509Certificate2 server = authority.IssueServer();
        using TemporaryDirectory files = new("certificates");
        (string certificate, string key) = TestAuthority.Write(server, files.Path);
        string trusted = files.PathOf("ca.pem");
        await File.WriteAllTextAsync(trusted, authority.Certificate.ExportCertificatePem());
        await using TestBroker broker = await TestBroker.StartAsync(new JsonObject
        {
            ["tls_certificate"] = certificate,
            ["tls_key"] = key,
            ["tls_client_ca"] = trusted,
            ["tls_client_certificates"] = "accepted",
            ["listen_plain"] = "127.0.0.1:0",
            ["http_plain"] = "127.0.0.1:0",
        });
        await using (SignedInPeer root = await broker.SignInAsync(broker.ReadOperatorToken()))
        {
            ReceivedFrame made = await root.AskAsync(FrameType.CreateService, new ControlMap().Set("name", "bridge").Set("rights", new List<object?> { "publish" }).Set("certificate", "dns:bridge.example"));
            Assert.That(made.Type, Is.EqualTo(FrameType.Reply), made.ToString());
            await root.AskAsync(FrameType.CreateService, new ControlMap().Set("name", "clerk").Set("rights", new List<object?> { "publish" }).Set("certificate", "uri:spiffe://example.org/clerk"));
        }

        foreach ((string[]? dns, string? uri, string name, bool isGood) in new (string[]?, string?, string, bool)[]
        {
            (["bridge.example"], null, "bridge", true), (["bridge.example"], null, "Bridge", true), (null, "spiffe://example.org/clerk", "clerk", true),
            (["bridge.example"], null, "clerk", false), (["x.bridge.example"], null, "bridge", false), (["bridge.example.org"], null, "bridge", false), (["*.example"], null, "bridge", false),
            (null, null, "bridge", false),
        })
        {
            using X509Certificate2 shown = authority.IssueClient("CN=bridge.example", dns, uri);
            ClientOptions options = new()
            {
                Endpoint = ClientEndpoint.Parse("tls://" + broker.Process.TlsTcp),
                Tls = new ClientTlsOptions { Authorities = authority.Trust, Certificate = shown },
                Name = name,
                UsesCertificate = true,
            };
            if (isGood)
            {
                await using FastChatClient client = await FastChatClient.ConnectAsync(options);
                Assert.That(client.UserName, Is.EqualTo(name.ToLowerInvariant()));
            }
            else
            {
                ConnectionException refused = (await Assert.ThrowsAsync<ConnectionException>(() => FastChatClient.ConnectAsync(options)))!;
                Assert.That(refused.Code, Is.EqualTo(CloseCode.BadCredentials));
            }
        }
    }

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    private static JsonObject IssuerOf(string keys) => new() { ["issuer"] = Issuer, ["audience"] = Audience, ["keys"] = keys, ["register"] = true };

    private string NewSubject() => $"subject-{Interlocked.Increment(ref _lastSubject)}";

    private JsonObject Claims(Action<JsonObject>? change = null)
    {
        string subject = NewSubject();
        JsonObject claims = new() { ["iss"] = Issuer, ["sub"] = subject, ["aud"] = Audience, ["iat"] = Now(), ["exp"] = Now() + 300, ["preferred_username"] = "person" };
        change?.Invoke(claims);
        return claims;
    }

    private JsonObject OwnClaims(string name, Action<JsonObject>? change = null)
    {
        JsonObject claims = new() { ["iss"] = name, ["sub"] = name, ["aud"] = "this-broker", ["iat"] = Now(), ["exp"] = Now() + 120, ["jti"] = NewSubject() };
        change?.Invoke(claims);
        return claims;
    }

    /// <summary>Signs in; waits for the issuer's keys, which are fetched behind the start.</summary>
    private async Task<SignedInPeer> SignInAsync(JsonObject claims)
    {
        for (int attempt = 0; ; attempt++)
        {
            ScriptedPeer peer = await _stage.Broker.ConnectAsync();
            await peer.SendAsync(FrameType.Hello, 0, new Hello { Client = "scripted", Assertion = _signer.Sign(claims) }.ToMap());
            ReceivedFrame answer = await peer.ReceiveAsync();
            if (answer.Type == FrameType.Welcome)
            {
                return new SignedInPeer(peer, Welcome.Parse(answer.ToMap()));
            }

            await peer.DisposeAsync();
            Assert.That(attempt, Is.LessThan(50), answer.ToString());
            await Task.Delay(100);
        }
    }

    private async Task<CloseCode> RefusedAsync(Hello hello)
    {
        await using ScriptedPeer peer = await _stage.Broker.ConnectAsync();
        await peer.SendAsync(FrameType.Hello, 0, hello.ToMap());
        return (CloseCode)(await peer.ReceiveAsync()).ToFailure().Code;
    }
}
