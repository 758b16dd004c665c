using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Access and refresh tokens, devices and their ends, over the real router, an in-memory log and a clock that the test moves (protocol.md §3.4).</summary>
[CancelAfter(120_000)]
internal sealed class DevicesTests
{
    private const string Password = "correct horse";

    private FakeTimeProvider _clock = null!;
    private RouterBench _bench = null!;
    private PasswordHasher _passwords = null!;
    private Accounts _accounts = null!;

    [SetUp]
    public void MakeAccounts()
    {
        Random random = new(5);
        RandomSource source = new(random.NextBytes);
        _clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(50));
        _bench = new RouterBench(clock: _clock);
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
    public async Task AnAccessTokenHoldsForItsTimeAndARefreshTokenGivesTheNext()
    {
        SignedIn first = await RegisterAsync("ada", renews: true);
        Assert.That(first.HoldsUntilMicros, Is.EqualTo(NowMicros() + (15L * 60 * 1_000_000)));
        Assert.That((await TokenAsync(first.NewToken!)).User!.Actor, Is.EqualTo(first.Actor));
        _clock.Advance(TimeSpan.FromMinutes(15));
        Assert.That((await TokenAsync(first.NewToken!)).Refused!.Code, Is.EqualTo(CloseCode.TokenExpired));

        SignedIn second = (await RefreshAsync(first.NewRefresh!)).User!;
        Assert.That(second.Actor, Is.EqualTo(first.Actor), "the same device");
        Assert.That((second.NewToken, second.NewRefresh), Is.Not.EqualTo((first.NewToken, first.NewRefresh)));
        Assert.That((await TokenAsync(second.NewToken!)).User!.Actor, Is.EqualTo(first.Actor));
        Assert.That((await TokenAsync(second.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid), "a refresh token is no access token");
        Assert.That((await RefreshAsync(second.NewToken!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid), "and the other way round");
    }

    [Test]
    public async Task WhatNobodyCanSignInWithAnyMoreIsTakenAwayInSteps()
    {
        // More devices than a step looks at; one of them stays in use, one is of a program.
        SignedIn used = await RegisterAsync("ada", renews: true);
        for (int i = 0; i < DeviceSweep.StepMax + 5; i++)
        {
            await PasswordAsync("ada", renews: i % 2 == 0);
        }

        Assert.That(Count('v'), Is.EqualTo(DeviceSweep.StepMax + 6));
        using DeviceSweep sweep = new(_accounts.Devices, _bench.Log, TimeProvider.System, defect => Assert.Fail(defect.ToString()));
        string refresh = used.NewRefresh!;
        for (int week = 0; week < 6; week++)
        {
            // Thirty days idle, and a week of grace.
            Assert.That(await SweepAsync(sweep), Is.Zero, $"week {week}");
            _clock.Advance(TimeSpan.FromDays(6));
            refresh = (await RefreshAsync(refresh)).User!.NewRefresh!;
        }

        _clock.Advance(TimeSpan.FromDays(2));
        Assert.That(await SweepAsync(sweep), Is.EqualTo(DeviceSweep.StepMax + 5));
        Assert.That((Count('v'), Count('R')), Is.EqualTo((1, 1)));
        Assert.That(Count('t'), Is.EqualTo(2), "no token of theirs lies about");
        Assert.That((await RefreshAsync(refresh)).User!.Actor, Is.EqualTo(used.Actor));

        // The process died when the device was gone and its family was not yet.
        byte[] device = IdentityKeys.Device(used.Actor.User, used.Actor.Device);
        await _bench.Router.ExecuteAsync(
            CommandKind.StateWrite, default, _bench.Router.Map.ShardOf(used.Actor.User.Value), new StateWriteCommand([new StateEntry(device, null)]).ToBytes(), CancellationToken.None);
        Assert.That(await SweepAsync(sweep), Is.EqualTo(1));
        Assert.That((Count('v'), Count('R'), Count('t')), Is.EqualTo((0, 0, 0)));
    }

    private static async Task<int> SweepAsync(DeviceSweep sweep)
    {
        int taken = 0;
        for (int step = 0; step < 8; step++)
        {
            taken += await sweep.StepAsync();
        }

        return taken;
    }

    private int Count(char letter)
    {
        int count = 0;
        _bench.Log.Scan(Table.State, [(byte)letter], [], (_, _) =>
        {
            count++;
            return true;
        });
        return count;
    }

    [Test]
    public async Task WhoLostTheAnswerIsGivenItAgainUntilItIsUsed()
    {
        SignedIn first = await RegisterAsync("ada", renews: true);
        SignedIn lost = (await RefreshAsync(first.NewRefresh!)).User!;
        SignedIn again = (await RefreshAsync(first.NewRefresh!)).User!;
        Assert.That((again.NewToken, again.NewRefresh, again.HoldsUntilMicros), Is.EqualTo((lost.NewToken, lost.NewRefresh, lost.HoldsUntilMicros)), "the same pair, not another one");
        Assert.That(again.Actor, Is.EqualTo(first.Actor));

        Assert.That((await TokenAsync(again.NewToken!)).User, Is.Not.Null);
        SignInRefused refused = (await RefreshAsync(first.NewRefresh!)).Refused!;
        Assert.That((refused.Code, refused.Reused?.Device), Is.EqualTo((CloseCode.TokenInvalid, (DeviceId?)first.Actor.Device)), "somebody has used the pair: one of two is a thief");
        Assert.That((await TokenAsync(again.NewToken!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That((await RefreshAsync(again.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That(_accounts.Judge(again)?.Code, Is.EqualTo(CloseCode.TokenInvalid), "also of who is just signing in");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task ARefreshTokenOfAnyEarlierStepEndsTheDevice(bool wasConfirmed)
    {
        SignedIn first = await RegisterAsync("ada", renews: true);
        SignedIn current = first;
        for (int step = 0; step < 3; step++)
        {
            current = (await RefreshAsync(current.NewRefresh!)).User!;
            if (wasConfirmed)
            {
                Assert.That((await TokenAsync(current.NewToken!)).User, Is.Not.Null);
            }
        }

        Assert.That((await RefreshAsync(first.NewRefresh!)).Refused!.Reused, Is.Not.Null);
        Assert.That((await RefreshAsync(current.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That(_accounts.Devices.Find(first.Actor.User, first.Actor.Device), Is.Null);
    }

    [Test]
    public async Task ThoseWhoRefreshAtTheSameMomentGetTheSamePair()
    {
        SignedIn first = await RegisterAsync("ada", renews: true);
        (SignedIn? User, SignInRefused? Refused)[] racing = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => RefreshAsync(first.NewRefresh!)));
        Assert.That(racing.Select(result => result.User?.NewRefresh).Distinct().Count(), Is.EqualTo(1));
        Assert.That(racing[0].User, Is.Not.Null);
    }

    [Test]
    public async Task ADeviceThatDoesNotComeOrIsTooOldShowsThePasswordAgain()
    {
        SignedIn renewing = await RegisterAsync("ada", renews: true);
        SignedIn plain = (await PasswordAsync("ada", renews: false)).User!;
        _clock.Advance(TimeSpan.FromDays(29));
        renewing = (await RefreshAsync(renewing.NewRefresh!)).User!;
        Assert.That((await TokenAsync(plain.NewToken!)).User, Is.Not.Null);
        _clock.Advance(TimeSpan.FromDays(31));
        Assert.That((await RefreshAsync(renewing.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
        Assert.That((await TokenAsync(plain.NewToken!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));

        SignedIn old = (await PasswordAsync("ada", renews: true)).User!;
        for (int month = 0; month < 12; month++)
        {
            _clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromHours(1));
            old = (await RefreshAsync(old.NewRefresh!)).User!;
        }

        _clock.Advance(TimeSpan.FromDays(6));
        Assert.That((await RefreshAsync(old.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid), "a year is over");
    }

    [Test]
    public async Task ALongTokenGoesOnAsLongAsItsDeviceIsSeen()
    {
        SignedIn plain = await RegisterAsync("ada", renews: false);
        Assert.That(plain.NewRefresh, Is.Null);
        for (int i = 0; i < 3; i++)
        {
            _clock.Advance(TimeSpan.FromDays(20));
            Assert.That((await TokenAsync(plain.NewToken!)).User, Is.Not.Null);
            _accounts.Devices.Seen(plain.Actor.User, plain.Actor.Device);
            Assert.That(() => _accounts.Devices.Find(plain.Actor.User, plain.Actor.Device)!.LastSeenMicros, Is.EqualTo(NowMicros()).After(5000, 5));
        }
    }

    [Test]
    public async Task WhatAStoreOfBeforeHasGoesOn()
    {
        SignedIn made = await RegisterAsync("ada", renews: false);
        UserId user = made.Actor.User;
        DeviceId device = new(77);
        await _accounts.WriteAsync(
            user,
            [
                new StateEntry(IdentityKeys.Device(user, device), BitConverter.GetBytes(123L)),
                new StateEntry(IdentityKeys.Token("fc1_old"), new TokenRecord(user, device, 123, 0).ToBytes()),
            ],
            CancellationToken.None);
        _clock.Advance(TimeSpan.FromDays(4000));
        Assert.That((await TokenAsync("fc1_old")).User!.Actor.Device, Is.EqualTo(device));
        Assert.That(_accounts.Devices.List(user, default, 10, out _).Select(entry => entry.Number), Does.Contain(device));
        await _accounts.Devices.EndAsync(user, [device]);
        Assert.That((await TokenAsync("fc1_old")).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
    }

    [Test]
    public async Task AnotherPasswordEndsAllOtherDevicesAndThisOnesTokens()
    {
        SignedIn other = await RegisterAsync("ada", renews: true);
        SignedIn own = (await PasswordAsync("ada", renews: true)).User!;
        Assert.That((await _accounts.ChangePasswordAsync(own.Actor, "wrong horse", "battery staple", true)).Result.Error, Is.EqualTo(ErrorCode.WrongCredentials));
        Assert.That((await _accounts.ChangePasswordAsync(own.Actor, Password, "short", true)).Result.Error, Is.EqualTo(ErrorCode.PasswordInvalid));
        _clock.Advance(TimeSpan.FromSeconds(1));
        (CommandResult result, IssuedTokens? tokens) = await _accounts.ChangePasswordAsync(own.Actor, Password, "battery staple", true);
        Assert.That((result.Error, result.Count), Is.EqualTo((ErrorCode.None, 1)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((await TokenAsync(other.NewToken!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
            Assert.That((await RefreshAsync(other.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
            Assert.That((await TokenAsync(own.NewToken!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
            Assert.That((await RefreshAsync(own.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));
            Assert.That((await TokenAsync(tokens!.Token)).User!.Actor, Is.EqualTo(own.Actor));
            Assert.That((await PasswordAsync("ada", renews: false)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials));
            Assert.That(_accounts.Judge(other), Is.Not.Null, "who is just signing in is turned away behind the attaching");
        }
    }

    [Test]
    public async Task ASignInWithTheOldPasswordThatIsUnderWayDoesNotOutliveTheNewOne()
    {
        SignedIn own = await RegisterAsync("ada", renews: true);
        Task<(CommandResult Result, IssuedTokens? Tokens)> changing = _accounts.ChangePasswordAsync(own.Actor, Password, "battery staple", true);

        // They come all the time, so some have read the old verifier, and wait to be compared with it, when the new one is written.
        List<Task<(SignedIn? User, SignInRefused? Refused)>> coming = [];
        while (!changing.IsCompleted && coming.Count < 50)
        {
            coming.Add(PasswordAsync("ada", renews: true));
            await Task.Delay(3);
        }

        (SignedIn? User, SignInRefused? Refused)[] racing = await Task.WhenAll(coming);
        Assert.That((await changing).Result.Error, Is.EqualTo(ErrorCode.None));
        foreach ((SignedIn? user, _) in racing)
        {
            Assert.That(user is null || _accounts.Judge(user) is not null, "what the old password let in is gone");
        }
    }

    [Test]
    public async Task WhoIsSuspendedIsNotLetInByAnythingAndKeepsTheNameAndTheDevices()
    {
        SignedIn ada = await RegisterAsync("ada", renews: true);
        Assert.That((await _accounts.SuspendAsync(ada.Actor.User, true)).Changed, Is.True);
        Assert.That((await _accounts.SuspendAsync(ada.Actor.User, true)).Changed, Is.False);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((await TokenAsync(ada.NewToken!)).Refused!.Code, Is.EqualTo(CloseCode.Suspended));
            Assert.That((await RefreshAsync(ada.NewRefresh!)).Refused!.Code, Is.EqualTo(CloseCode.Suspended));
            Assert.That((await PasswordAsync("ada", renews: true)).Refused!.Code, Is.EqualTo(CloseCode.Suspended));
            Assert.That((await _accounts.SignInAsync(new Hello { Name = "ada", Password = "wrong horse" }, default)).Refused!.Code, Is.EqualTo(CloseCode.BadCredentials), "who does not know the password is told nothing");
            Assert.That((await _accounts.SignInAsync(new Hello { Name = "ada", Password = Password, Register = true }, default)).Refused!.Code, Is.EqualTo(CloseCode.NameTaken));
            Assert.That(_accounts.Judge(ada)?.Code, Is.EqualTo(CloseCode.Suspended));
            Assert.That(_accounts.RightsOf(ada.Actor.User), Is.EqualTo(AccountRights.Service), "nothing that is scheduled is published");
        }

        Assert.That((await _accounts.SuspendAsync(ada.Actor.User, false)).Changed, Is.True);
        Assert.That((await TokenAsync(ada.NewToken!)).User!.Actor, Is.EqualTo(ada.Actor));
        Assert.That((await RefreshAsync(ada.NewRefresh!)).User, Is.Not.Null, "the step that was refused in between is no theft");
        Assert.That((await _accounts.SuspendAsync(new UserId(1), true)).Error, Is.EqualTo(ErrorCode.NoSuchUser));
    }

    [Test]
    public async Task TheFiveHundredAndFirstDeviceEndsTheOneNotSeenForLongest()
    {
        SignedIn ada = await RegisterAsync("ada", renews: false);
        StateEntry[] many = Enumerable.Range(1, Devices.PerUserMax - 1)
            .Select(number => new StateEntry(IdentityKeys.Device(ada.Actor.User, new DeviceId((ulong)number)), new StoredDevice(SignInWay.Token, 1000 - number, "x").ToBytes()))
            .ToArray();
        await _accounts.WriteAsync(ada.Actor.User, many, CancellationToken.None);
        Assert.That((await PasswordAsync("ada", renews: true)).User, Is.Not.Null);
        List<DeviceId> all = _accounts.Devices.All(ada.Actor.User);
        Assert.That(all, Has.Count.EqualTo(Devices.PerUserMax).And.No.Member(new DeviceId(Devices.PerUserMax - 1)).And.Member(ada.Actor.Device));
    }

    [Test]
    public async Task NoTokenIsStoredAndWhatLiesThereSignsInNobody()
    {
        SignedIn ada = await RegisterAsync("ada", renews: true);
        SignedIn next = (await RefreshAsync(ada.NewRefresh!)).User!;
        string[] secrets = [ada.NewToken!, ada.NewRefresh!, next.NewToken!, next.NewRefresh!];
        List<byte[]> halves = secrets.Select(secret => System.Buffers.Text.Base64Url.DecodeFromChars(secret.AsSpan(4))).SelectMany(bytes => bytes.Chunk(32)).ToList();
        _bench.Log.Scan(Table.State, [], [], (key, value) =>
        {
            foreach (byte[] half in halves)
            {
                Assert.That(key.IndexOf(half) < 0 && value.IndexOf(half) < 0, Is.True);
            }

            return true;
        });
    }

    [TestCase("")]
    [TestCase("fr1_")]
    [TestCase("fr1_####")]
    [TestCase("fc1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task WhatIsNoRefreshTokenIsUnknown(string text) => Assert.That((await RefreshAsync(text)).Refused!.Code, Is.EqualTo(CloseCode.TokenInvalid));

    private long NowMicros() => _bench.Router.NowMicros();

    private async Task<SignedIn> RegisterAsync(string name, bool renews) =>
        (await _accounts.SignInAsync(new Hello { Name = name, Password = Password, Register = true, Renews = renews, Client = "test" }, CancellationToken.None)).User!;

    private Task<(SignedIn? User, SignInRefused? Refused)> PasswordAsync(string name, bool renews) =>
        _accounts.SignInAsync(new Hello { Name = name, Password = Password, Renews = renews }, CancellationToken.None);

    private Task<(SignedIn? User, SignInRefused? Refused)> TokenAsync(string token) => _accounts.SignInAsync(new Hello { Token = token }, CancellationToken.None);

    private Task<(SignedIn? User, SignInRefused? Refused)> RefreshAsync(string refresh) => _accounts.SignInAsync(new Hello { Refresh = refresh }, CancellationToken.None);
}
