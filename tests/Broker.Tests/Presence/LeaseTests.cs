using FastChat.Broker.Presence;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>Who is here: leases, grace, idle devices, what is kept.</summary>
internal sealed class LeaseTests
{
    private static readonly ConversationId Conversation = ShardBench.Room;

    private PresenceBench _bench = null!;
    private PresencePeer _alice = null!;

    [SetUp]
    public async Task MakeBench()
    {
        _bench = new PresenceBench();
        await _bench.CreateAsync(Conversation, ShardBench.Alice, ShardBench.Bob, ShardBench.Carol);
        _alice = _bench.Connect(ShardBench.Alice);
        _bench.Pass(1);
    }

    [TearDown]
    public void End() => _bench.Dispose();

    [Test]
    public async Task APersonIsHereFromSignInUntilTheGraceIsOver()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        Assert.That(_alice.Take(), Is.Empty, "not before the tick");
        _bench.Pass(1);
        Assert.That(_alice.Take().Single().Entries, Is.EqualTo(new[] { new PresenceEntry(ShardBench.Bob, Availability.Online, 0, string.Empty) }));

        long left = _bench.NowMicros;
        _bench.Leave(bob);
        _bench.Pass(14);
        Assert.That(_alice.Take(), Is.Empty, "within the grace");
        _bench.Pass(2);
        ToldFrame gone = _alice.Take().Single();
        Assert.That(gone.Entries, Is.EqualTo(new[] { new PresenceEntry(ShardBench.Bob, Availability.Offline, left - (left % 60_000_000), string.Empty) }), "last seen in whole minutes");
        Assert.That((gone.Online, gone.Members), Is.EqualTo((1, 3)));
    }

    [Test]
    public async Task AReconnectWithinTheGraceIsNoEvent()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        _alice.Take();
        for (int i = 0; i < 5; i++)
        {
            _bench.Leave(bob);
            _bench.Pass(14);
            bob = _bench.Connect(ShardBench.Bob, bob.Session);
            _bench.Pass(20);
        }

        Assert.That(_alice.Take(), Is.Empty);
    }

    [Test]
    public async Task AnotherSessionWithinTheGraceKeepsThePersonHere()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        _alice.Take();
        _bench.Leave(bob);
        _bench.Connect(ShardBench.Bob);
        _bench.Pass(60);
        Assert.That(_alice.Take(), Is.Empty);
    }

    [Test]
    public async Task ATakeoverKeepsTheLeaseWhicheverEndIsHeardFirst()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer old = _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        _alice.Take();
        _bench.Connect(ShardBench.Bob, old.Session);
        _bench.Leave(old);
        _bench.Pass(60);
        Assert.That(_alice.Take(), Is.Empty);
        Assert.That(_bench.Room.PeopleHere, Is.EqualTo(2));
    }

    [Test]
    public async Task WhoGoesAndComesBackWithinATickIsNotTold()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        _alice.Take();
        await _bench.SetAsync(bob, Availability.DoNotDisturb);
        await _bench.SetAsync(bob, Availability.Online);
        _bench.Pass(1);
        Assert.That(_alice.Take(), Is.Empty);
    }

    [Test]
    public async Task ManyChangesWithinATickAreOneEntryOfTheLatest()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        await _bench.SetAsync(bob, Availability.DoNotDisturb);
        await _bench.SetAsync(bob, Availability.Away, "at lunch");
        _bench.Pass(1);
        Assert.That(_alice.Take().Single().Entries, Is.EqualTo(new[] { new PresenceEntry(ShardBench.Bob, Availability.Away, 0, "at lunch") }));
    }

    [Test]
    public async Task APersonIsAwayWhenEveryDeviceIsIdle()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer phone = _bench.Connect(ShardBench.Bob);
        PresencePeer desk = _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        _alice.Take();
        await _bench.SetAsync(phone, idle: true);
        _bench.Pass(1);
        Assert.That(_alice.Take(), Is.Empty, "the desk is not");
        await _bench.SetAsync(desk, idle: true);
        _bench.Pass(1);
        Assert.That(_alice.Take().Single().Entries.Single().Availability, Is.EqualTo(Availability.Away));
        await _bench.SetAsync(phone, idle: false);
        _bench.Pass(1);
        Assert.That(_alice.Take().Single().Entries.Single().Availability, Is.EqualTo(Availability.Online));
    }

    [Test]
    public async Task WhatAPersonChoseAndWhenTheyWereSeenOutlivesARestart()
    {
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        await _bench.SetAsync(bob, Availability.DoNotDisturb, "deep in thought");
        _bench.Leave(bob);
        long left = _bench.NowMicros;
        _bench.Pass(90);
        Assert.That(SpinWait.SpinUntil(() => new PresenceStore(_bench.Routing.Log, _bench.Routing.Router).Read(ShardBench.Bob).LastSeenMicros == left, TestPeer.Patience), Is.True);

        _bench.Restart();
        PresencePeer carol = _bench.Connect(ShardBench.Carol);
        PresenceSnapshot snapshot = await _bench.WatchAsync(carol, Conversation);
        Assert.That(snapshot.Entries!.Single(entry => entry.User == ShardBench.Bob), Is.EqualTo(
            new PresenceEntry(ShardBench.Bob, Availability.Offline, left - (left % 60_000_000), string.Empty)));
        _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        Assert.That(carol.Take().Single().Entries.Single(), Is.EqualTo(new PresenceEntry(ShardBench.Bob, Availability.DoNotDisturb, 0, "deep in thought")));
    }

    [Test]
    public async Task StoppingStoresThatEverybodyWasSeen()
    {
        _bench.Connect(ShardBench.Bob);
        await _bench.Room.SaveAsync();
        PresenceStore store = new(_bench.Routing.Log, _bench.Routing.Router);
        Assert.That((store.Read(ShardBench.Alice).LastSeenMicros, store.Read(ShardBench.Bob).LastSeenMicros), Is.EqualTo((_bench.NowMicros, _bench.NowMicros)));
    }

    [Test]
    public async Task LastSeenIsWrittenOnceAMinuteAtMost()
    {
        // What is stored, not how often anything commits: the conversation that the bench made is still being entered into its members' lists.
        PresenceStore store = new(_bench.Routing.Log, _bench.Routing.Router);
        HashSet<long> stored = [store.Read(ShardBench.Bob).LastSeenMicros];
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        for (int i = 0; i < 6; i++)
        {
            _bench.Leave(bob);
            _bench.Pass(20);
            await Task.Delay(20);
            stored.Add(store.Read(ShardBench.Bob).LastSeenMicros);
            bob = _bench.Connect(ShardBench.Bob, bob.Session);
        }

        Assert.That(stored.Count - 1, Is.InRange(1, 3), "six leases ended in two minutes");
    }

    [Test]
    public void NobodyStaysInMemoryForNothing()
    {
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        Assert.That(_bench.Room.PeopleInMemory, Is.EqualTo(2));
        _bench.Leave(bob);
        Assert.That(SpinWait.SpinUntil(
            () =>
            {
                _bench.Pass(1);
                return _bench.Room.PeopleInMemory == 1;
            },
            TestPeer.Patience), Is.True);
        Assert.That(_bench.Room.PeopleHere, Is.EqualTo(1));
    }
}
