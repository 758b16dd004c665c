using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Accounts, devices, tokens and passwords over the real router and an in-memory log.</summary>
[CancelAfter(120_000)]
internal sealed class AccountsTests
{
    private const string Password = "correct horse";

    private RouterBench _bench = null!;
    private PasswordHasher _passwords = null!;
    private Accounts _accounts = null!;

    [SetUp]
    public void MakeAccounts()
    {
        Random random = new(5);
        RandomSource source = new(random.NextBytes);
        _bench = new RouterBench();
        _passwords = new PasswordHasher(source);
        _accounts = new Accounts(_bench.Router, _bench.Log, _passwords, source, isRegistrationOpen: true);
    }

    [TearDown]
    public void End()
    {
        _passwords.Dispose();
        _bench.Dispose();
    }

    [Test]
    public async Task WhoRegisteredSignsInWithPasswordOrTokenAndKeepsTheDevice()
    {
        SignedIn made = (await RegisterAsync("Alice")).User!;
        SignedIn byToken = (await SignInAsync(new Hello { Token = made.NewToken })).User!;
        Assert.That(byToken.Actor, Is.EqualTo(made.Actor));
        Assert.That(byToken.NewToken, Is.Null);

        SignedIn sameDevice = (await SignInAsync(new Hello { Name = "alice", Password = Password, Device = made.Actor.Device })).User!;
        Assert.That(sameDevice.Actor, Is.EqualTo(made.Actor));
        Assert.That(sameDevice.Name, Is.EqualTo("Alice"), "the name as registered");
        Assert.That(sameDevice.NewToken, Is.Not.Null.And.Not.EqualTo(made.NewToken));

        SignedIn newDevice = (await SignInAsync(new Hello { Name = "ALICE", Password = Password })).User!;
        Assert.That(newDevice.Actor.User, Is.EqualTo(made.Actor.User));
        Assert.That(newDevice.Actor.Device, Is.Not.EqualTo(made.Actor.Device));
    }

