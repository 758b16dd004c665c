using FastChat.Broker.Handlers;
using FastChat.Broker.Presence;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>SetPresence and WatchPresence: fields, errors, rate, what is stored.</summary>
internal sealed class PresenceRequestTests
{
    private PresenceBench _bench = null!;
    private PresenceRequests _requests = null!;
    private PresencePeer _alice = null!;

    [SetUp]
    public async Task MakeBench()
    {
        _bench = new PresenceBench();
        _requests = new PresenceRequests(_bench.Room, _bench.Clock);
        await _bench.CreateAsync(ShardBench.Room, ShardBench.Alice, ShardBench.Bob);
        _alice = _bench.Connect(ShardBench.Alice);
    }

    [TearDown]
    public void End() => _bench.Dispose();

    [TestCase("availability", "offline")]
    [TestCase("availability", "busy")]
    [TestCase("availability", "")]
    [TestCase("status", "two\nlines")]
    [TestCase("status_until", 5L)]
    public async Task ABadFieldIsABadRequest(string key, object value) =>
        Assert.That((await _requests.SetAsync(_alice.Peer, new ControlMap().Set(key, value))).Error, Is.EqualTo(ErrorCode.BadRequest));

    [TestCase("availability", 1L)]
    [TestCase("status", 1L)]
    [TestCase("idle", "yes")]
    [TestCase("status_until", "soon")]
    public void AFieldOfTheWrongTypeCannotBeRead(string key, object value) =>
        Assert.That(async () => await _requests.SetAsync(_alice.Peer, new ControlMap().Set(key, value)), Throws.TypeOf<ControlFormatException>());

