using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests.Scram;

/// <summary>Challenges and proofs over the real router and an in-memory log, with the protocol library's client at the other end.</summary>
[CancelAfter(120_000)]
internal sealed class ScramSignInTests
{
    private const string Password = "correct horse";
    private const int Iterations = ProtocolLimits.ScramIterationsMin;
    private static readonly ChannelBinding s_certificate = new(ChannelBinding.ServerEndPoint, Enumerable.Repeat((byte)7, 32).ToArray());
    private static readonly ChannelBinding s_session = new(ChannelBinding.Exporter, Enumerable.Repeat((byte)9, 32).ToArray());

    private readonly List<IDisposable> _opened = [];
    private RouterBench _bench = null!;
    private RandomSource _random = null!;
    private int _nonces;

    [SetUp]
    public void MakeBench()
    {
        Random random = new(5);
        _random = new RandomSource(random.NextBytes);
        _bench = new RouterBench();
    }

    [TearDown]
    public void End()
    {
        _opened.ForEach(static opened => opened.Dispose());
        _opened.Clear();
        _bench.Dispose();
    }

    [TestCase(PasswordMechanisms.Both)]
    [TestCase(PasswordMechanisms.Scram)]
    public async Task WhoRegisteredByAProofSignsInByOneAndTheBrokerNeverHadThePassword(PasswordMechanisms mechanisms)
    {
        Side side = Open(mechanisms);
        SignedIn made = (await side.RegisterAsync("Ada", Password)).User!;
        AccountRecord account = side.Accounts.RecordOf(made.Actor.User)!;
        Assert.That((account.Name, account.Verifier), Is.EqualTo(("Ada", (string?)null)));
        Assert.That(ScramVerifier.TryParse(account.Scram, out ScramVerifier? verifier) && verifier.IsOf(Password), Is.True);
        Assert.That(verifier!.Iterations, Is.EqualTo(Iterations));

        SignedIn again = (await side.SignInAsync("ADA", Password)).User!;
        Assert.That((again.Actor.User, again.Name), Is.EqualTo((made.Actor.User, "Ada")));
        Assert.That(again.NewToken, Is.Not.Null.And.Not.EqualTo(made.NewToken));
        Assert.That((await side.SignInAsync("ada", "wrong horse")).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
    }

    [Test]
    public async Task WhoAsksAboutANameLearnsNothingAboutItNeitherTodayNorTomorrow()
    {
        Side side = Open(PasswordMechanisms.Scram);
        ScramServerFirst before = side.ChallengeOf("ada");
        Assert.That(side.ChallengeOf("ada").Salt, Is.EqualTo(before.Salt));
        Assert.That(side.ChallengeOf("ADA").Salt, Is.EqualTo(before.Salt), "however it is written");
        Assert.That(side.ChallengeOf("bob").Salt, Is.Not.EqualTo(before.Salt));
        Assert.That(side.ChallengeOf("no name at all, näh").Salt, Has.Length.EqualTo(before.Salt.Length));

        await side.RegisterAsync("ada", Password);
        ScramServerFirst after = side.ChallengeOf("ada");
        Assert.That((after.Iterations, after.Offers, after.Nonce.Length), Is.EqualTo((before.Iterations, before.Offers, before.Nonce.Length)));
        Assert.That(after.Salt, Is.EqualTo(before.Salt), "not even that somebody took the name");
        Assert.That(Open(PasswordMechanisms.Scram).ChallengeOf("nobody").Salt, Is.EqualTo(side.ChallengeOf("nobody").Salt), "behind a restart");

        SignInRefused known = (await side.SignInAsync("ada", "wrong horse")).Refused!;
        SignInRefused unknown = (await side.SignInAsync("nobody", "wrong horse")).Refused!;
        Assert.That(unknown, Is.EqualTo(known));
        Assert.That((await side.SignInAsync("nobody", string.Empty)).Refused, Is.EqualTo(known));
    }

    [Test]
    public void ChallengesDoNotRepeatAndAreLongEnough()
    {
        Side side = Open(PasswordMechanisms.Scram);
        HashSet<string> seen = [];
        for (int i = 0; i < 100; i++)
        {
            ScramServerFirst challenge = side.ChallengeOf("ada", nonce: "the same nonce, as some client would".Replace(' ', '-').Replace(',', '-'));
            Assert.That(Convert.FromBase64String(challenge.Nonce["the same nonce, as some client would".Length..]), Has.Length.GreaterThanOrEqualTo(18));
            Assert.That(seen.Add(challenge.Nonce), Is.True);
        }
    }

    [Test]
    public async Task AProofIsGoodForItsOwnChallengeAndOnce()
    {
        Side side = Open(PasswordMechanisms.Scram);
        await side.RegisterAsync("ada", Password);
        (ScramExchange one, ScramClientExchange client) = side.Begin("ada", Password);
        Proof proof = client.Answer(one.Challenge, out _)!;
        (ScramExchange other, _) = side.Begin("ada", Password, nonce: client.First[^20..]);
        Assert.That(other.Judge(proof, out _), Is.EqualTo(ProofOutcome.Wrong), "on another connection, even to the same nonce");
        Assert.That(one.Judge(proof, out string? signature), Is.EqualTo(ProofOutcome.Right));
        Assert.That(client.IsRight(signature), Is.True);
        Assert.That(one.Judge(proof, out _), Is.EqualTo(ProofOutcome.Unreadable), "again");
        Assert.That(other.Judge(proof, out _), Is.EqualTo(ProofOutcome.Unreadable), "a challenge that was answered wrongly is over");
    }

    [Test]
    public async Task EveryBitOfAProofAndItsMessageCounts()
    {
        Side side = Open(PasswordMechanisms.Scram);
        await side.RegisterAsync("ada", Password);
        for (int bit = 0; bit < ScramKeys.Size * 8; bit += 37)
        {
            (ScramExchange exchange, ScramClientExchange client) = side.Begin("ada", Password);
            Assert.That(ScramClientFinal.TryParse(client.Answer(exchange.Challenge, out _)!.Scram!, out ScramClientFinal? final), Is.True);
            final!.Proof[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(exchange.Judge(new Proof { Scram = final.ToString() }, out _), Is.EqualTo(ProofOutcome.Wrong));
        }

        (ScramExchange once, ScramClientExchange honest) = side.Begin("ada", Password);
        string text = honest.Answer(once.Challenge, out _)!.Scram!;
        Assert.That(once.Judge(new Proof { Scram = text.Replace(",p=", ",x=1,p=", StringComparison.Ordinal) }, out _), Is.EqualTo(ProofOutcome.Wrong), "an extension that was slipped in");
    }

    [Test]
    public async Task AProofIsBoundToTheConnectionItWasMadeFor([Values] bool isSession)
    {
        ChannelBinding binding = isSession ? s_session : s_certificate;
        Side side = Open(PasswordMechanisms.Scram);
        side.Bindings = [s_session, s_certificate];
        await side.RegisterAsync("ada", Password, binding);
        Assert.That((await side.SignInAsync("ada", Password, binding)).User, Is.Not.Null);

        // The same client, whose connection ends at somebody else's: what it signs is another certificate, another session.
        ChannelBinding others = binding with { Data = Enumerable.Repeat((byte)8, 32).ToArray() };
        Assert.That((await side.SignInAsync("ada", Password, others)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That((await side.SignInAsync("ada", Password, null)).User, Is.Not.Null, "a browser can bind nothing");
    }

    [Test]
    public void ChannelBindingThatSomebodyTookAwayIsNoticed()
    {
        Side side = Open(PasswordMechanisms.Both);
        side.Bindings = [s_certificate];
        Assert.That(side.ChallengeOf("ada").Offers, Is.EqualTo("PLAIN SCRAM-SHA-256 tls-server-end-point"));
        Assert.That(side.Refuse("y,,n=ada,r=fyko+d2lbbFgONRv9qkx")!.Code, Is.EqualTo(CloseCode.MechanismRefused), "the client could have, and was told that this broker cannot");
        Assert.That(side.Refuse("p=tls-exporter,,n=ada,r=fyko+d2lbbFgONRv9qkx")!.Code, Is.EqualTo(CloseCode.MechanismRefused));
        Assert.That(side.Refuse("p=tls-unique,,n=ada,r=fyko+d2lbbFgONRv9qkx")!.Code, Is.EqualTo(CloseCode.MechanismRefused));
        Assert.That(side.Refuse("n,,n=ada,r=fyko+d2lbbFgONRv9qkx"), Is.Null);
        side.Bindings = [];
        Assert.That(side.ChallengeOf("ada").Offers, Is.EqualTo("PLAIN SCRAM-SHA-256"));
        Assert.That(side.Refuse("y,,n=ada,r=fyko+d2lbbFgONRv9qkx"), Is.Null, "behind a proxy that ends TLS");
        Assert.That(side.Refuse("p=tls-server-end-point,,n=ada,r=fyko+d2lbbFgONRv9qkx")!.Code, Is.EqualTo(CloseCode.MechanismRefused));
    }

    [Test]
    public async Task AHeaderThatWasChangedOnTheWayIsInTheSignature()
    {
        Side side = Open(PasswordMechanisms.Scram);
        await side.RegisterAsync("ada", Password);

        // The client said y; somebody made n of it, so that this broker, which could bind, would not refuse it.
        side.Bindings = [s_certificate];
        ScramClientExchange client = new("ada", Password, null, wasRefused: true, NextNonce());
        ScramExchange exchange = side.Challenge("n" + client.First[1..]);
        Challenge altered = new() { Scram = exchange.Challenge.Scram.Replace(" tls-server-end-point", string.Empty, StringComparison.Ordinal) };
        Proof proof = client.Answer(altered, out string reason)!;
        Assert.That(proof, Is.Not.Null, reason);
        Assert.That(exchange.Judge(proof, out _), Is.EqualTo(ProofOutcome.Wrong));
    }

    [TestCase("n,a=root,n=ada,r=fyko+d2lbbFgONRv9qkx", CloseCode.MechanismRefused)]
    [TestCase("n,,m=x,n=ada,r=fyko+d2lbbFgONRv9qkx", CloseCode.MechanismRefused)]
    [TestCase("n,,n=ada", CloseCode.BadFrame)]
    [TestCase("", CloseCode.BadFrame)]
    public void WhatCannotBeSpokenIsToldFromWhatCannotBeRead(string text, CloseCode code) => Assert.That(Open(PasswordMechanisms.Scram).Refuse(text)!.Code, Is.EqualTo(code));

    [Test]
    public async Task WhereOnlyProofsAreTakenNoPasswordIs()
    {
        Side side = Open(PasswordMechanisms.Scram);
        await side.RegisterAsync("ada", Password);
        foreach (bool register in new[] { false, true })
        {
            SignInRefused refused = (await side.Accounts.SignInAsync(new Hello { Name = register ? "bob" : "ada", Password = Password, Register = register }, CancellationToken.None)).Refused!;
            Assert.That(refused.Code, Is.EqualTo(CloseCode.MechanismRefused));
        }

        Assert.That(side.Accounts.Find("bob"), Is.Null);
        Assert.That(side.ChallengeOf("ada").Has(ScramServerFirst.Plain), Is.False);
    }

    [Test]
    public async Task WhereBothAreTakenEachPasswordIsGoodForBothFromItsFirstUseOn()
    {
        Side plain = Open(PasswordMechanisms.Plain);
        SignedIn made = await plain.PasswordAsync("ada", Password, register: true);
        Assert.That(plain.Accounts.RecordOf(made.Actor.User)!.Scram, Is.Null, "what is not switched on is not kept");
        Assert.That(plain.Refuse("n,,n=ada,r=fyko+d2lbbFgONRv9qkx"), Has.Property("Code").EqualTo(CloseCode.MechanismRefused).And.Property("IsOrdinary").True);

        Side both = Open(PasswordMechanisms.Both);
        Assert.That((await both.SignInAsync("ada", Password)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials), "nothing to check a proof with yet");
        await both.PasswordAsync("ada", Password);
        Assert.That((await both.SignInAsync("ada", Password)).User, Is.Not.Null);
        await both.PasswordAsync("bob", Password, register: true);
        Assert.That((await both.SignInAsync("bob", Password)).User, Is.Not.Null);

        // And the other way round: made by a proof, signed in with the password.
        UserId eve = (await both.RegisterAsync("eve", Password)).User!.Actor.User;
        Assert.That((await both.Accounts.SignInAsync(new Hello { Name = "eve", Password = "wrong horse" }, CancellationToken.None)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That(both.Accounts.RecordOf(eve)!.Verifier, Is.Null);
        await both.PasswordAsync("eve", Password);
        Assert.That(both.Accounts.RecordOf(eve)!.Verifier, Does.StartWith("$argon2id$"));
        Assert.That((await both.SignInAsync("eve", Password)).User, Is.Not.Null);
    }

    [Test]
    public async Task WhoSwitchesProofsOffAgainLosesNobodyAndKeepsNothingOfThem()
    {
        UserId ada = (await Open(PasswordMechanisms.Scram).RegisterAsync("ada", Password)).User!.Actor.User;
        Side plain = Open(PasswordMechanisms.Plain);
        await plain.PasswordAsync("ada", Password);
        AccountRecord account = plain.Accounts.RecordOf(ada)!;
        Assert.That(account.Verifier, Does.StartWith("$argon2id$"));
        Assert.That(account.Scram, Is.Null);
    }

    [TestCase(PasswordMechanisms.Both)]
    [TestCase(PasswordMechanisms.Scram)]
    public async Task AnotherPasswordByAProofIsTheOnlyOneFromThenOn(PasswordMechanisms mechanisms)
    {
        Side side = Open(mechanisms);
        SignedIn own = (await side.RegisterAsync("ada", Password)).User!;
        if (mechanisms == PasswordMechanisms.Both)
        {
            await side.PasswordAsync("ada", Password);
        }

        (SignedIn? other, _) = await side.SignInAsync("ada", Password);
        (CommandResult result, IssuedTokens? tokens, string? signature) = await side.ChangeAsync(own, "wrong horse", "battery staple");
        Assert.That((result.Error, tokens, signature), Is.EqualTo((ErrorCode.WrongCredentials, (IssuedTokens?)null, (string?)null)));
        (result, tokens, signature) = await side.ChangeAsync(own, Password, "battery staple");
        Assert.That((result.Error, result.Count), Is.EqualTo((ErrorCode.None, mechanisms == PasswordMechanisms.Both ? 2 : 1)), "all other devices");
        Assert.That(signature, Is.Not.Null);
        Assert.That(side.Accounts.Judge(other!), Is.Not.Null);
        Assert.That((await side.Accounts.SignInAsync(new Hello { Token = tokens!.Token }, CancellationToken.None)).User!.Actor, Is.EqualTo(own.Actor));
        Assert.That((await side.SignInAsync("ada", Password)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That((await side.SignInAsync("ada", "battery staple")).User, Is.Not.Null);
        if (mechanisms == PasswordMechanisms.Both)
        {
            Assert.That((await side.Accounts.SignInAsync(new Hello { Name = "ada", Password = Password }, CancellationToken.None)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials), "the old one is nowhere");
            await side.PasswordAsync("ada", "battery staple");
        }
    }

    [Test]
    public async Task AChallengeOnAConnectionIsForWhoIsThereAndForWhatItWasAskedFor()
    {
        Side side = Open(PasswordMechanisms.Both);
        SignedIn ada = (await side.RegisterAsync("Ada", Password)).User!;
        await side.RegisterAsync("bob", Password);
        SignedIn plain = await Open(PasswordMechanisms.Plain).PasswordAsync("eve", Password, register: true);
        Assert.That(side.Begin(ada.Actor.User, "bob", Password, null).Exchange, Is.Null, "not about somebody else");
        Assert.That(side.Begin(plain.Actor.User, "eve", Password, null).Exchange, Is.Null, "nothing to check a proof with");

        (ScramExchange? exchange, ScramClientExchange client) = side.Begin(ada.Actor.User, "ada", Password, null);
        Proof proof = client.Answer(exchange!.Challenge, out _)!;
        Assert.That(proof.HasKeys, Is.False, "to be erased, nobody needs a new password");
        Assert.That((await side.Scram.ChangePasswordAsync(ada.Actor, exchange, proof, false)).Result.Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That(side.Scram.Check(ada.Actor.User, exchange, proof, out _).Error, Is.EqualTo(ErrorCode.BadRequest), "used");
        Assert.That(side.Scram.Check(ada.Actor.User, null, proof, out _).Error, Is.EqualTo(ErrorCode.BadRequest), "no challenge");

        (exchange, client) = side.Begin(ada.Actor.User, "ada", Password, null);
        Assert.That(side.Scram.Check(ada.Actor.User, exchange, client.Answer(exchange!.Challenge, out _)!, out string? signature).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(client.IsRight(signature), Is.True);
    }

    [Test]
    public async Task AProofThatWasUnderWayWhenThePasswordChangedIsTheOldOnes()
    {
        Side side = Open(PasswordMechanisms.Scram);
        SignedIn own = (await side.RegisterAsync("ada", Password)).User!;
        (ScramExchange exchange, ScramClientExchange client) = side.Begin("ada", Password);
        (ScramExchange? second, ScramClientExchange asking) = side.Begin(own.Actor.User, "ada", Password, "third password");
        Assert.That((await side.ChangeAsync(own, Password, "battery staple")).Result.Error, Is.EqualTo(ErrorCode.None));
        (_, SignInRefused? refused) = await side.Scram.SignInAsync(exchange, client.Answer(exchange.Challenge, out _)!, new Hello(), CancellationToken.None);
        Assert.That(refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That((await side.Scram.ChangePasswordAsync(own.Actor, second, asking.Answer(second!.Challenge, out _)!, false)).Result.Error, Is.EqualTo(ErrorCode.WrongCredentials));
    }

    [Test]
    public async Task IterationsThatWereRaisedAreUsedFromTheNextProofOn()
    {
        UserId ada = (await Open(PasswordMechanisms.Scram).RegisterAsync("ada", Password)).User!.Actor.User;
        Side stronger = Open(PasswordMechanisms.Scram, Iterations + 20_000);
        (ScramExchange exchange, ScramClientExchange client) = stronger.Begin("ada", Password);
        Assert.That(exchange.Challenge.Iterations, Is.EqualTo(Iterations + 20_000));
        Proof proof = client.Answer(exchange.Challenge, out _)!;
        Assert.That((await stronger.Scram.SignInAsync(exchange, proof with { StoredKey = default }, new Hello(), CancellationToken.None)).Refused!.Code, Is.EqualTo(CloseCode.BadFrame), "the keys were asked for");
        Assert.That((await stronger.SignInAsync("ada", Password)).User, Is.Not.Null);
        Assert.That(ScramVerifier.TryParse(stronger.Accounts.RecordOf(ada)!.Scram, out ScramVerifier? verifier) && verifier.Iterations == Iterations + 20_000 && verifier.IsOf(Password), Is.True);
        Assert.That(stronger.Begin("ada", Password).Exchange.Challenge.Iterations, Is.Null, "once");
        Assert.That((await stronger.SignInAsync("ada", Password)).User, Is.Not.Null);
        Assert.That((await Open(PasswordMechanisms.Scram).SignInAsync("ada", Password)).User, Is.Not.Null, "a number that was lowered lowers nothing");
        Assert.That(ScramVerifier.TryParse(stronger.Accounts.RecordOf(ada)!.Scram, out verifier) && verifier.Iterations == Iterations + 20_000, Is.True);
    }

    [Test]
    public async Task AWrongProofBringsNoKeys()
    {
        UserId ada = (await Open(PasswordMechanisms.Scram).RegisterAsync("ada", Password)).User!.Actor.User;
        Side stronger = Open(PasswordMechanisms.Scram, Iterations + 20_000);
        string? before = stronger.Accounts.RecordOf(ada)!.Scram;
        Assert.That((await stronger.SignInAsync("ada", "wrong horse")).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That(stronger.Accounts.RecordOf(ada)!.Scram, Is.EqualTo(before));
    }

    [Test]
    public async Task AnAccountIsMadeOnlyWithKeysThatItsProofKnows()
    {
        Side side = Open(PasswordMechanisms.Scram);
        (ScramExchange exchange, ScramClientExchange client) = side.BeginNew("ada", Password);
        Proof proof = client.Answer(exchange.Challenge, out _)!;
        ScramKeys others = ScramKeys.Derive("wrong horse", new byte[16], Iterations);
        Assert.That((await side.Scram.RegisterAsync(exchange, proof with { StoredKey = others.StoredKey }, new Hello(), CancellationToken.None)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        (exchange, client) = side.BeginNew("ada", Password);
        proof = client.Answer(exchange.Challenge, out _)! with { ServerKey = new byte[31] };
        Assert.That((await side.Scram.RegisterAsync(exchange, proof, new Hello(), CancellationToken.None)).Refused!.Code, Is.EqualTo(CloseCode.BadFrame));
        Assert.That(side.Accounts.Find("ada"), Is.Null);

        // Two who ask for one name at once: one has it.
        (ScramExchange first, ScramClientExchange one) = side.BeginNew("ada", Password);
        (ScramExchange second, ScramClientExchange two) = side.BeginNew("ADA", "battery staple");
        Assert.That((await side.Scram.RegisterAsync(first, one.Answer(first.Challenge, out _)!, new Hello(), CancellationToken.None)).User, Is.Not.Null);
        Assert.That((await side.Scram.RegisterAsync(second, two.Answer(second.Challenge, out _)!, new Hello(), CancellationToken.None)).Refused!.Code, Is.EqualTo(CloseCode.NameTaken));
        Assert.That((await side.RegisterAsync("ada", Password)).Refused!.Code, Is.EqualTo(CloseCode.NameTaken));
        Assert.That((await side.RegisterAsync("-", Password)).Refused!.Code, Is.EqualTo(CloseCode.NameInvalid));
    }

    [Test]
    public async Task WhoIsSuspendedHearsSoBehindTheProof()
    {
        Side side = Open(PasswordMechanisms.Scram);
        UserId ada = (await side.RegisterAsync("ada", Password)).User!.Actor.User;
        await side.Accounts.SuspendAsync(ada, true);
        Assert.That((await side.SignInAsync("ada", Password)).Refused!.Code, Is.EqualTo(CloseCode.Suspended));
        Assert.That((await side.SignInAsync("ada", "wrong horse")).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
    }

    [Test]
    public async Task ADeviceIsGoneOnWithAndTokensAreThoseOfAPassword()
    {
        Side side = Open(PasswordMechanisms.Scram);
        SignedIn made = (await side.RegisterAsync("ada", Password)).User!;
        (ScramExchange exchange, ScramClientExchange client) = side.Begin("ada", Password);
        SignedIn again = (await side.Scram.SignInAsync(exchange, client.Answer(exchange.Challenge, out _)!, new Hello { Device = made.Actor.Device, Renews = true }, CancellationToken.None)).User!;
        Assert.That((again.Actor, again.NewRefresh is not null), Is.EqualTo((made.Actor, true)));
        Assert.That(side.Accounts.Devices.Find(made.Actor.User, made.Actor.Device)!.Way, Is.EqualTo(SignInWay.Password));
    }

    [Test]
    public async Task NeitherPasswordNorProofIsStored()
    {
        Side side = Open(PasswordMechanisms.Scram);
        await side.RegisterAsync("ada", Password);
        (ScramExchange exchange, ScramClientExchange client) = side.Begin("ada", Password);
        Proof proof = client.Answer(exchange.Challenge, out _)!;
        await side.Scram.SignInAsync(exchange, proof, new Hello(), CancellationToken.None);
        byte[] clientKey = ScramKeys.Derive(Password, side.ChallengeOf("ada").Salt, Iterations).ClientKey;
        _bench.Log.Scan(Table.State, [], [], (key, value) =>
        {
            string text = System.Text.Encoding.Latin1.GetString(value);
            Assert.That(text, Does.Not.Contain(Password).And.Not.Contain(Convert.ToBase64String(clientKey)).And.Not.Contain(proof.Scram![^46..]));
            return true;
        });
    }

    private string NextNonce() => $"nonce-{_nonces++:D14}";

    private Side Open(PasswordMechanisms mechanisms, int iterations = Iterations)
    {
        PasswordPolicy policy = new(mechanisms, iterations, mechanisms == PasswordMechanisms.Plain ? null : ScramSalts.Of(_bench.Log, _random));
        PasswordHasher passwords = new(_random, policy);
        _opened.Add(passwords);
        Accounts accounts = new(_bench.Router, _bench.Log, passwords, _random, isRegistrationOpen: true) { Passwords = policy };
        return new Side(this, accounts, new ScramSignIn(accounts, _random));
    }

    /// <summary>A broker's side with its settings, over the one store, and clients that ask it.</summary>
    private sealed class Side(ScramSignInTests tests, Accounts accounts, ScramSignIn scram)
    {
        public Accounts Accounts => accounts;

        public ScramSignIn Scram => scram;

        public IReadOnlyList<ChannelBinding> Bindings { get; set; } = [];

        public SignInRefused? Refuse(string text) => scram.TryRead(text, Bindings, out _, out _);

        public ScramExchange Challenge(string text)
        {
            Assert.That(scram.TryRead(text, Bindings, out ScramClientFirst? first, out ChannelBinding? binding), Is.Null);
            return scram.Challenge(first!, binding, Bindings);
        }

        public ScramServerFirst ChallengeOf(string name, string? nonce = null)
        {
            string text = new ScramClientFirst(ScramBinding.None, null, name, nonce ?? tests.NextNonce()).ToString();
            Assert.That(ScramServerFirst.TryParse(Challenge(text).Challenge.Scram, out ScramServerFirst? message), Is.True);
            return message!;
        }

        public (ScramExchange Exchange, ScramClientExchange Client) Begin(string name, string password, ChannelBinding? binding = null, string? nonce = null)
        {
            ScramClientExchange client = new(name, password, binding, wasRefused: false, nonce ?? tests.NextNonce());
            return (Challenge(client.First), client);
        }

        public (ScramExchange Exchange, ScramClientExchange Client) BeginNew(string name, string password)
        {
            ScramClientExchange client = new(name, password, null, wasRefused: false, tests.NextNonce());
            Assert.That(scram.TryRead(client.First, Bindings, out ScramClientFirst? first, out _), Is.Null);
            return (scram.ChallengeNew(first!, null, Bindings).Exchange!, client);
        }

        public (ScramExchange? Exchange, ScramClientExchange Client) Begin(UserId user, string name, string password, string? next)
        {
            ScramClientExchange client = new(name, password, null, wasRefused: false, tests.NextNonce()) { Next = next };
            Assert.That(scram.TryRead(client.First, Bindings, out ScramClientFirst? first, out _), Is.Null);
            return (scram.Challenge(user, first!, null, Bindings, next is not null), client);
        }

        public async Task<(SignedIn? User, SignInRefused? Refused)> SignInAsync(string name, string password, ChannelBinding? binding = null)
        {
            (ScramExchange exchange, ScramClientExchange client) = Begin(name, password, binding);
            (SignedIn? user, SignInRefused? refused) = await scram.SignInAsync(exchange, client.Answer(exchange.Challenge, out _)!, new Hello { Scram = client.First }, CancellationToken.None);
            Assert.That(user is null || client.IsRight(user.Scram), Is.True, "the broker shows that it knows the account");
            return (user, refused);
        }

        public async Task<(SignedIn? User, SignInRefused? Refused)> RegisterAsync(string name, string password, ChannelBinding? binding = null)
        {
            ScramClientExchange client = new(name, password, binding, wasRefused: false, tests.NextNonce());
            Assert.That(scram.TryRead(client.First, Bindings, out ScramClientFirst? first, out ChannelBinding? bound), Is.Null);
            (ScramExchange? exchange, SignInRefused? early) = scram.ChallengeNew(first!, bound, Bindings);
            if (exchange is null)
            {
                return (null, early);
            }

            (SignedIn? user, SignInRefused? refused) = await scram.RegisterAsync(exchange, client.Answer(exchange.Challenge, out _)!, new Hello { Scram = client.First, Register = true }, CancellationToken.None);
            Assert.That(user is null || client.IsRight(user.Scram), Is.True);
            return (user, refused);
        }

        public async Task<(CommandResult Result, IssuedTokens? Tokens, string? Signature)> ChangeAsync(SignedIn user, string old, string next)
        {
            (ScramExchange? exchange, ScramClientExchange client) = Begin(user.Actor.User, "ada", old, next);
            (CommandResult Result, IssuedTokens? Tokens, string? Signature) changed = await scram.ChangePasswordAsync(user.Actor, exchange, client.Answer(exchange!.Challenge, out _)!, false);
            Assert.That(changed.Signature is null || client.IsRight(changed.Signature), Is.True);
            return changed;
        }

        public async Task<SignedIn> PasswordAsync(string name, string password, bool register = false)
        {
            (SignedIn? user, SignInRefused? refused) = await accounts.SignInAsync(new Hello { Name = name, Password = password, Register = register }, CancellationToken.None);
            Assert.That(user, Is.Not.Null, refused?.Reason);
            return user!;
        }
    }
}
