using System.Net;

using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Protocol;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>What stands before the door: counts and rates by address.</summary>
internal sealed class AddressLimitsTests
{
    private const string Somewhere = "203.0.113.7";
    private const string Elsewhere = "198.51.100.2";

    private readonly FakeTimeProvider _clock = new();

    [Test]
    public void AnAddressHasSoManyConnectionsAndNoMoreThanTheBroker()
    {
        AddressLimits limits = With(new LimitSettings { ConnectionsPerAddressMax = 3 }, connectionsMax: 5);
        List<Visitor> visitors = [.. Enumerable.Range(0, 3).Select(_ => Enter(limits, Somewhere))];
        Assert.That(Code(limits, Somewhere), Is.EqualTo(CloseCode.TooManyConnections));
        Enter(limits, Elsewhere);
        Enter(limits, Elsewhere);
        Assert.That(Code(limits, "192.0.2.1"), Is.EqualTo(CloseCode.TooManyConnections), "the broker has as many as it may");
        Assert.That((limits.Connections, limits.Addresses), Is.EqualTo((5, 2)), "a refused one is not counted");
        visitors.ForEach(limits.Leave);
        Assert.That((limits.Connections, limits.Addresses), Is.EqualTo((2, 1)), "an address without connections is forgotten");
        Enter(limits, Somewhere);
    }

