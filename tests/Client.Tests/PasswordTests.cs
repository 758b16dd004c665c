using System.Text;

namespace FastChat.Client.Tests;

/// <summary>How the client shows a password, and to whom it does not: brokers that take proofs, that do not, and others who pretend to be one.</summary>
[CancelAfter(120_000)]
internal sealed class PasswordTests
{
    private const string Password = "correct horse";
    private const int Iterations = ProtocolLimits.ScramIterationsMin;
    private static readonly byte[] s_salt = new byte[16];
    private static readonly ScramKeys s_keys = ScramKeys.Derive(Password, s_salt, Iterations);

    [Test]
    public async Task A_password_is_proven_and_the_token_of_Welcome_takes_its_place()
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(OptionsOf(broker) with { Device = new DeviceId(3) });
        Peer peer = await broker.AcceptAsync();
        SentFrame sent = await peer.ReadAsync(FrameType.Hello);
        Hello hello = Hello.Parse(sent.Map);
        Assert.That((hello.Name, hello.Password, hello.Device), Is.EqualTo(((string?)null, (string?)null, new DeviceId(3))));
        Assert.That(hello.Scram, Does.StartWith("n,,n=ada,r="));
        (string authMessage, SentFrame proof) = await ChallengeAsync(peer, hello, "PLAIN SCRAM-SHA-256");
        Assert.That(Encoding.Latin1.GetString([.. sent.Body, .. proof.Body]), Does.Not.Contain(Password));
        await WelcomeAsync(peer, ScramKeys.Sign(s_keys.ServerKey, authMessage));
        await using FastChatClient client = await connecting.Within();
        await peer.BreakAsync();
        Peer second = await broker.AcceptAsync();
        Assert.That((await second.WelcomeAsync()).Token, Is.EqualTo("fresh"));
    }

    [Test]
    public async Task An_account_is_made_with_keys_and_a_stronger_verifier_when_one_is_wanted()
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(OptionsOf(broker) with { Register = true });
        Peer peer = await broker.AcceptAsync();
        Hello hello = Hello.Parse((await peer.ReadAsync(FrameType.Hello)).Map);
        Assert.That(hello.Register, Is.True);
        (string authMessage, SentFrame sent) = await ChallengeAsync(peer, hello, "SCRAM-SHA-256", Iterations + 10);
        Proof proof = Proof.Parse(sent.Map);
        ScramKeys stronger = ScramKeys.Derive(Password, s_salt, Iterations + 10);
        Assert.That(proof.StoredKey.ToArray(), Is.EqualTo(stronger.StoredKey));
        Assert.That(proof.ServerKey.ToArray(), Is.EqualTo(stronger.ServerKey));
        await WelcomeAsync(peer, ScramKeys.Sign(s_keys.ServerKey, authMessage));
        await using FastChatClient client = await connecting.Within();
    }

    [TestCase(CloseCode.MechanismRefused)]
    [TestCase(CloseCode.BadCredentials)]
    public async Task A_broker_that_takes_no_proofs_or_does_not_know_them_is_shown_the_password_on_this_machine(CloseCode refusal)
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(OptionsOf(broker) with { Register = true });
        Peer first = await broker.AcceptAsync();
        Assert.That(Hello.Parse((await first.ReadAsync(FrameType.Hello)).Map).Password, Is.Null);
        await first.CloseAsync(refusal);
        Peer second = await broker.AcceptAsync();
        Hello shown = await second.WelcomeAsync(Welcomes.Plain with { Token = "fresh" });
        await using FastChatClient client = await connecting.Within();
        Assert.That((shown.Name, shown.Password, shown.Register, shown.Scram), Is.EqualTo(("ada", Password, true, (string?)null)));
        Assert.That(broker.Connections, Is.EqualTo(2));
    }

    [TestCase("10.1.2.3:7400", PasswordMechanism.PreferScram, false)]
    [TestCase("chat.example:7400", PasswordMechanism.PreferScram, false)]
    [TestCase("ws://chat.example/ws", PasswordMechanism.PreferScram, false)]
    [TestCase("10.1.2.3:7400", PasswordMechanism.Plain, true)]
    [TestCase("tls://chat.example:7400", PasswordMechanism.PreferScram, true)]
    [TestCase("wss://chat.example/ws", PasswordMechanism.PreferScram, true)]
    [TestCase("unix:/run/fastchat.sock", PasswordMechanism.PreferScram, true)]
    [TestCase("localhost:7400", PasswordMechanism.PreferScram, true)]
    [TestCase("127.8.0.1:7400", PasswordMechanism.PreferScram, true)]
    [TestCase("[::1]:7400", PasswordMechanism.PreferScram, true)]
    [TestCase("ws://[::1]:7480/ws", PasswordMechanism.PreferScram, true)]
    [TestCase("tls://chat.example:7400", PasswordMechanism.Scram, false)]
    [TestCase("127.0.0.1:7400", PasswordMechanism.Scram, false)]
    public async Task Whether_a_password_is_shown_depends_on_who_could_listen_and_on_its_user(string endpoint, PasswordMechanism mechanism, bool isShown)
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(OptionsOf(broker) with { Endpoint = ClientEndpoint.Parse(endpoint), PasswordMechanism = mechanism });
        Peer peer = await broker.AcceptAsync();
        Hello hello = Hello.Parse((await peer.ReadAsync(FrameType.Hello)).Map);
        if (hello.Scram is not null)
        {
            await peer.CloseAsync(CloseCode.MechanismRefused);
        }

        if (isShown)
        {
            Peer last = peer;
            if (hello.Password is null)
            {
                last = await broker.AcceptAsync();
                hello = Hello.Parse((await last.ReadAsync(FrameType.Hello)).Map);
            }

            Assert.That(hello.Password, Is.EqualTo(Password));
            await WelcomeAsync(last, null);
            await using FastChatClient client = await connecting.Within();
            return;
        }

        ConnectionException error = await connecting.Fails<ConnectionException>();
        Assert.That((error.Code, broker.Connections), Is.EqualTo((CloseCode.MechanismRefused, 1)));
        Assert.That(error.Message, Does.Contain("takes no proof"));
    }

    [TestCase("PLAIN SCRAM-SHA-256", true)]
    [TestCase("SCRAM-SHA-256", false)]
    public async Task A_proof_that_is_wrong_is_followed_by_the_password_only_where_the_broker_takes_it(string offers, bool isShown)
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(OptionsOf(broker));
        Peer peer = await broker.AcceptAsync();
        Hello hello = Hello.Parse((await peer.ReadAsync(FrameType.Hello)).Map);
        await ChallengeAsync(peer, hello, offers);
        await peer.CloseAsync(CloseCode.BadCredentials);
        if (isShown)
        {
            Peer second = await broker.AcceptAsync();
            Assert.That(Hello.Parse((await second.ReadAsync(FrameType.Hello)).Map).Password, Is.EqualTo(Password));
            await second.CloseAsync(CloseCode.BadCredentials);
        }

        Assert.That((await connecting.Fails<ConnectionException>()).Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That(broker.Connections, Is.EqualTo(isShown ? 2 : 1));
    }

    private static IEnumerable<TestCaseData> Impostors()
    {
        yield return new TestCaseData("Welcome without a Challenge");
        yield return new TestCaseData("no signature");
        yield return new TestCaseData("a wrong signature");
        yield return new TestCaseData("the client's own proof back");
        yield return new TestCaseData("one iteration");
        yield return new TestCaseData("too many iterations");
        yield return new TestCaseData("keys for one iteration");
        yield return new TestCaseData("another nonce");
        yield return new TestCaseData("the client's nonce alone");
        yield return new TestCaseData("an extension that must be understood");
        yield return new TestCaseData("garbage");
        yield return new TestCaseData("a text that is too long");
        yield return new TestCaseData("two challenges");
        yield return new TestCaseData("a frame that does not belong here");
    }

    [TestCaseSource(nameof(Impostors))]
    public async Task Whoever_pretends_to_be_the_broker_gets_no_further_and_no_password(string what)
    {
        ScriptedBroker broker = new();

        CloseCode expected = what switch
        {
            "a text that is too long" => CloseCode.BadFrame,
            "two challenges" or "a frame that does not belong here" => CloseCode.OutOfState,
            _ => CloseCode.MechanismRefused,
        };

        // Over TLS, where the password could be shown, and with more attempts allowed: whoever is found out gets neither.
        ClientOptions options = OptionsOf(broker) with { Endpoint = ClientEndpoint.Parse("tls://chat.example:7400") };
        bool isFinal = expected == CloseCode.MechanismRefused;
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(options with { Reconnect = options.Reconnect with { RetryFirstConnect = isFinal } });
        Peer peer = await broker.AcceptAsync();
        Hello hello = Hello.Parse((await peer.ReadAsync(FrameType.Hello)).Map);
        Assert.That(ScramClientFirst.TryParse(hello.Scram!, out ScramClientFirst? first, out _), Is.True);
        string good = $"r={first!.Nonce}0123456789abcdef,s={Convert.ToBase64String(s_salt)},i={Iterations}";
        switch (what)
        {
            case "Welcome without a Challenge":
                await WelcomeAsync(peer, null);
                break;
            case "no signature" or "a wrong signature" or "the client's own proof back":
                (_, SentFrame proof) = await ChallengeAsync(peer, hello, "SCRAM-SHA-256");
                _ = ScramClientFinal.TryParse(Proof.Parse(proof.Map).Scram!, out ScramClientFinal? final);
                await WelcomeAsync(peer, what == "no signature" ? null : what == "a wrong signature" ? new byte[32] : final!.Proof);
                break;
            case "one iteration":
                await ChallengeAsync(peer, good.Replace($"i={Iterations}", "i=1", StringComparison.Ordinal));
                break;
            case "too many iterations":
                await ChallengeAsync(peer, good.Replace($"i={Iterations}", "i=2000000000", StringComparison.Ordinal));
                break;
            case "keys for one iteration":
                await ChallengeAsync(peer, good, 1);
                break;
            case "another nonce":
                await ChallengeAsync(peer, good.Replace("r=", "r=x", StringComparison.Ordinal));
                break;
            case "the client's nonce alone":
                await ChallengeAsync(peer, good.Replace("0123456789abcdef", string.Empty, StringComparison.Ordinal));
                break;
            case "an extension that must be understood":
                await ChallengeAsync(peer, "m=x," + good);
                break;
            case "garbage":
                await ChallengeAsync(peer, "\u0001\u0002");
                break;
            case "a text that is too long":
                await ChallengeAsync(peer, good + ",x=" + new string('y', 1024));
                break;
            case "two challenges":
                await ChallengeAsync(peer, hello, "SCRAM-SHA-256");
                await ChallengeAsync(peer, good);
                break;
            default:
                await peer.PublishedAsync(1, 1);
                break;
        }

        ConnectionException error = await connecting.Fails<ConnectionException>();
        Assert.That(error.Code, Is.EqualTo(expected), error.Message);
        Assert.That(broker.Connections, Is.EqualTo(1), "nobody is asked twice who could not prove it");
    }

    [Test]
    public async Task Another_password_is_proven_and_given_as_keys()
    {
        (FastChatClient signedIn, Peer peer) = await SignedInAsync();
        await using FastChatClient client = signedIn;
        Task<ulong> changing = client.ChangePasswordAsync(Password, "battery staple");
        SentFrame begin = await peer.ReadAsync(FrameType.BeginProof);
        Assert.That(begin.Map.Flag("changes"), Is.True);
        (string serverFirst, string bare) = ServerFirst(begin.Map.Text("scram", 1024)!, "SCRAM-SHA-256");
        await peer.ReplyAsync(begin.Request, new Challenge { Scram = serverFirst, Iterations = Iterations }.ToMap());
        SentFrame change = await peer.ReadAsync(FrameType.ChangePassword);
        Proof proof = Proof.Parse(change.Map);
        Assert.That(proof.StoredKey.ToArray(), Is.EqualTo(ScramKeys.Derive("battery staple", s_salt, Iterations).StoredKey));
        Assert.That((change.Map.Text("password", 1024), change.Map.Text("new", 1024)), Is.EqualTo(((string?)null, (string?)null)));
        Assert.That(ScramClientFinal.TryParse(proof.Scram!, out ScramClientFinal? final), Is.True);
        string authMessage = $"{bare},{serverFirst},{final!.WithoutProof}";
        Assert.That(ScramKeys.IsProof(s_keys.StoredKey, authMessage, final.Proof), Is.True);
        await peer.ReplyAsync(change.Request, new TokenPair("newer", null, null).ToMap().Set("ended", 2).Set("scram", ScramServerFinal.Format(ScramKeys.Sign(s_keys.ServerKey, authMessage))));
        Assert.That(await changing.Within(), Is.EqualTo(2));
        Assert.That(client.Token, Is.EqualTo("newer"));
    }

    [Test]
    public async Task A_change_that_the_broker_does_not_sign_is_none()
    {
        (FastChatClient signedIn, Peer peer) = await SignedInAsync();
        await using FastChatClient client = signedIn;
        Task<ulong> changing = client.ChangePasswordAsync(Password, "battery staple");
        SentFrame begin = await peer.ReadAsync(FrameType.BeginProof);
        await peer.ReplyAsync(begin.Request, new Challenge { Scram = ServerFirst(begin.Map.Text("scram", 1024)!, "SCRAM-SHA-256").Text, Iterations = Iterations }.ToMap());
        SentFrame change = await peer.ReadAsync(FrameType.ChangePassword);
        await peer.ReplyAsync(change.Request, new TokenPair("newer", null, null).ToMap().Set("ended", 2));
        Assert.That((await changing.Fails<RequestException>()).Code, Is.EqualTo(ErrorCode.MechanismRefused));
        Assert.That(client.Token, Is.EqualTo("fresh"));
    }

    [TestCase(ErrorCode.MechanismRefused, PasswordMechanism.PreferScram, true)]
    [TestCase(ErrorCode.Unsupported, PasswordMechanism.PreferScram, true)]
    [TestCase(ErrorCode.MechanismRefused, PasswordMechanism.Scram, false)]
    [TestCase(ErrorCode.RateLimited, PasswordMechanism.PreferScram, false)]
    public async Task Where_nothing_can_be_proven_the_password_is_shown_or_not(ErrorCode error, PasswordMechanism mechanism, bool isShown)
    {
        (FastChatClient signedIn, Peer peer) = await SignedInAsync(mechanism);
        await using FastChatClient client = signedIn;
        Task<ErasureStatus> erasing = client.EraseAccountAsync(Password);
        SentFrame begin = await peer.ReadAsync(FrameType.BeginProof);
        Assert.That(begin.Map["changes"], Is.Null);
        await peer.ErrorAsync(begin.Request, error);
        if (isShown)
        {
            SentFrame erase = await peer.ReadAsync(FrameType.ErasePerson);
            Assert.That(erase.Map.Text("password", 1024), Is.EqualTo(Password));
            await peer.ReplyAsync(erase.Request, new ControlMap().Set("state", "running"));
            Assert.That((await erasing.Within()).State, Is.EqualTo("running"));
        }
        else
        {
            Assert.That((await erasing.Fails<RequestException>()).Code, Is.EqualTo(error));
        }
    }

    [TestCase(7)]
    [TestCase(257)]
    public async Task An_account_is_not_made_with_a_password_that_no_account_may_have(int size)
    {
        ScriptedBroker broker = new();
        Task<FastChatClient> connecting = FastChatClient.ConnectAsync(OptionsOf(broker) with { Register = true, Password = new string('x', size) });
        Assert.That((await connecting.Fails<ConnectionException>()).Code, Is.EqualTo(CloseCode.PasswordInvalid));
        Assert.That(await (await broker.AcceptAsync()).ReadOrEndAsync().Within(), Is.Null, "nobody was asked");
    }

    [Test]
    public async Task A_new_password_of_another_size_is_refused_before_anybody_is_asked()
    {
        (FastChatClient signedIn, _) = await SignedInAsync();
        await using FastChatClient client = signedIn;
        Assert.That((await client.ChangePasswordAsync(Password, "short").Fails<RequestException>()).Code, Is.EqualTo(ErrorCode.PasswordInvalid));
        Assert.That((await client.ChangePasswordAsync(Password, new string('x', 257)).Fails<RequestException>()).Code, Is.EqualTo(ErrorCode.PasswordInvalid));
    }

    private static ClientOptions OptionsOf(ScriptedBroker broker) => broker.Options with { Token = null, Name = "ada", Password = Password };

    private static async Task<(FastChatClient Client, Peer Peer)> SignedInAsync(PasswordMechanism mechanism = PasswordMechanism.PreferScram)
    {
        ScriptedBroker broker = new();
        return await broker.ConnectAsync(broker.Options with { Token = "fresh", PasswordMechanism = mechanism });
    }

    private static (string Text, string Bare) ServerFirst(string clientFirst, string offers)
    {
        Assert.That(ScramClientFirst.TryParse(clientFirst, out ScramClientFirst? first, out _), Is.True);
        return (new ScramServerFirst(first!.Nonce + "0123456789abcdef", s_salt, Iterations, offers).Text, first.Bare);
    }

    /// <summary>Challenges rightly, and returns what is signed, and the proof, which is right.</summary>
    private static async Task<(string AuthMessage, SentFrame Proof)> ChallengeAsync(Peer peer, Hello hello, string offers, ulong? iterations = null)
    {
        (string serverFirst, string bare) = ServerFirst(hello.Scram!, offers);
        await ChallengeAsync(peer, serverFirst, iterations);
        SentFrame proof = await peer.ReadAsync(FrameType.Proof);
        Assert.That(ScramClientFinal.TryParse(Proof.Parse(proof.Map).Scram!, out ScramClientFinal? final), Is.True);
        string authMessage = $"{bare},{serverFirst},{final!.WithoutProof}";
        Assert.That(ScramKeys.IsProof(s_keys.StoredKey, authMessage, final.Proof), Is.True);
        return (authMessage, proof);
    }

    private static Task ChallengeAsync(Peer peer, string text, ulong? iterations = null) =>
        peer.SendAsync(target => FrameWriter.Write(target, FrameType.Challenge, 0, new ControlMap().Set("scram", text).Set("iterations", iterations)));

    private static Task WelcomeAsync(Peer peer, byte[]? signature) => peer.SendAsync(target => FrameWriter.Write(
        target, FrameType.Welcome, 0, (Welcomes.Plain with { Token = "fresh", Scram = signature is null ? null : ScramServerFinal.Format(signature) }).ToMap()));
}