    [Test]
    public async Task AVerifierWithLessThanIsUsedNowIsMadeAnewWhenThePasswordIsShown()
    {
        SignedIn made = (await RegisterAsync("alice")).User!;
        byte[] key = IdentityKeys.Account(made.Actor.User);
        AccountRecord account = AccountRecord.Parse(_bench.Log.Get(Table.State, key)!);
        Assert.That(PasswordHasher.IsOutdated(account.Verifier!), Is.False);
        string weak = PasswordHasher.Hash(Password, new byte[16], memoryKiB: 8 * 1024, passes: 1);
        Assert.That(PasswordHasher.IsOutdated(weak), Is.True);
        await _accounts.WriteAsync(made.Actor.User, [new StateEntry(key, (account with { Verifier = weak }).ToBytes())], CancellationToken.None);

        Assert.That((await SignInAsync(new Hello { Name = "alice", Password = "wrong horse" })).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
        Assert.That(AccountRecord.Parse(_bench.Log.Get(Table.State, key)!).Verifier, Is.EqualTo(weak), "only the right password makes a new one");
        Assert.That((await SignInAsync(new Hello { Name = "alice", Password = Password })).User, Is.Not.Null);
        string fresh = AccountRecord.Parse(_bench.Log.Get(Table.State, key)!).Verifier!;
        Assert.That(PasswordHasher.IsOutdated(fresh), Is.False);
        Assert.That((await SignInAsync(new Hello { Name = "alice", Password = Password })).User, Is.Not.Null);
        Assert.That(AccountRecord.Parse(_bench.Log.Get(Table.State, key)!).Verifier, Is.EqualTo(fresh), "once");
    }

    [Test]
    public async Task ADeviceOfSomebodyElseIsNotTakenOver()
    {
        SignedIn alice = (await RegisterAsync("alice")).User!;
        await RegisterAsync("bob");
        SignedIn bob = (await SignInAsync(new Hello { Name = "bob", Password = Password, Device = alice.Actor.Device })).User!;
        Assert.That(bob.Actor.Device, Is.Not.EqualTo(alice.Actor.Device));
    }

    [Test]
    public async Task ANameIsTakenInEverySpelling()
    {
        await RegisterAsync("Alice");
        Assert.That((await RegisterAsync("aLICE")).Refused!.Code, Is.EqualTo(CloseCode.NameTaken));
        (SignedIn? User, SignInRefused? Refused)[] racing = await Task.WhenAll(RegisterAsync("bob"), RegisterAsync("BOB"), RegisterAsync("Bob"));
        Assert.That(racing.Count(result => result.User is not null), Is.EqualTo(1), "one of those who race");
        Assert.That(racing.Where(result => result.User is null).Select(result => result.Refused!.Code), Is.All.EqualTo(CloseCode.NameTaken));
    }

    [TestCase("alice", "wrong horse", CloseCode.BadCredentials)]
    [TestCase("nobody", Password, CloseCode.BadCredentials)]
    [TestCase("not a name!", Password, CloseCode.BadCredentials)]
    public async Task WrongCredentialsAllLookTheSame(string name, string password, CloseCode expected)
    {
        await RegisterAsync("alice");
        SignInRefused refused = (await SignInAsync(new Hello { Name = name, Password = password })).Refused!;
        Assert.That((refused.Code, refused.Reason), Is.EqualTo((expected, "wrong name or password")));
    }

    [Test]
    public async Task AnOverlongPasswordIsSimplyWrong()
    {
        await RegisterAsync("alice");
        Assert.That((await SignInAsync(new Hello { Name = "alice", Password = new string('x', 257) })).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
    }

    [TestCase("", Password, CloseCode.NameInvalid)]
    [TestCase("-x", Password, CloseCode.NameInvalid)]
    [TestCase("bob", "short", CloseCode.PasswordInvalid)]
    public async Task RegisteringHasRules(string name, string password, CloseCode expected) => Assert.That(
        (await SignInAsync(new Hello { Name = name, Password = password, Register = true })).Refused!.Code, Is.EqualTo(expected));

    [Test]
    public async Task AClosedHouseRegistersNobody()
    {
        Accounts closed = new(_bench.Router, _bench.Log, _passwords, RandomSource.Cryptographic, isRegistrationOpen: false);
        Hello hello = new() { Name = "alice", Password = Password, Register = true };
        Assert.That((await closed.SignInAsync(hello, CancellationToken.None)).Refused!.Code, Is.EqualTo(CloseCode.RegistrationClosed));
    }

    [Test]
    public async Task AnUnknownTokenIsRefused() => Assert.That(
        (await SignInAsync(new Hello { Token = _accounts.Devices.NewToken() })).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));

    [Test]
    public async Task ImportingIsIdempotentAlsoForThoseWhoRace()
    {
        UserId[] first = await _accounts.ImportAsync(["Jane Doe", "Jane Doe", "jane doe"], CancellationToken.None);
        UserId[] again = await _accounts.ImportAsync(["jane doe", "Jane Doe"], CancellationToken.None);
        Assert.That(first[1], Is.EqualTo(first[0]));
        Assert.That(first[2], Is.Not.EqualTo(first[0]), "imported names are exact");
        Assert.That(again, Is.EqualTo(new[] { first[2], first[0] }));
        Assert.That(_accounts.Find("Jane Doe"), Is.EqualTo(new UserInfo(first[0], "Jane Doe", true)));
        Assert.That((await SignInAsync(new Hello { Name = "Jane Doe", Password = Password })).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
    }

    [Test]
    public async Task NeitherPasswordNorTokenIsStored()
    {
        SignedIn made = (await RegisterAsync("alice")).User!;
        foreach (string secret in new[] { Password, made.NewToken! })
        {
            byte[] bytes = System.Text.Encoding.UTF8.GetBytes(secret);
            _bench.Log.Scan(Table.State, [], [], (key, value) =>
            {
                Assert.That(key.IndexOf(bytes) < 0 && value.IndexOf(bytes) < 0, Is.True);
                return true;
            });
        }
    }

    [Test]
    public async Task APasswordFitsItsVerifierOnly()
    {
        PasswordVerifiers made = (await _passwords.HashAsync(default, "ada", Password))!;
        Assert.That(made.Hashed, Does.StartWith("$argon2id$v=19$m=19456,t=2,p=1$"));
        Assert.That(made.Scram, Is.Null, "what is not switched on is not kept");
        Assert.That((await _passwords.HashAsync(default, "ada", Password))!.Hashed, Is.Not.EqualTo(made.Hashed), "salted");
        AccountRecord account = made.In(new AccountRecord("ada", false, AccountRights.None, 0, null));
        Assert.That(await _passwords.VerifyAsync(default, Password, account), Is.True);
        Assert.That(await _passwords.VerifyAsync(default, "Correct horse", account), Is.False);
        Assert.That(await _passwords.VerifyAsync(default, Password, null), Is.False);
        Assert.That(await _passwords.VerifyAsync(default, "no account has this password", null), Is.False, "the decoy lets nobody in");
        Assert.That(await _passwords.VerifyAsync(default, Password, account with { Verifier = "$other$x" }), Is.False);
    }

    [Test]
    public async Task WhatDoesNotFitTheQueueIsToldSoAtOnce()
    {
        Task<bool?>[] all = Enumerable.Range(0, 200).Select(_ => _passwords.VerifyAsync(default, "x", null)).ToArray();
        int refused = all.Count(task => task.IsCompletedSuccessfully && task.Result is null);
        Assert.That(refused, Is.GreaterThan(50));
        bool?[] results = await Task.WhenAll(all);
        Assert.That(results.Count(result => result == false), Is.EqualTo(200 - refused));
    }

    [Test]
    public async Task AFloodOfPasswordsFromOneAddressKeepsAnotherWaitingForTwoOfThemAtTheMost()
    {
        Task<bool?>[] flood = [.. Enumerable.Range(0, 100).Select(_ => _passwords.VerifyAsync(new AddressKey(1), "x", null))];
        Assert.That(await Task.WhenAny(flood[0], Task.Delay(TimeSpan.FromSeconds(30))), Is.SameAs(flood[0]), "it goes on");
        int before = flood.Count(task => task.IsCompleted);
        Task<bool?> other = _passwords.VerifyAsync(new AddressKey(2), "x", null);
        Assert.That(await other, Is.False, "it found a place, and was looked at");

        // The one that was under way, the flood's next turn, and what may have been counted between the two.
        Assert.That(flood.Count(task => task.IsCompleted), Is.LessThanOrEqualTo(before + 4));
        await Task.WhenAll(flood);
        Assert.That(_passwords.Refused, Is.EqualTo(flood.Count(task => task.Result is null)).And.GreaterThan(20));
    }

    private Task<(SignedIn? User, SignInRefused? Refused)> RegisterAsync(string name) =>
        SignInAsync(new Hello { Name = name, Password = Password, Register = true });

    private Task<(SignedIn? User, SignInRefused? Refused)> SignInAsync(Hello hello) => _accounts.SignInAsync(hello, CancellationToken.None);
}
