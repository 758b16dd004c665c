using FastChat.Broker.Audit;
using FastChat.Broker.Identity;
using FastChat.TestSupport;

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests.Assertions;

/// <summary>An issuer's keys from a real HTTP server that does whatever servers do, and a clock that the test moves.</summary>
[CancelAfter(60_000)]
internal sealed class FetchedKeysTests
{
    private static readonly FetchSettings Settings = new();

    private FakeTimeProvider _clock = null!;
    private TestSigner _one = null!;
    private TestSigner _two = null!;
    private KeyServer _server = null!;
    private FetchedKeys _keys = null!;

    [SetUp]
    public void Make()
    {
        _clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        _one = TestSigner.OfP256("one");
        _two = TestSigner.OfP256("two");
        _server = new KeyServer(TestSigner.SetOf(_one));
        _keys = Fetch(_server.Address);
    }

    [TearDown]
    public async Task EndAsync()
    {
        _keys.Dispose();
        await _server.DisposeAsync();
        _one.Dispose();
        _two.Dispose();
    }

    [Test]
    public async Task KeysAreFetchedKeptAndFetchedAnewWhenTheyAreOld()
    {
        await LookAsync(1);
        Assert.That(Ids(), Is.EqualTo(["one"]));
        _server.Answer = KeyServer.Ok(TestSigner.SetOf(_two));
        _clock.Advance(Settings.Refresh - TimeSpan.FromSeconds(1));
        _keys.Look();
        _clock.Advance(TimeSpan.FromSeconds(1));
        await LookAsync(2);
        Assert.That(Ids(), Is.EqualTo(["two"]), "what the issuer has taken away is gone");
    }

    [Test]
    public async Task AnUnknownKeyIsLookedForAtOnceAndAtMostOnceAMinute()
    {
        await LookAsync(1);
        _clock.Advance(Settings.Pause);
        _server.Answer = KeyServer.Ok(TestSigner.SetOf(_one, _two));
        Assert.That(_keys.Miss(), Is.True, "come again");
        await UntilAsync(() => Ids().Contains("two"));
        for (int i = 0; i < 1000; i++)
        {
            Assert.That(_keys.Miss(), Is.False, "the issuer was asked just now");
        }

        Assert.That(_server.Requests, Is.EqualTo(2));
        _clock.Advance(Settings.Pause - TimeSpan.FromSeconds(1));
        _keys.Miss();
        Assert.That(_server.Requests, Is.EqualTo(2));
        _clock.Advance(TimeSpan.FromSeconds(1));
        await LookAsync(3);
    }

    [Test]
    public async Task WhileTheIssuerDoesNotAnswerItsKeysGoOnForADay()
    {
        await LookAsync(1);
        _server.Answer = null;
        _clock.Advance(Settings.Refresh);
        await LookAsync(2);
        Assert.That(_keys.IsInTrouble, Is.True);
        Assert.That(Ids(), Is.EqualTo(["one"]));
        Assert.That(_keys.Miss(), Is.True, "nobody can say that there is no such key");
        _clock.Advance(Settings.Keep - Settings.Refresh);
        Assert.That(Ids(), Is.EqualTo(["one"]));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(_keys.Current, Is.Null, "by now they may have been taken away long ago");
        _server.Answer = KeyServer.Ok(TestSigner.SetOf(_one));
        await UntilAsync(() =>
        {
            _clock.Advance(Settings.Tick);
            _keys.Look();
            return _keys.Current is not null;
        });
        Assert.That(_keys.IsInTrouble, Is.False);
    }

    [Test]
    public async Task WhereThereAreNoKeysYetTheyAreAskedForEveryFewSeconds()
    {
        _server.Answer = null;
        await LookAsync(1);
        Assert.That(_keys.Current, Is.Null);
        _keys.Look();
        int asked = _server.Requests;
        Assert.That(_keys.IsFetching, Is.False);
        _server.Answer = KeyServer.Ok(TestSigner.SetOf(_one));
        _clock.Advance(Settings.Tick);
        await LookAsync(asked + 1);
        Assert.That(Ids(), Is.EqualTo(["one"]));
    }

