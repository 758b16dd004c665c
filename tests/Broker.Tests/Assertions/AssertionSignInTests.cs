using System.Text.Json.Nodes;

using FastChat.Broker.Audit;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;
using FastChat.TestSupport;

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests.Assertions;

/// <summary>People and programs that somebody else vouches for, over the real router, an in-memory log and a clock that the test moves.</summary>
[CancelAfter(120_000)]
internal sealed class AssertionSignInTests
{
    private const string Issuer = "https://issuer.example";
    private static readonly Actor Operator = ShardBench.ActorOf(new UserId(1), rights: AccountRights.Operator);

    private FakeTimeProvider _clock = null!;
    private TemporaryDirectory _directory = null!;
    private RouterBench _bench = null!;
    private PasswordHasher _passwords = null!;
    private BrokerMetrics _metrics = null!;
    private Accounts _accounts = null!;
    private ServiceAccounts _services = null!;
    private SessionRegistry _sessions = null!;
    private FileKeys _keys = null!;
    private AssertionSignIn _signIn = null!;
    private TestSigner _signer = null!;
    private int _lastId;

    [SetUp]
    public void Make()
    {
        Random random = new(11);
        RandomSource source = new(random.NextBytes);
        _clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddSeconds(1_800_000_000));
        _directory = new TemporaryDirectory("assertions");
        _bench = new RouterBench(clock: _clock);
        _passwords = new PasswordHasher(source);
        _metrics = new BrokerMetrics();
        _accounts = new Accounts(_bench.Router, _bench.Log, _passwords, source, isRegistrationOpen: true);
        _services = new ServiceAccounts(_bench.Router, _bench.Log, _accounts, source);
        _sessions = new SessionRegistry(_clock, TimeSpan.FromMinutes(5));
        _signer = TestSigner.OfP256("k");
        File.WriteAllText(_directory.PathOf("keys.json"), TestSigner.SetOf(_signer));
        _keys = new FileKeys(Issuer, _directory.PathOf("keys.json"), _clock, AuditLog.None, NullLogger.Instance);
        _keys.Look();
        _signIn = SignIn(mayRegister: true);
    }

    [TearDown]
    public void End()
    {
        _keys.Dispose();
        _signer.Dispose();
        _passwords.Dispose();
        _metrics.Dispose();
        _bench.Dispose();
        _directory.Dispose();
    }

    [Test]
    public async Task TheFirstSignInMakesAnAccountAndTheNextFindsIt()
    {
        SignedIn first = await GoodAsync(new Hello { Client = "phone" });
        Assert.That((first.Name, first.NewToken, first.NewRefresh, first.Way), Is.EqualTo(("ada", (string?)null, (string?)null, "external")));
        Assert.That(first.HoldsUntilMicros, Is.EqualTo((1_800_000_000L + 300) * 1_000_000), "as long as the assertion");
        Assert.That(_accounts.Judge(first), Is.Null);

        SignedIn again = await GoodAsync(new Hello { Device = first.Actor.Device });
        Assert.That(again.Actor, Is.EqualTo(first.Actor), "the same person with the same device");
        SignedIn other = await GoodAsync(new Hello(), claims => claims["preferred_username"] = "another-name");
        Assert.That((other.Actor.User, other.Name, other.Actor.Device == first.Actor.Device), Is.EqualTo((first.Actor.User, "ada", false)), "a name stays what it was");
        List<(DeviceId Number, StoredDevice Device)> devices = _accounts.Devices.List(first.Actor.User, default, 10, out _);
        Assert.That(devices.Select(device => device.Device.Way), Is.EqualTo([SignInWay.External, SignInWay.External]));
        Assert.That(_accounts.RecordOf(first.Actor.User)!.Verifier, Is.Null);
        (_, SignInRefused? refused) = await _accounts.SignInAsync(new Hello { Name = "ada", Password = "correct horse" }, CancellationToken.None);
        Assert.That(refused!.Code, Is.EqualTo(CloseCode.BadCredentials), "no password opens it");
        (CommandResult changed, _) = await _accounts.ChangePasswordAsync(first.Actor, string.Empty, "correct horse", renews: false);
        Assert.That(changed.Error, Is.EqualTo(ErrorCode.WrongCredentials));
    }

    [Test]
    public async Task AConnectionHoldsNoLongerThanTheOperatorSays()
    {
        SignedIn user = await GoodAsync(new Hello(), claims => claims["exp"] = 1_800_000_000 + 1_000_000);
        Assert.That(user.HoldsUntilMicros, Is.EqualTo((1_800_000_000L + 3600) * 1_000_000));
    }

    [Test]
    public async Task WhoIsNotToGetAnAccountHasToHaveOne()
    {
        AssertionSignIn closed = SignIn(mayRegister: false);
        Assert.That((await closed.SignInAsync(new Hello { Assertion = Token() }, [], "test")).Refused!.Code, Is.EqualTo(CloseCode.RegistrationClosed));
        SignedIn made = await GoodAsync(new Hello());
        Assert.That((await closed.SignInAsync(new Hello { Assertion = Token() }, [], "test")).User!.Actor.User, Is.EqualTo(made.Actor.User));
    }

    [Test]
    public async Task NobodyGetsANameThatSomebodyHasOrHad()
    {
        await _accounts.SignInAsync(new Hello { Name = "Ada", Password = "correct horse", Register = true }, CancellationToken.None);
        await _accounts.ImportAsync(["bob"], CancellationToken.None);
        await _accounts.WriteAsync(new UserId(5), [new StateEntry(IdentityKeys.ErasedName("cleo"), ControlMap.IdBytes(5))], CancellationToken.None);
        foreach (string name in (string[])["ada", "ADA", "bob", "Bob", "cleo", "Cleo"])
        {
            SignedIn user = await GoodAsync(new Hello(), claims => (claims["sub"], claims["preferred_username"]) = ($"sub-{name}", name));
            Assert.That(user.Name, Does.Match($"^{name}-[0-9a-f]{{8}}$"));
            Assert.That(_accounts.Find(user.Name)!.User, Is.EqualTo(user.Actor.User));
        }
    }

    [TestCase("ada@example.org", "^ada-example\\.org-[0-9a-f]{8}$")]
    [TestCase("Ada Lovelace", "^Ada-Lovelace-[0-9a-f]{8}$")]
    [TestCase("аdа", "^d-[0-9a-f]{8}$", Description = "Cyrillic letters that look like others")]
    [TestCase("...", "^user-[0-9a-f]{8}$")]
    [TestCase("", "^user-[0-9a-f]{8}$")]
    [TestCase("deleted user", "^deleted-user-[0-9a-f]{8}$")]
    [TestCase(null, "^user-[0-9a-f]{8}$")]
    [TestCase("0123456789012345678901234567890123456789012345678901234567890123456789", "^[0-9]{55}-[0-9a-f]{8}$")]
    public async Task ANameThatIsNoneBecomesOneThatIsLikeNobodysElse(string? claimed, string expected)
    {
        SignedIn user = await GoodAsync(new Hello(), claims => _ = claimed is null ? claims.Remove("preferred_username") : (claims["preferred_username"] = claimed) is null);
        Assert.That(user.Name, Does.Match(expected));
        Assert.That(Names.TryCanonicalize(user.Name, out _), Is.True);
    }

    [Test]
    public async Task ManyAtOnceGetOneAccount()
    {
        (SignedIn? User, SignInRefused? Refused)[] all = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => _signIn.SignInAsync(
            new Hello { Assertion = Token(claims => claims["preferred_username"] = $"name-{i % 4}") }, [], "test")));
        Assert.That(all.Select(one => one.User?.Actor.User).Distinct().ToArray(), Has.Length.EqualTo(1), "two names are of two shards");
        Assert.That(all.Select(one => one.User!.Actor.Device).Distinct().Count(), Is.EqualTo(16));
        int accounts = 0;
        _bench.Log.Scan(Table.State, "a"u8, [], (_, _) => ++accounts > 0);
        Assert.That(accounts, Is.EqualTo(1));
    }

    [Test]
    public async Task TwoPeopleOfOneNameAndOnePersonOfTwoIssuersAreTwo()
    {
        SignedIn one = await GoodAsync(new Hello());
        SignedIn two = await GoodAsync(new Hello(), claims => claims["sub"] = "person-2");
        Assert.That(two.Actor.User, Is.Not.EqualTo(one.Actor.User));
        Assert.That(new StoredIdentity("ab", "c").Hash, Is.Not.EqualTo(new StoredIdentity("a", "bc").Hash));
    }

    [Test]
    public async Task WhatWasIssuedBeforeADeviceWasEndedDoesNotComeBack()
    {
        string before = Token();
        SignedIn user = (await _signIn.SignInAsync(new Hello { Assertion = before }, [], "test")).User!;
        SignedIn other = (await _signIn.SignInAsync(new Hello { Assertion = before }, [], "test")).User!;
        _clock.Advance(TimeSpan.FromSeconds(10));
        await _accounts.Devices.EndAsync(user.Actor.User, [user.Actor.Device]);
        Assert.That(_accounts.Judge(user)!.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That(_accounts.Judge(other), Is.Null, "the other device is still in");
        foreach (DeviceId device in (DeviceId[])[default, user.Actor.Device, other.Actor.Device])
        {
            Assert.That(await RefusedAsync(new Hello { Assertion = before, Device = device }), Is.EqualTo((CloseCode.AssertionRefused, "Ended")));
        }

        Assert.That((await _signIn.ReauthenticateAsync(other.Actor, before)).Refused!.Detail, Is.EqualTo("Ended"));
        string at = Token(claims => claims["iat"] = 1_800_000_010);
        Assert.That(await RefusedAsync(new Hello { Assertion = at }), Is.EqualTo((CloseCode.AssertionRefused, "Ended")), "of the same second: nobody knows");
        string after = Token(claims => claims["iat"] = 1_800_000_011);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That((await _signIn.SignInAsync(new Hello { Assertion = after, Device = other.Actor.Device }, [], "test")).User!.Actor, Is.EqualTo(other.Actor));
    }

    [Test]
    public async Task MakingRoomForADeviceEndsNoAssertion()
    {
        SignedIn first = await GoodAsync(new Hello());
        for (int i = 0; i < Devices.PerUserMax + 2; i++)
        {
            await GoodAsync(new Hello());
        }

        Assert.That(_accounts.Devices.All(first.Actor.User), Has.Count.EqualTo(Devices.PerUserMax));
    }

    [Test]
    public async Task WhoIsSuspendedOrErasedStaysOut()
    {
        SignedIn user = await GoodAsync(new Hello());
        await _accounts.SuspendAsync(user.Actor.User, isSuspended: true);
        Assert.That((await RefusedAsync(new Hello { Assertion = Token() })).Code, Is.EqualTo(CloseCode.Suspended));
        Assert.That((await _signIn.ReauthenticateAsync(user.Actor, Token())).Refused!.Code, Is.EqualTo(CloseCode.Suspended));
        await _accounts.SuspendAsync(user.Actor.User, isSuspended: false);
        await GoodAsync(new Hello());
        StoredIdentity identity = new(Issuer, "person-1");
        await _accounts.WriteAsync(user.Actor.User, [new StateEntry(identity.PointerKey, StoredIdentity.Pointer(default)), new StateEntry(StoredIdentity.KeyOf(user.Actor.User), null)], CancellationToken.None);
        Assert.That(await RefusedAsync(new Hello { Assertion = Token() }), Is.EqualTo((CloseCode.AssertionRefused, "Erased")));
    }

    [Test]
    public async Task AConnectionGoesOnWithANewerAssertionOfItsOwnPersonOnly()
    {
        SignedIn user = await GoodAsync(new Hello());
        _clock.Advance(TimeSpan.FromSeconds(60));
        (SignedIn? longer, _) = await _signIn.ReauthenticateAsync(user.Actor, Token(claims => claims["exp"] = 1_800_000_600));
        Assert.That(longer!.HoldsUntilMicros, Is.EqualTo(1_800_000_600_000_000));
        SignedIn eve = await GoodAsync(new Hello(), claims => claims["sub"] = "eve");
        Assert.That((await _signIn.ReauthenticateAsync(user.Actor, Token(claims => claims["sub"] = "eve"))).Refused!.Code, Is.EqualTo(CloseCode.AssertionRefused));
        Assert.That((await _signIn.ReauthenticateAsync(user.Actor, Token(claims => claims["sub"] = "nobody"))).Refused!.Code, Is.EqualTo(CloseCode.AssertionRefused));
        Assert.That(_accounts.Find("nobody"), Is.Null, "no account is made on a connection that is there");
        await _accounts.Devices.EndAsync(eve.Actor.User, [eve.Actor.Device]);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.That((await _signIn.ReauthenticateAsync(eve.Actor, Token(claims => (claims["sub"], claims["iat"]) = ("eve", 1_800_000_062)))).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
    }

    [Test]
    public async Task AKnownDeviceComesBackWhileTheDiskIsFull()
    {
        SignedIn user = await GoodAsync(new Hello());
        _bench.Log.IsFull = true;
        Assert.That((await GoodAsync(new Hello { Device = user.Actor.Device })).Actor, Is.EqualTo(user.Actor));
        Assert.That((await RefusedAsync(new Hello { Assertion = Token() })).Code, Is.EqualTo(CloseCode.StoreFull), "a new device is stored");
    }

    [Test]
    public async Task AServiceAccountSignsItsOwnAssertions()
    {
        using TestSigner key = TestSigner.OfEd25519();
        UserId service = await CreateAsync("bridge", key.PublicPem);
        foreach (string called in (string[])["bridge", "Bridge", service.ToString()])
        {
            (SignedIn? user, SignInRefused? refused) = await _signIn.SignInAsync(new Hello { Assertion = key.Sign(OwnClaims(called)) }, [], "test");
            Assert.That(refused, Is.Null);
            Assert.That((user!.Actor.User, user.Way, user.Actor.Rights), Is.EqualTo((service, "key", AccountRights.Service | AccountRights.ServicePublish)));
        }

        (string Name, Action<JsonObject> Change, string Fault)[] wrong =
        [
            ("another audience", claims => claims["aud"] = "another-broker", "Audience"),
            ("six minutes", claims => claims["exp"] = 1_800_000_361, "Lifetime"),
            ("no id", claims => claims.Remove("jti"), "Claims"),
            ("an empty id", claims => claims["jti"] = string.Empty, "Claims"),
            ("in another's name", claims => claims["sub"] = "ada", "Issuer"),
            ("of nobody", claims => (claims["iss"], claims["sub"]) = ("nobody", "nobody"), "Issuer"),
            ("from the future", claims => (claims["iat"], claims["exp"]) = (1_800_000_040, 1_800_000_100), "NotYet"),
        ];
        foreach ((string name, Action<JsonObject> change, string fault) in wrong)
        {
            JsonObject claims = OwnClaims("bridge");
            change(claims);
            Assert.That(await RefusedAsync(new Hello { Assertion = key.Sign(claims) }), Is.EqualTo((CloseCode.AssertionRefused, fault)), name);
        }

        Assert.That(await RefusedAsync(new Hello { Assertion = key.Sign(OwnClaims("bridge"), header => header["typ"] = "at+jwt") }), Is.EqualTo((CloseCode.AssertionRefused, "Type")));
        Assert.That(await RefusedAsync(new Hello { Assertion = _signer.Sign(OwnClaims("bridge")) }), Is.EqualTo((CloseCode.AssertionRefused, "Issuer")), "another algorithm than its key's");
        using TestSigner stranger = TestSigner.OfEd25519();
        Assert.That(await RefusedAsync(new Hello { Assertion = stranger.Sign(OwnClaims("bridge")) }), Is.EqualTo((CloseCode.AssertionRefused, "Signature")));
        Assert.That(await RefusedAsync(new Hello { Assertion = key.Sign(OwnClaims("bridge"), header => header["alg"] = "none") }), Is.EqualTo((CloseCode.AssertionRefused, "Issuer")));
        await _accounts.SignInAsync(new Hello { Name = "ada", Password = "correct horse", Register = true }, CancellationToken.None);
        Assert.That(await RefusedAsync(new Hello { Assertion = key.Sign(OwnClaims("ada")) }), Is.EqualTo((CloseCode.AssertionRefused, "Issuer")), "people have no keys");
    }

    [Test]
    public async Task AServicesAssertionSignsInOnceAlsoBehindARestart()
    {
        using TestSigner key = TestSigner.OfRsa();
        UserId service = await CreateAsync("bridge", key.Jwk.ToJsonString());
        string text = key.Sign(OwnClaims("bridge"));
        (SignedIn? User, SignInRefused? Refused)[] all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _signIn.SignInAsync(new Hello { Assertion = text }, [], "test")));
        Assert.That(all.Count(one => one.User is not null), Is.EqualTo(1));
        Assert.That(all.Where(one => one.Refused is not null).Select(one => one.Refused!.Detail), Is.All.EqualTo("Replayed"));
        Assert.That((await SignIn(mayRegister: true).SignInAsync(new Hello { Assertion = text }, [], "test")).Refused!.Detail, Is.EqualTo("Replayed"), "what is stored outlives the process");
        SignedIn user = all.Single(one => one.User is not null).User!;
        Assert.That((await _signIn.ReauthenticateAsync(user.Actor, text)).Refused!.Detail, Is.EqualTo("Replayed"));
        string next = key.Sign(OwnClaims("bridge"));
        Assert.That((await _signIn.ReauthenticateAsync(user.Actor, next)).User, Is.Not.Null);
        Assert.That((await _signIn.ReauthenticateAsync(user.Actor, next)).Refused!.Detail, Is.EqualTo("Replayed"));

        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.That(await RefusedAsync(new Hello { Assertion = text }), Is.EqualTo((CloseCode.TokenExpired, "Expired")));
        JsonObject later = OwnClaims("bridge");
        (later["iat"], later["exp"]) = (1_800_000_360, 1_800_000_400);
        Assert.That((await _signIn.SignInAsync(new Hello { Assertion = key.Sign(later) }, [], "test")).User, Is.Not.Null);
        Assert.That(UsedOf(service), Is.EqualTo(1), "those whose time is over have gone");
    }

    [Test]
    public async Task WhatIsRememberedOfAServicesAssertionsIsBounded()
    {
        using TestSigner key = TestSigner.OfEd25519();
        UserId service = await CreateAsync("bridge", key.PublicPem);
        SignedIn user = (await _signIn.SignInAsync(new Hello { Assertion = key.Sign(OwnClaims("bridge")) }, [], "test")).User!;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            for (int i = 0; i < 80; i++)
            {
                await _signIn.ReauthenticateAsync(user.Actor, key.Sign(OwnClaims("bridge")));
            }
        }));
        Assert.That(UsedOf(service), Is.InRange(ServiceKeys.UsedMax, ServiceKeys.UsedMax + 16));
        (_, SignInRefused? refused) = await _signIn.ReauthenticateAsync(user.Actor, key.Sign(OwnClaims("bridge")));
        Assert.That((refused!.Code, refused.RetryAfterMs), Is.EqualTo((CloseCode.Overloaded, 2000u)));
    }

    [Test]
    public async Task KeysAreChangedWithoutAPause()
    {
        using TestSigner old = TestSigner.OfP256();
        using TestSigner next = TestSigner.OfEd25519();
        UserId service = await CreateAsync("bridge", old.PublicPem);
        ServiceRequests requests = new(_services, _sessions, _bench.Log, AuditLog.None);
        _clock.Advance(TimeSpan.FromSeconds(1));
        string[] keys = Keys(await requests.ChangeKeysAsync(Operator, Change(service).Set("add", next.PublicPem)));
        Assert.That(keys, Has.Length.EqualTo(2));
        Assert.That(Keys(await requests.ChangeKeysAsync(Operator, Change(service).Set("add", next.Jwk.ToJsonString()))), Is.EqualTo(keys), "the same key once more");
        SignedIn before = (await _signIn.SignInAsync(new Hello { Assertion = old.Sign(OwnClaims("bridge")) }, [], "test")).User!;
        SignedIn after = (await _signIn.SignInAsync(new Hello { Assertion = next.Sign(OwnClaims("bridge")) }, [], "test")).User!;
        Assert.That(after.Actor.User, Is.EqualTo(before.Actor.User));
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.That(Keys(await requests.ChangeKeysAsync(Operator, Change(service).Set("remove", keys[0]))), Is.EqualTo([keys[1]]));
        Assert.That(_accounts.Judge(before), Is.Not.Null, "who was signing in meanwhile is turned away behind the attaching");
        Assert.That(await RefusedAsync(new Hello { Assertion = old.Sign(OwnClaims("bridge")) }), Is.EqualTo((CloseCode.AssertionRefused, "Issuer")));
        SignedIn again = (await _signIn.SignInAsync(new Hello { Assertion = next.Sign(OwnClaims("bridge")), Device = after.Actor.Device }, [], "test")).User!;
        Assert.That(again.Actor, Is.EqualTo(after.Actor), "with the device that it had: by it a message is known that comes again");
        Assert.That(_accounts.Judge(again), Is.Null);
        Assert.That((await requests.ChangeKeysAsync(Operator, Change(service).Set("remove", keys[1]))).Error, Is.EqualTo(ErrorCode.Conflict), "the only way in");
        Assert.That((await requests.ChangeKeysAsync(Operator, Change(service))).Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That((await requests.ChangeKeysAsync(Operator, Change(service).Set("add", "nonsense"))).Error, Is.EqualTo(ErrorCode.KeyInvalid));
        Assert.That((await requests.ChangeKeysAsync(Operator, Change(service).Set("add", next.PublicPem).Set("remove", keys[1]))).Error, Is.EqualTo(ErrorCode.BadRequest), "out and in again");
        Assert.That((await requests.ChangeKeysAsync(Operator, Change(new UserId(77)).Set("add", next.PublicPem))).Error, Is.EqualTo(ErrorCode.NoSuchUser));
        for (int i = 0; i < ProtocolLimits.ServiceKeysMax - 1; i++)
        {
            using TestSigner more = TestSigner.OfEd25519();
            Keys(await requests.ChangeKeysAsync(Operator, Change(service).Set("add", more.PublicPem)));
        }

        Assert.That((await requests.ChangeKeysAsync(Operator, Change(service).Set("add", old.PublicPem))).Error, Is.EqualTo(ErrorCode.TooMany));
        Assert.That(_services.List(default, 10, out _).Single().Keys, Has.Count.EqualTo(ProtocolLimits.ServiceKeysMax));
        await requests.RevokeAsync(Operator, Change(service));
        Assert.That(await RefusedAsync(new Hello { Assertion = next.Sign(OwnClaims("bridge")) }), Is.EqualTo((CloseCode.AssertionRefused, "Issuer")));
        Assert.That(_accounts.Judge(again), Is.Not.Null);
        int left = 0;
        _bench.Log.Scan(Table.State, "G"u8, [], (_, _) => ++left > 0);
        Assert.That(left, Is.Zero);
    }

    [Test]
    public async Task ACertificateSignsInTheOneServiceThatHasItsName()
    {
        ServiceRequests requests = new(_services, _sessions, _bench.Log, AuditLog.None);
        UserId bridge = new((await requests.CreateAsync(Operator, New("bridge").Set("certificate", "dns:bridge.example"))).Map!.Id("user"));
        Hello hello = new() { Certificate = true, Name = "bridge" };
        (SignedIn? user, _) = await _signIn.SignInAsync(hello, ["dns:other.example", "dns:bridge.example"], "test");
        Assert.That((user!.Actor.User, user.Way, user.HoldsUntilMicros, user.NewToken), Is.EqualTo((bridge, "certificate", 0L, (string?)null)));
        foreach (string[] names in (string[][])[[], ["dns:Bridge.example"], ["dns:bridge.example.org"], ["dns:x.bridge.example"], ["uri:bridge.example"], ["bridge.example"]])
        {
            Assert.That((await _signIn.SignInAsync(hello, names, "test")).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials), string.Join(',', names));
        }

        foreach (Hello other in (Hello[])[hello with { Name = null }, hello with { Name = "nobody" }, hello with { Name = "ada" }])
        {
            Assert.That((await _signIn.SignInAsync(other, ["dns:bridge.example"], "test")).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        }

        Assert.That((await requests.CreateAsync(Operator, New("other").Set("certificate", "dns:bridge.example"))).Error, Is.EqualTo(ErrorCode.KeyInvalid), "one name, one service");
        foreach (string wrong in (string[])["", "dns:", "bridge.example", "cn:bridge", "dns:a b", "dns:bücher.example"])
        {
            Assert.That((await requests.CreateAsync(Operator, New("other").Set("certificate", wrong))).Error, Is.EqualTo(ErrorCode.KeyInvalid), wrong);
        }

        Assert.That((await requests.CreateAsync(Operator, New("other").Set("certificate", "dns:x").Set("key", _signer.PublicPem))).Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That(_services.List(default, 10, out _).Single().Certificate, Is.EqualTo("dns:bridge.example"));
        await requests.RevokeAsync(Operator, Change(bridge));
        Assert.That((await _signIn.SignInAsync(hello, ["dns:bridge.example"], "test")).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That(_accounts.Judge(user), Is.Not.Null);
        Assert.That((await requests.CreateAsync(Operator, New("other").Set("certificate", "dns:bridge.example"))).Error, Is.EqualTo(ErrorCode.None), "it is free again");
    }

    [Test]
    public async Task AnUnknownKeyMayBeOneThatWasMadeJustNow()
    {
        using TestSigner next = TestSigner.OfP256("next");
        Assert.That(await RefusedAsync(new Hello { Assertion = next.Sign(AssertionTests.Claims()) }), Is.EqualTo((CloseCode.AssertionRefused, "Key")));
        File.WriteAllText(_directory.PathOf("keys.json"), TestSigner.SetOf(_signer, next));
        Assert.That((await _signIn.SignInAsync(new Hello { Assertion = next.Sign(AssertionTests.Claims()) }, [], "test")).User, Is.Not.Null, "the file is looked at when a key is missed");
        File.WriteAllText(_directory.PathOf("keys.json"), "half of it {");
        _keys.Look();
        Assert.That(_keys.IsInTrouble, Is.True);
        await GoodAsync(new Hello());
        File.Delete(_directory.PathOf("keys.json"));
        _keys.Look();
        await GoodAsync(new Hello());
        File.WriteAllText(_directory.PathOf("keys.json"), TestSigner.SetOf(next));
        _keys.Look();
        Assert.That(_keys.IsInTrouble, Is.False);
        Assert.That(await RefusedAsync(new Hello { Assertion = Token() }), Is.EqualTo((CloseCode.AssertionRefused, "Key")), "the old key is gone");
    }

    private static ControlMap Change(UserId service) => new ControlMap().SetId("user", service.Value);

    private static ControlMap New(string name) => new ControlMap().Set("name", name).Set("rights", new List<object?> { "publish" });

    private static string[] Keys(ControlAnswer answer)
    {
        Assert.That(answer.Error, Is.EqualTo(ErrorCode.None), answer.Reason);
        return answer.Map!.Texts("keys", 64)!;
    }

    private int UsedOf(UserId service) => new ServiceKeys(_bench.Log).AllOf(service).Count(key => key.Length == StateKeys.UsedAssertionSize);

    private async Task<UserId> CreateAsync(string name, string key)
    {
        ControlAnswer answer = await new ServiceRequests(_services, _sessions, _bench.Log, AuditLog.None).CreateAsync(Operator, New(name).Set("key", key));
        Assert.That(answer.Error, Is.EqualTo(ErrorCode.None), answer.Reason);
        Assert.That(answer.Map!["token"], Is.Null);
        return new UserId(answer.Map.Id("user"));
    }

    private JsonObject OwnClaims(string name) => new()
    {
        ["iss"] = name,
        ["sub"] = name,
        ["aud"] = "this-broker",
        ["iat"] = 1_800_000_000,
        ["exp"] = 1_800_000_060,
        ["jti"] = $"id-{Interlocked.Increment(ref _lastId)}",
    };

    private string Token(Action<JsonObject>? change = null)
    {
        JsonObject claims = AssertionTests.Claims();
        change?.Invoke(claims);
        return _signer.Sign(claims);
    }

    private async Task<SignedIn> GoodAsync(Hello hello, Action<JsonObject>? change = null)
    {
        (SignedIn? user, SignInRefused? refused) = await _signIn.SignInAsync(hello with { Assertion = Token(change) }, [], "test");
        Assert.That(refused, Is.Null);
        return user!;
    }

    private async Task<(CloseCode Code, string? Detail)> RefusedAsync(Hello hello)
    {
        (SignedIn? user, SignInRefused? refused) = await _signIn.SignInAsync(hello, [], "test");
        Assert.That(user, Is.Null);
        return (refused!.Code, refused.Detail);
    }

    private AssertionSignIn SignIn(bool mayRegister) => new(
        _bench.Router,
        _bench.Log,
        _accounts,
        new RandomSource(new Random(++_lastId).NextBytes),
        new AssertionSettings([new TrustedIssuer(Issuer, "fastchat", _keys) { NameClaim = "preferred_username", MayRegister = mayRegister, Types = ["JWT"] }], "this-broker", TimeSpan.FromHours(1)),
        AuditLog.None,
        _metrics);
}
