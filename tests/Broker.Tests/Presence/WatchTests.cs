using FastChat.Broker.Presence;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>Who is told what: members only, latest state only, within a budget, as numbers in large conversations.</summary>
internal sealed class WatchTests
{
    private static readonly ConversationId Conversation = ShardBench.Room;

    private PresenceBench _bench = null!;
    private PresencePeer _alice = null!;

    [SetUp]
    public async Task MakeBench()
    {
        _bench = new PresenceBench();
        await _bench.CreateAsync(Conversation, ShardBench.Alice, ShardBench.Bob);
        _alice = _bench.Connect(ShardBench.Alice);
        _bench.Pass(1);
    }

    [TearDown]
    public void End() => _bench.Dispose();

    [Test]
    public async Task TheSnapshotHasEveryMemberAndNothingFollowsWithoutAChange()
    {
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        await _bench.SetAsync(bob, status: "here");
        PresenceSnapshot snapshot = await _bench.WatchAsync(_alice, Conversation);
        Assert.That(snapshot.Entries, Is.EqualTo(new[]
        {
            new PresenceEntry(ShardBench.Bob, Availability.Online, 0, "here"), new PresenceEntry(ShardBench.Alice, Availability.Online, 0, string.Empty),
        }));
        Assert.That((snapshot.Online, snapshot.Members), Is.EqualTo((2, 2)));
        _bench.Pass(5);
        Assert.That(_alice.Take(), Is.Empty);
    }

    [Test]
    public async Task AnInvisiblePersonLooksOfflineToOthersAndNotToThemselves()
    {
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        PresencePeer other = _bench.Connect(ShardBench.Bob);
        await _bench.WatchAsync(_alice, Conversation);
        await _bench.WatchAsync(other, Conversation);
        await _bench.SetAsync(bob, Availability.Invisible, "hidden");
        long hidden = _bench.NowMicros;
        _bench.Pass(1);
        Assert.That(_alice.Take().Single().Entries.Single(), Is.EqualTo(new PresenceEntry(ShardBench.Bob, Availability.Offline, hidden - (hidden % 60_000_000), string.Empty)));
        ToldFrame own = other.Take().Single();
        Assert.That(own.Entries.Single(), Is.EqualTo(new PresenceEntry(ShardBench.Bob, Availability.Invisible, 0, "hidden")));
        Assert.That(own.Online, Is.EqualTo(1), "numbers are everybody's");
        Assert.That(bob.Peer.IsInvisible && other.Peer.IsInvisible, Is.True);

        _bench.Pass(300);
        await _bench.SetAsync(bob, status: "still hidden");
        _bench.Pass(1);
        Assert.That(_alice.Take(), Is.Empty, "what hidden people do is not seen");
        Assert.That(other.Take().Single().Entries.Single().Status, Is.EqualTo("still hidden"));
        _bench.Leave(bob);
        _bench.Leave(other);
        _bench.Pass(60);
        Assert.That(_alice.Take(), Is.Empty, "nor when they really go");

        PresencePeer back = _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        Assert.That(_alice.Take(), Is.Empty, "nor that they come");
        Assert.That(back.Peer.IsInvisible, Is.True);
    }