    private static IEnumerable<TestCaseData> BadAnswers()
    {
        yield return new TestCaseData("HTTP/1.1 302 Found\r\nLocation: http://localhost:1/keys\r\nContent-Length: 0\r\n\r\n").SetArgDisplayNames("a redirect");
        yield return new TestCaseData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").SetArgDisplayNames("nothing there");
        yield return new TestCaseData("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").SetArgDisplayNames("a server in trouble");
        yield return new TestCaseData(KeyServer.Ok("<html>Please sign in</html>")).SetArgDisplayNames("a page");
        yield return new TestCaseData(KeyServer.Ok("""{"keys":[]}""")).SetArgDisplayNames("no keys");
        yield return new TestCaseData(KeyServer.Ok(new string(' ', KeySet.SizeMax + 1))).SetArgDisplayNames("a huge answer");
        yield return new TestCaseData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + string.Concat(Enumerable.Repeat($"10000\r\n{new string(' ', 65536)}\r\n", 8))).SetArgDisplayNames("a huge answer in pieces");
        yield return new TestCaseData($"HTTP/1.1 200 OK\r\nX: {new string('x', 100_000)}\r\nContent-Length: 0\r\n\r\n").SetArgDisplayNames("huge headers");
        yield return new TestCaseData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{").SetArgDisplayNames("half of it");
        yield return new TestCaseData("SSH-2.0-OpenSSH\r\n").SetArgDisplayNames("no HTTP");
        yield return new TestCaseData([null]).SetArgDisplayNames("a cut");
    }

    [TestCaseSource(nameof(BadAnswers))]
    public async Task WhatCannotBeUsedChangesNothing(string? answer)
    {
        await LookAsync(1);
        _server.Answer = answer;
        _clock.Advance(Settings.Refresh);
        await LookAsync(2);
        await UntilAsync(() => _keys.IsInTrouble);
        Assert.That(Ids(), Is.EqualTo(["one"]));
        int asked = _server.Requests;
        Assert.That(asked, Is.InRange(2, 5), "a connection that is cut is tried again by the library, three times");
        _keys.Miss();
        Assert.That((_keys.IsFetching, _server.Requests), Is.EqualTo((false, asked)), "and not at once behind that");
    }

    [Test]
    public async Task AnAnswerThatDoesNotComeIsNotWaitedFor()
    {
        await LookAsync(1);
        _server.Delay = TimeSpan.FromMinutes(5);
        _clock.Advance(Settings.Refresh);
        _keys.Look();
        await UntilAsync(() => _server.Requests == 2);
        Assert.That(_keys.IsInTrouble, Is.False);
        _clock.Advance(Settings.Timeout);
        await UntilAsync(() => _keys.IsInTrouble);
        Assert.That(Ids(), Is.EqualTo(["one"]));
    }

    [Test]
    public async Task AnIssuerThatNobodyVouchesForIsNotBelieved()
    {
        using TestAuthority unknown = new();
        await using KeyServer impostor = new(TestSigner.SetOf(_two), unknown.IssueServer());
        using FetchedKeys keys = Fetch(impostor.Address);
        keys.Look();
        await UntilAsync(() => keys.IsInTrouble);
        Assert.That((keys.Current, impostor.Requests), Is.EqualTo(((KeySet?)null, 0)));
    }

    [Test]
    public async Task WhoStopsDoesNotWaitForTheIssuer()
    {
        _server.Delay = TimeSpan.FromMinutes(5);
        _keys.Look();
        await UntilAsync(() => _server.Requests == 1);
        _keys.Dispose();
        Assert.That(_keys.IsInTrouble, Is.False);
    }

    private FetchedKeys Fetch(Uri address) => new("issuer", address, Settings, _clock, AuditLog.None, NullLogger.Instance);

    private string?[] Ids() => _keys.Current?.Keys.Select(key => key.Id).ToArray() ?? [];

    /// <summary>Looks, and waits for the fetch of that number and what comes of it.</summary>
    private async Task LookAsync(int number)
    {
        _keys.Look();
        await UntilAsync(() => _server.Requests >= number && !_keys.IsFetching);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using CancellationTokenSource late = new(TimeSpan.FromSeconds(20));
        while (!holds())
        {
            await Task.Delay(5, late.Token);
        }
    }
}