    [Test]
    public async Task AStatusHasItsSize()
    {
        Assert.That((await _requests.SetAsync(_alice.Peer, new ControlMap().Set("status", new string('x', 128)))).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(async () => await _requests.SetAsync(_alice.Peer, new ControlMap().Set("status", new string('x', 129))), Throws.TypeOf<ControlFormatException>());
        long past = _bench.NowMicros;
        Assert.That((await _requests.SetAsync(_alice.Peer, new ControlMap().Set("status", "x").Set("status_until", past))).Error, Is.EqualTo(ErrorCode.BadRequest));
    }

    [Test]
    public async Task TheReplySaysWhatHoldsAndAnEmptyRequestOnlyAsks()
    {
        long until = _bench.NowMicros + 1_000_000_000;
        ControlAnswer set = await _requests.SetAsync(_alice.Peer, new ControlMap().Set("availability", "dnd").Set("status", "focus").Set("status_until", until));
        Assert.That(PresenceSetting.Parse(set.Map!), Is.EqualTo(new PresenceSetting(Availability.DoNotDisturb, "focus", until)));
        for (int i = 0; i < 20; i++)
        {
            Assert.That(PresenceSetting.Parse((await _requests.SetAsync(_alice.Peer, new ControlMap())).Map!), Is.EqualTo(new PresenceSetting(Availability.DoNotDisturb, "focus", until)));
        }

        ControlAnswer cleared = await _requests.SetAsync(_alice.Peer, new ControlMap().Set("status", string.Empty));
        Assert.That(PresenceSetting.Parse(cleared.Map!), Is.EqualTo(new PresenceSetting(Availability.DoNotDisturb, string.Empty, 0)));
        PresenceRecord stored = new PresenceStore(_bench.Routing.Log, _bench.Routing.Router).Read(ShardBench.Alice);
        Assert.That((stored.Chosen, stored.Status), Is.EqualTo((Availability.DoNotDisturb, string.Empty)), "durable when it is answered");
    }

    [Test]
    public async Task ChangesAreFiveAtOnceAndThenOneASecond()
    {
        string[] names = ["away", "online"];
        for (int i = 0; i < PresenceRoom.ChangesBurst; i++)
        {
            Assert.That((await SetAsync(names[i % 2])).Error, Is.EqualTo(ErrorCode.None));
        }

        ControlAnswer refused = await SetAsync("dnd");
        Assert.That((refused.Error, refused.RetryAfterMs), Is.EqualTo((ErrorCode.RateLimited, 1000u)));
        Assert.That((await _requests.SetAsync(_alice.Peer, new ControlMap().Set("idle", true))).Error, Is.EqualTo(ErrorCode.RateLimited), "of any kind");
        _bench.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That((await SetAsync("dnd")).Error, Is.EqualTo(ErrorCode.None));
        Assert.That((await SetAsync("online")).Error, Is.EqualTo(ErrorCode.RateLimited));

        Task<ControlAnswer> SetAsync(string name) => _requests.SetAsync(_alice.Peer, new ControlMap().Set("availability", name));
    }

    [Test]
    public async Task ConcurrentChangesOfOnePersonAllHold()
    {
        PresencePeer other = _bench.Connect(ShardBench.Alice);
        await Task.WhenAll(
            _requests.SetAsync(_alice.Peer, new ControlMap().Set("availability", "away")), _requests.SetAsync(other.Peer, new ControlMap().Set("status", "tea")));
        ControlAnswer now = await _requests.SetAsync(_alice.Peer, new ControlMap());
        Assert.That(PresenceSetting.Parse(now.Map!), Is.EqualTo(new PresenceSetting(Availability.Away, "tea", 0)));
    }

    [Test]
    public async Task AWatchNeedsAConversationAndCanBeEnded()
    {
        Assert.That((await _requests.WatchAsync(_alice.Peer, new ControlMap())).Error, Is.EqualTo(ErrorCode.BadRequest));
        ControlMap request = new ControlMap().SetId("conversation", ShardBench.Room.Value);
        ControlAnswer begun = await _requests.WatchAsync(_alice.Peer, request);
        Assert.That(PresenceSnapshot.Parse(begun.Map!).Entries, Has.Count.EqualTo(2));
        Assert.That(begun.Sent is null, Is.False);
        Assert.That(_bench.Room.Watches, Is.EqualTo(1));
        Assert.That((await _requests.WatchAsync(_alice.Peer, request.Set("watch", false))).Map, Is.Not.Null);
        Assert.That(_bench.Room.Watches, Is.Zero);
        Assert.That((await _requests.WatchAsync(_alice.Peer, request)).Map, Is.Not.Null, "ending what is not there is no error");
    }

    [Test]
    public async Task WhoDidNotAskForSignalsGetsALookAndNoFrames()
    {
        PresencePeer silent = _bench.Connect(ShardBench.Alice, takesSignals: false);
        ControlAnswer look = await _requests.WatchAsync(silent.Peer, new ControlMap().SetId("conversation", ShardBench.Room.Value));
        Assert.That(PresenceSnapshot.Parse(look.Map!).Entries, Has.Count.EqualTo(2));
        look.Sent?.Invoke();
        _bench.Connect(ShardBench.Bob);
        _bench.Pass(2);
        Assert.That(silent.Take(), Is.Empty);
        Assert.That(_bench.Room.Watches, Is.Zero);
    }

    [Test]
    public void ARecordIsReadAsItWasWritten()
    {
        PresenceRecord record = new(Availability.Invisible, 12345678901234, "déjà vu", 98765);
        Assert.That(PresenceRecord.TryParse(record.ToBytes(), out PresenceRecord? read), Is.True);
        Assert.That(read, Is.EqualTo(record));
        byte[] bytes = record.ToBytes();
        Assert.That(PresenceRecord.TryParse(bytes.AsSpan(..^1), out _), Is.False);
        bytes[0] = 2;
        Assert.That(PresenceRecord.TryParse(bytes, out _), Is.False, "a later format");
        bytes[0] = 1;
        bytes[1] = 0;
        Assert.That(PresenceRecord.TryParse(bytes, out _), Is.False, "nobody chooses to be offline");
    }
}