    [Test]
    public async Task WhoIsNoMemberMayNotWatch()
    {
        PresencePeer carol = _bench.Connect(ShardBench.Carol);
        Assert.That((await _bench.Room.WatchAsync(carol.Peer, Conversation)).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That((await _bench.Room.WatchAsync(carol.Peer, new ConversationId(0xDEAD))).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
        ConversationId open = new(0x2002);
        await _bench.Routing.CreateAsync(open, ConversationKind.Public, ShardBench.Alice);
        Assert.That((await _bench.Room.WatchAsync(carol.Peer, open)).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Room.Watches, Is.Zero);
    }

    [Test]
    public async Task ARemovedWatcherIsToldThatItIsOverAndNothingMore()
    {
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        await _bench.WatchAsync(bob, Conversation);
        await _bench.ChangeMembersAsync(Conversation, ShardBench.Alice, MemberRole.None, ShardBench.Bob);
        Assert.That(bob.Take().Single().Shape, Is.EqualTo(PresenceShape.Ended));
        await _bench.SetAsync(_alice, Availability.Away);
        _bench.Pass(5);
        Assert.That(bob.Take(), Is.Empty);
        Assert.That((await _bench.Room.WatchAsync(bob.Peer, Conversation)).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public async Task TheWatchedMembersFollowTheConversation()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer carol = _bench.Connect(ShardBench.Carol);
        await _bench.ChangeMembersAsync(Conversation, ShardBench.Alice, MemberRole.Member, ShardBench.Carol);
        _bench.Pass(1);
        ToldFrame added = _alice.Take().Single();
        Assert.That((added.Shape, added.Online, added.Members), Is.EqualTo((PresenceShape.Changes, 2, 3)));
        Assert.That(added.Entries.Single(), Is.EqualTo(new PresenceEntry(ShardBench.Carol, Availability.Online, 0, string.Empty)));

        await _bench.ChangeMembersAsync(Conversation, ShardBench.Alice, MemberRole.None, ShardBench.Carol);
        _bench.Pass(1);
        ToldFrame removed = _alice.Take().Single();
        Assert.That((removed.Shape, removed.Online, removed.Members), Is.EqualTo((PresenceShape.Restart, 1, 2)));
        Assert.That(removed.Entries.Select(entry => entry.User), Is.EquivalentTo(new[] { ShardBench.Alice, ShardBench.Bob }));
        await _bench.SetAsync(carol, Availability.Away);
        _bench.Pass(1);
        Assert.That(_alice.Take(), Is.Empty, "of no concern any more");
    }

    [Test]
    public async Task AnEndedWatchTellsNothing()
    {
        await _bench.WatchAsync(_alice, Conversation);
        Assert.That(_bench.Room.Unwatch(_alice.Peer, Conversation), Is.True);
        Assert.That(_bench.Room.Unwatch(_alice.Peer, Conversation), Is.False);
        _bench.Connect(ShardBench.Bob);
        _bench.Pass(1);
        Assert.That(_alice.Take(), Is.Empty);
        Assert.That(_bench.Room.Watches, Is.Zero);
    }

    [Test]
    public async Task AConnectionsWatchesEndWithIt()
    {
        await _bench.WatchAsync(_alice, Conversation);
        _bench.Leave(_alice);
        Assert.That(_bench.Room.Watches, Is.Zero);
        Assert.That((await _bench.Room.WatchAsync(_alice.Peer, Conversation)).Error, Is.EqualTo(ErrorCode.Internal), "nothing begins behind the end");
        Assert.That(SpinWait.SpinUntil(
            () =>
            {
                _bench.Pass(1);
                return _bench.Room.PeopleInMemory == 0;
            },
            TestPeer.Patience), Is.True, "the members go when nobody has watched for a while");
    }

    [Test]
    public async Task NothingOvertakesTheSnapshot()
    {
        (PresenceLook? look, _) = await _bench.Room.WatchAsync(_alice.Peer, Conversation);
        _bench.Connect(ShardBench.Bob);
        _bench.Pass(3);
        Assert.That(_alice.Take(), Is.Empty, "the reply is not in the outbox yet");
        look!.Activate();
        _bench.Pass(1);
        Assert.That(_alice.Take().Single().Entries.Single().Availability, Is.EqualTo(Availability.Online));
    }

    [Test]
    public async Task AConnectionWatchesSixtyFourConversationsAndNoMore()
    {
        for (ulong i = 0; i < ProtocolLimits.PresenceWatchesMax; i++)
        {
            await _bench.CreateAsync(new ConversationId(0x9000 + i), ShardBench.Alice);
            await _bench.WatchAsync(_alice, new ConversationId(0x9000 + i));
        }

        Assert.That((await _bench.Room.WatchAsync(_alice.Peer, Conversation)).Error, Is.EqualTo(ErrorCode.TooMany));
        await _bench.WatchAsync(_alice, new ConversationId(0x9000));
        Assert.That(_bench.Room.Watches, Is.EqualTo(ProtocolLimits.PresenceWatchesMax), "a new look at one of them is allowed");
        _bench.Room.Unwatch(_alice.Peer, new ConversationId(0x9000));
        await _bench.WatchAsync(_alice, Conversation);
    }

    [TestCase(ProtocolLimits.PresenceMembersMax, false)]
    [TestCase(ProtocolLimits.PresenceMembersMax + 1, true)]
    public async Task AboveASizeThereAreOnlyNumbers(int members, bool isCounted)
    {
        ConversationId large = new(0x3003);
        await _bench.CreateAsync(large, [ShardBench.Alice, .. Users(members - 1)]);
        PresenceSnapshot snapshot = await _bench.WatchAsync(_alice, large);
        Assert.That((snapshot.Online, snapshot.Members, snapshot.Entries?.Count), Is.EqualTo((1, members, isCounted ? (int?)null : members)));
        _bench.Connect(Users(1)[0]);
        _bench.Connect(Users(2)[1]);
        _bench.Pass(1);
        ToldFrame told = _alice.Take().Single();
        Assert.That((told.Shape, told.Online, told.Members, told.Entries.Count), Is.EqualTo((isCounted ? PresenceShape.Counts : PresenceShape.Changes, 3, members, isCounted ? 0 : 2)));
        _bench.Pass(3);
        Assert.That(_alice.Take(), Is.Empty);
    }

    [Test]
    public async Task AConversationThatGrowsPastTheSizeTurnsToNumbers()
    {
        ConversationId large = new(0x3003);
        await _bench.CreateAsync(large, [ShardBench.Alice, .. Users(ProtocolLimits.PresenceMembersMax - 1)]);
        await _bench.WatchAsync(_alice, large);
        await _bench.ChangeMembersAsync(large, ShardBench.Alice, MemberRole.Member, ShardBench.Bob);
        _bench.Pass(1);
        ToldFrame told = _alice.Take().Single();
        Assert.That((told.Shape, told.Online, told.Members, told.Entries.Count), Is.EqualTo((PresenceShape.Counts, 1, ProtocolLimits.PresenceMembersMax + 1, 0)));
    }

    [Test]
    public async Task BeyondTwentyThousandMembersNothingIsWatched()
    {
        ConversationId huge = new(0x4004);
        await _bench.CreateAsync(huge, ShardBench.Alice);
        foreach (UserId[] part in Users(ProtocolLimits.PresenceCountedMax).Chunk(4000))
        {
            await _bench.Routing.ExecuteAsync(Routing.CommandKind.ChangeMembers, ShardBench.Alice, huge, new Routing.ChangeMembersCommand(huge, MemberRole.Member, part).ToBytes());
        }

        Assert.That((await _bench.Room.WatchAsync(_alice.Peer, huge)).Error, Is.EqualTo(ErrorCode.TooMany));
        Assert.That(_bench.Room.Watches, Is.Zero);
        Assert.That(_bench.Room.PeopleInMemory, Is.EqualTo(1));
    }

    [Test]
    public async Task TheBudgetsHoldAndEverybodyEndsWithTheLatest()
    {
        const int Rate = 1_000;
        _bench.Dispose();
        _bench = new PresenceBench(new PresenceOptions { BytesPerSecond = 1_500, ConnectionBytesPerSecond = Rate });
        UserId[] users = Users(60);
        await _bench.CreateAsync(Conversation, users);
        PresencePeer[] peers = users.Select(user => _bench.Connect(user)).ToArray();
        _bench.Pass(1);
        PresencePeer[] watchers = peers[..3];
        foreach (PresencePeer watcher in watchers)
        {
            await _bench.WatchAsync(watcher, Conversation);
        }

        Dictionary<UserId, string>[] known = watchers.Select(_ => new Dictionary<UserId, string>()).ToArray();
        int[] bytes = new int[watchers.Length];
        const int Seconds = 30;
        for (int second = 0; second < Seconds; second++)
        {
            foreach (PresencePeer peer in second < 5 ? peers : [])
            {
                await _bench.SetAsync(peer, status: $"{second} {new string('x', 100)}");
            }

            _bench.Pass(1);
            Learn(watchers, known, bytes);
        }

        Assert.That(bytes, Is.All.LessThanOrEqualTo(Rate * (Seconds + 1)));
        Assert.That(bytes.Sum(), Is.LessThanOrEqualTo(1_500 * (Seconds + 1)).And.GreaterThan(1_500 * 10), "it was used");
        foreach (Dictionary<UserId, string> one in known)
        {
            Assert.That(one.Values.Select(status => status.Split(' ')[0]), Is.All.EqualTo("4"), "what did not fit came later, as it was then");
            Assert.That(one, Has.Count.EqualTo(users.Length));
        }
    }

    [Test]
    public async Task WhoDoesNotReadIsNotSentMore()
    {
        await _bench.WatchAsync(_alice, Conversation);
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        for (int i = 0; i < 200; i++)
        {
            await _bench.SetAsync(bob, i % 2 == 0 ? Availability.Away : Availability.Online);
            _bench.Pass(1);
        }

        Assert.That(_alice.Take(), Has.Count.EqualTo(64), "a quarter of what an outbox holds");
        await _bench.SetAsync(bob, Availability.DoNotDisturb);
        _bench.Pass(1);
        Assert.That(_alice.Take().Single().Entries.Single().Availability, Is.EqualTo(Availability.DoNotDisturb));
    }

    [Test]
    public async Task AStatusGoesWhenItsTimeIsOver()
    {
        PresencePeer bob = _bench.Connect(ShardBench.Bob);
        await _bench.SetAsync(bob, status: "back at three", until: _bench.NowMicros + 30_000_000);
        PresenceSnapshot snapshot = await _bench.WatchAsync(_alice, Conversation);
        Assert.That(snapshot.Entries![0].Status, Is.EqualTo("back at three"));
        _bench.Pass(29);
        Assert.That(_alice.Take(), Is.Empty);
        _bench.Pass(2);
        Assert.That(_alice.Take().Single().Entries.Single(), Is.EqualTo(new PresenceEntry(ShardBench.Bob, Availability.Online, 0, string.Empty)));
    }

    private static void Learn(PresencePeer[] watchers, Dictionary<UserId, string>[] known, int[] bytes)
    {
        for (int i = 0; i < watchers.Length; i++)
        {
            foreach (ToldFrame frame in watchers[i].Take())
            {
                bytes[i] += frame.Size;
                frame.Entries.ForEach(entry => known[i][entry.User] = entry.Status);
            }
        }
    }

    private static UserId[] Users(int count) => Enumerable.Range(0, count).Select(i => new UserId(0x5000 + (UInt128)i)).ToArray();
}