    [TestCase("2001:db8:1:2:aaaa::1", "2001:db8:1:2:bbbb::2", true)]
    [TestCase("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [TestCase("::ffff:203.0.113.7", "203.0.113.7", true)]
    [TestCase("203.0.113.7", "203.0.113.8", false)]
    public void WhatCountsAsOneAddress(string one, string other, bool isSame)
    {
        AddressLimits limits = With(new LimitSettings { ConnectionsPerAddressMax = 1 });
        Enter(limits, one);
        Assert.That(limits.Enter(other, out _) is not null, Is.EqualTo(isSame));
    }

    [Test]
    public void AProxyAndAUnixSocketAreNotCountedButTheirStrangersAre()
    {
        AddressLimits limits = With(new LimitSettings { ConnectionsPerAddressMax = 1, ConnectsPerSecond = 0.1, Trusted = [IPNetwork.Parse("10.0.0.0/8")] }, strangersMax: 5);
        foreach (string remote in new[] { "10.1.2.3", "local" })
        {
            Visitor[] visitors = [.. Enumerable.Range(0, 10).Select(_ => Enter(limits, remote))];
            Assert.That(visitors.Count(visitor => limits.BeginSignIn(visitor) is null), Is.EqualTo(5));
            limits.EndSignIn(visitors[0]);
            Assert.That(limits.BeginSignIn(visitors[0]), Is.Null);
            Assert.That(Enumerable.Range(0, 1000).All(_ => limits.BeginPassword(visitors[0], isRegistration: false) is null));
        }
    }

    [Test]
    public void ConnectionsComeAtARateAndEveryRefusalNamesAMomentOfItsOwn()
    {
        AddressLimits limits = With(new LimitSettings { ConnectsPerSecond = 10, BurstSeconds = 2 });
        SignInRefused?[] answers = [.. Enumerable.Range(0, 120).Select(_ => ComeAndGo(limits, Somewhere))];
        SignInRefused[] refused = [.. answers.OfType<SignInRefused>()];
        Assert.That(refused, Has.Length.EqualTo(100));
        Assert.That(refused.Select(answer => answer.Code), Is.All.EqualTo(CloseCode.RateLimited));
        Assert.That(refused.Select(answer => answer.RetryAfterMs), Is.All.InRange(100, 203));
        Assert.That(refused.Select(answer => answer.RetryAfterMs).Distinct().Count(), Is.GreaterThan(30), "spread");
        Assert.That(ComeAndGo(limits, Elsewhere), Is.Null);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(Enumerable.Range(0, 50).Count(_ => ComeAndGo(limits, Somewhere) is null), Is.EqualTo(10));
        limits.Settings = limits.Settings with { IsOn = false };
        Assert.That(ComeAndGo(limits, Somewhere), Is.Null, "switched off while it runs");
    }

    [Test]
    public void PasswordsComeAtARate()
    {
        AddressLimits limits = With(new LimitSettings { SignInsPerSecond = 5, BurstSeconds = 2, WrongPasswordsFree = 1000 });
        Visitor visitor = Enter(limits, Somewhere);
        Assert.That(Enumerable.Range(0, 50).Count(i => limits.BeginPassword(visitor, isRegistration: i % 2 == 0) is null), Is.EqualTo(10));
        Assert.That(limits.BeginPassword(visitor, isRegistration: true)?.Code, Is.EqualTo(CloseCode.RateLimited));
    }

    [Test]
    public void WrongPasswordsHaveGrowingPauses()
    {
        WrongPasswords wrong = new(_clock);
        AddressKey key = new(1);
        for (int i = 0; i < 5; i++)
        {
            Assert.That(wrong.TryBegin(key, free: 5, out _), Is.True);
        }

        List<uint> pauses = [];
        for (int i = 0; i < 8; i++)
        {
            Assert.That(wrong.TryBegin(key, free: 5, out uint pause), Is.False);
            pauses.Add(pause);
            _clock.Advance(TimeSpan.FromMilliseconds(pause - 2));
            Assert.That(wrong.TryBegin(key, free: 5, out _), Is.False, "not earlier");
            _clock.Advance(TimeSpan.FromMilliseconds(2));
            Assert.That(wrong.TryBegin(key, free: 5, out _), Is.True);
        }

        Assert.That(pauses, Is.Ordered.Ascending);
        Assert.That((pauses[0], pauses[4]), Is.EqualTo((1001u, pauses[4])));
        Assert.That(pauses[7], Is.InRange(30_000, 130_000), "what was forgiven meanwhile is not counted");
        Assert.That(wrong.TryBegin(new AddressKey(2), free: 5, out _), Is.True, "nobody else waits");
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.That(Enumerable.Range(0, 5).All(_ => wrong.TryBegin(key, free: 5, out uint _)), Is.True, "forgiven");
    }

    [Test]
    public void ARightPasswordForgivesItsOwnAttemptAndNoOther()
    {
        WrongPasswords wrong = new(_clock);
        AddressKey key = new(1);
        for (int i = 0; i < 1000; i++)
        {
            Assert.That(wrong.TryBegin(key, free: 5, out _), Is.True);
            wrong.OnRight(key);
        }

        // One of one's own between two of somebody else's.
        int tried = 0;
        for (int i = 0; i < 1000; i++)
        {
            tried += wrong.TryBegin(key, free: 5, out _) ? 1 : 0;
            if (wrong.TryBegin(key, free: 5, out _))
            {
                wrong.OnRight(key);
            }
        }

        Assert.That(tried, Is.EqualTo(5));
    }

    [Test]
    public void AConnectionIsTakenFromTheRateOnceWhereverThatWas()
    {
        AddressLimits limits = With(new LimitSettings { ConnectsPerSecond = 10, BurstSeconds = 2 });
        for (int i = 0; i < 20; i++)
        {
            Assert.That(limits.Connect("10.0.0.1"), Is.Null);
            Assert.That(limits.Enter("10.0.0.1", out Visitor? visitor, hasConnected: true), Is.Null);
            limits.Leave(visitor!);
        }

        Assert.That(limits.Connect("10.0.0.1")?.Code, Is.EqualTo(CloseCode.RateLimited));
        Assert.That(limits.Enter("10.0.0.1", out _)?.Code, Is.EqualTo(CloseCode.RateLimited));
        Assert.That((limits.Connect("10.0.0.2"), limits.Connect("local")), Is.EqualTo(((SignInRefused?)null, (SignInRefused?)null)));
        Assert.That(limits.Connections, Is.Zero);
    }

    [Test]
    public void AttemptsAtTheSameTimeAreAllCounted()
    {
        WrongPasswords wrong = new(_clock);
        int begun = 0;
        Parallel.For(0, 1000, _ => Interlocked.Add(ref begun, wrong.TryBegin(new AddressKey(1), free: 20, out uint _) ? 1 : 0));
        Assert.That(begun, Is.EqualTo(20));
    }

    [Test]
    public void WhatIsRememberedOfAddressesIsBounded()
    {
        WrongPasswords wrong = new(_clock);
        for (int i = 0; i < WrongPasswords.AddressesMax + 10_000; i++)
        {
            wrong.TryBegin(new AddressKey((UInt128)i << 64), free: 5, out _);
        }

        Assert.That(wrong.Count, Is.LessThanOrEqualTo(WrongPasswords.AddressesMax + 1));
    }

    private AddressLimits With(LimitSettings settings, int connectionsMax = 10_000, int strangersMax = 4096) =>
        LimitsOf.Addresses(_clock, settings, connectionsMax, strangersMax);

    private static Visitor Enter(AddressLimits limits, string remote)
    {
        Assert.That(limits.Enter(remote, out Visitor? visitor), Is.Null);
        return visitor!;
    }

    private static CloseCode? Code(AddressLimits limits, string remote) => limits.Enter(remote, out _)?.Code;

    private static SignInRefused? ComeAndGo(AddressLimits limits, string remote)
    {
        SignInRefused? refused = limits.Enter(remote, out Visitor? visitor);
        if (visitor is not null)
        {
            limits.Leave(visitor);
        }

        return refused;
    }
}
