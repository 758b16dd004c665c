using System.Buffers;

using FastChat.Broker.Audit;
using FastChat.Broker.Conversations;
using FastChat.Broker.Handlers;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.People;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>Who sees whom, who finds whom, what is too much, and what comes back when a request is wrong; over a real router.</summary>
[CancelAfter(120_000)]
internal sealed class PeopleRequestsTests
{
    private static readonly ConversationId Group = new(Id128.WithPlacement(0x6001, 2));
    private static readonly ConversationId Public = new(Id128.WithPlacement(0x6002, 1));

    private RouterBench _bench = null!;
    private PasswordHasher _passwords = null!;
    private Accounts _accounts = null!;
    private FakeTimeProvider _clock = null!;
    private SessionRegistry _sessions = null!;
    private PeopleRequests _people = null!;
    private UserRequests _users = null!;
    private MemberRequests _members = null!;
    private ConversationRequests _conversations = null!;
    private UserId _ada;
    private UserId _bob;
    private UserId _carol;
    private UserId _dave;

    [SetUp]
    public async Task MakeAsync()
    {
        _bench = new RouterBench();
        Random random = new(7);
        RandomSource source = new(random.NextBytes);
        _passwords = new PasswordHasher(source);
        _clock = new FakeTimeProvider();
        _sessions = new SessionRegistry(_clock, TimeSpan.FromMinutes(5));
        _accounts = new Accounts(_bench.Router, _bench.Log, _passwords, source, isRegistrationOpen: true);
        UserLimits limits = LimitsOf.Defaults(_clock);
        _people = new PeopleRequests(_bench.Router, _bench.Log, _accounts, limits, new PeopleNotices(_bench.Router, _bench.Log, _sessions));
        _users = new UserRequests(_accounts, limits, AuditLog.None);
        ConversationReads reads = new(_bench.Router, _bench.Log, new ServiceScopes(_bench.Log));
        _conversations = new ConversationRequests(_bench.Router, _bench.Log, reads, _accounts, new Blocks(_bench.Log), limits, new ConversationLists(_bench.Log, TimeProvider.System), source, AuditLog.None, new FastChat.Broker.Keys.KeyDestruction(null, _bench.Router, AuditLog.None, TimeProvider.System), static () => { });
        _members = new MemberRequests(_bench.Router, reads, _accounts, new Blocks(_bench.Log), limits, new ConversationLists(_bench.Log, TimeProvider.System));

        // Ada and Bob share a group; Carol only a public conversation with them; Dave nothing.
        UserId[] made = await _accounts.ImportAsync(["Ada", "bob", "carol", "dave"], CancellationToken.None);
        (_ada, _bob, _carol, _dave) = (made[0], made[1], made[2], made[3]);
        await _bench.CreateAsync(Group, ConversationKind.Group, _ada, _bob);
        await _bench.CreateAsync(Public, ConversationKind.Public, _ada, _bob, _carol);
        await UntilNothingIsOwedAsync();
    }

    [TearDown]
    public void Remove()
    {
        _passwords.Dispose();
        _bench.Dispose();
    }

    [Test]
    public async Task AProfileIsSeenByItsOwnerAndByWhoSharesAGroup()
    {
        await SetAsync(_ada, new ControlMap().Set("display_name", "Ada L.").Set("fields", new ControlMap().Set("team", "engines")));
        foreach (UserId reader in new[] { _ada, _bob })
        {
            Profile seen = GetProfile(reader, _ada)!;
            Assert.That((seen.Version, seen.Name, seen.DisplayName, seen.Fields["team"]), Is.EqualTo((1ul, "Ada", "Ada L.", "engines")));
        }

        Assert.That(GetProfile(_carol, _ada), Is.Null, "a public conversation is everybody's");
        Assert.That(GetProfile(_dave, _ada), Is.Null);
        Assert.That(GetProfile(_dave, new UserId(0xDEAD)), Is.Null, "the same as for nobody");
        await _bench.RemoveAsync(Group, _ada, _bob);
        Assert.That(GetProfile(_bob, _ada), Is.Null, "a membership that ended, whatever the lists still say");
    }

    [Test]
    public async Task OnlyWhatIsNewerComes()
    {
        await SetAsync(_ada, new ControlMap().Set("display_name", "one"));
        await SetAsync(_ada, new ControlMap().Set("display_name", "two"));
        ControlMap?[] answered = Ok(_people.GetProfiles(Of(_bob), new ControlMap().Set("users", new List<object?>
        {
            new ControlMap().SetId("user", _ada.Value).Set("version", 2L),
            new ControlMap().SetId("user", _dave.Value).Set("version", 2L),
            new ControlMap().SetId("user", _ada.Value).Set("version", 1L),
            new ControlMap().SetId("user", _bob.Value),
        }))).Maps("profiles")!;
        Assert.That(answered[0]!.Keys, Is.EqualTo(new[] { "user", "version", "unchanged" }));
        Assert.That(answered[1], Is.Null);
        Assert.That(Profile.Parse(answered[2]!).DisplayName, Is.EqualTo("two"));
        Assert.That(Profile.Parse(answered[3]!).Version, Is.Zero, "nothing was set, and that is said");
    }

    [Test]
    public async Task AReplyFitsIntoAFrameHoweverLargeTheProfiles()
    {
        UserId[] many = await _accounts.ImportAsync(Enumerable.Range(0, 120).Select(i => $"member{i}").ToArray(), CancellationToken.None);
        ConversationId crowd = new(Id128.WithPlacement(0x6003, 0));
        await _bench.CreateAsync(crowd, ConversationKind.Group, _ada, many);
        await UntilNothingIsOwedAsync();
        ControlMap large = new();
        for (int i = 10; i < 25; i++)
        {
            large.Set($"{i}", new string('x', 500));
        }

        foreach (UserId user in many)
        {
            await SetAsync(user, new ControlMap().Set("fields", large));
        }

        ControlMap?[] answered = Ok(_people.GetProfiles(Of(_ada), Asked(many))).Maps("profiles")!;
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.Write(frame, FrameType.Reply, 1, new ControlMap().Set("profiles", answered));
        Assert.That(frame.WrittenCount, Is.InRange(ProtocolLimits.ServerFrameSizeMax / 2, ProtocolLimits.ServerFrameSizeMax));
        Assert.That(answered, Has.Length.InRange(10, 119));
        Assert.That(answered.Select(map => Profile.Parse(map!).User), Is.EqualTo(many.Take(answered.Length)));
    }

    [Test]
    public async Task WhoIsBlockedSeesAndFindsNothingAndAddsNobody()
    {
        Assert.That(Found(_bob, "ada"), Is.EqualTo(new[] { _ada }));
        await BlockAsync(_ada, _bob);
        Assert.That(GetProfile(_bob, _ada), Is.Null);
        Assert.That(GetProfile(_ada, _bob), Is.Not.Null, "the other way it is seen");
        Assert.That(Found(_bob, "ada"), Is.Empty);
        Assert.That(Found(_ada, "bob"), Is.Empty);
        ControlAnswer created = await _conversations.CreateAsync(Of(_bob), new ControlMap().Set("members", Ids(_carol, _ada)));
        Assert.That((created.Error, created.Reason), Is.EqualTo((ErrorCode.Forbidden, "not all of these users can be added")));
        ConversationId own = new(Id128.WithPlacement(0x6004, 0));
        await _bench.CreateAsync(own, ConversationKind.Group, _bob);
        ControlMap add = new ControlMap().SetId("conversation", own.Value).Set("users", Ids(_carol, _ada));
        Assert.That((await _members.AddAsync(Of(_bob), add)).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Log.Get(Table.State, ConversationKeys.Member(own, _carol)), Is.Null, "nobody was added");

        Ok(await _people.BlockAsync(Of(_ada), new ControlMap().SetId("user", _bob.Value).Set("blocked", false)));
        Assert.That(Ok(await _members.AddAsync(Of(_bob), add)).Number("added", 0), Is.EqualTo(2));
        Assert.That(GetProfile(_bob, _ada), Is.Not.Null);
    }

    [Test]
    public async Task BlocksAreListedInPages()
    {
        UserId[] others = (await _accounts.ImportAsync(Enumerable.Range(0, 7).Select(i => $"b{i}").ToArray(), CancellationToken.None)).OrderBy(user => user.Value).ToArray();
        foreach (UserId other in others)
        {
            await BlockAsync(_ada, other);
        }

        await BlockAsync(_bob, _ada);
        List<UserId> listed = [];
        bool isComplete = false;
        while (!isComplete)
        {
            ControlMap page = Ok(_people.ListBlocks(Of(_ada), new ControlMap().Set("limit", 3L).Set("after", listed.Count == 0 ? null : ControlMap.IdBytes(listed[^1].Value))));
            listed.AddRange(page.Maps("blocks")!.Select(block => BlockInfo.Parse(block!).User));
            isComplete = page.Flag("complete");
        }

        Assert.That(listed, Is.EqualTo(others));
    }

    [Test]
    public async Task TenThousandBlocksAreEnough()
    {
        CommitBatch batch = new(_bench.Log.Epoch);
        for (int i = 1; i < PeopleLimits.BlocksMax; i++)
        {
            batch.Put(Table.State, PeopleKeys.Block(_ada, new UserId((UInt128)i)), new StoredBlock(1).ToBytes());
        }

        _bench.Log.Commit([batch]);
        await BlockAsync(_ada, _bob);
        Assert.That((await _people.BlockAsync(Of(_ada), Block(_carol))).Error, Is.EqualTo(ErrorCode.TooMany));
        await BlockAsync(_ada, _bob);
    }

    [Test]
    public async Task ASearchFindsByNameAndDisplayNameWhateverTheCaseAndInPages()
    {
        await SetAsync(_bob, new ControlMap().Set("display_name", "Émile"));
        Assert.That(Found(_ada, "BO"), Is.EqualTo(new[] { _bob }));
        Assert.That(Found(_ada, "émi"), Is.EqualTo(new[] { _bob }));
        Assert.That(Found(_ada, "mile"), Is.Empty, "a beginning");
        Assert.That(Found(_ada, "b.*"), Is.Empty, "no patterns");
        Assert.That(Found(_ada, "ca"), Is.Empty, "Carol shares nothing but a public conversation");
        Assert.That(Found(_ada, "ada"), Is.Empty, "oneself is not looked for");

        UserId[] many = (await _accounts.ImportAsync(Enumerable.Range(0, 25).Select(i => $"zoe{i}").ToArray(), CancellationToken.None)).OrderBy(user => user.Value).ToArray();
        await _bench.CreateAsync(new ConversationId(Id128.WithPlacement(0x6005, 0)), ConversationKind.Group, _ada, many);
        await UntilNothingIsOwedAsync();
        List<UserId> found = [];
        bool more = true;
        while (more)
        {
            ControlMap page = Ok(_people.Search(Of(_ada), new ControlMap().Set("prefix", "Zo").Set("limit", 10L).Set("after", found.Count == 0 ? null : ControlMap.IdBytes(found[^1].Value))));
            found.AddRange(page.Maps("users")!.Select(user => FoundUser.Parse(user!).User));
            more = page.Flag("more");
            Assert.That(page.Flag("complete"), Is.True);
        }

        Assert.That(found, Is.EqualTo(many));
    }

    [Test]
    public void ASearchInACrowdSaysThatItDidNotLookAtEverybody()
    {
        CommitBatch batch = new(_bench.Log.Epoch);
        for (int i = 1; i <= UserSearch.MembersMax; i++)
        {
            batch.Put(Table.State, ConversationKeys.Member(Group, new UserId((UInt128)i)), new Membership(MemberRole.Member, 0).ToBytes());
        }

        _bench.Log.Commit([batch]);
        Assert.That(Ok(_people.Search(Of(_ada), new ControlMap().Set("prefix", "x"))).Flag("complete"), Is.False);
    }

    [Test]
    public void NamesAreLookedUpSlowly()
    {
        Actor ada = Of(_ada);
        ControlMap five = new ControlMap().Set("names", Enumerable.Range(0, 500).Select(i => $"guess{i}").ToList<object?>());
        Ok(_users.Resolve(ada, five));
        Ok(_users.Resolve(ada, five));
        ControlAnswer refused = _users.Resolve(ada, new ControlMap().Set("names", new List<object?> { "bob" }));
        Assert.That((refused.Error, refused.RetryAfterMs), Is.EqualTo((ErrorCode.RateLimited, 501u)));
        Ok(_users.Resolve(ada, new ControlMap().Set("users", Ids(_bob))));
        Ok(_users.Resolve(Of(_bob), five));
        for (int i = 0; i < 10; i++)
        {
            Ok(_users.Resolve(Of(_ada) with { Rights = AccountRights.Import }, five));
            Ok(_users.Resolve(Of(_ada) with { Rights = AccountRights.Operator }, five));
        }

        _clock.Advance(TimeSpan.FromMilliseconds(refused.RetryAfterMs));
        Ok(_users.Resolve(ada, new ControlMap().Set("names", new List<object?> { "bob" })));
    }

    [Test]
    public void StrangersProfilesCostAndThoseOfTheCircleDoNot()
    {
        for (int i = 0; i < (int)FixedBudgets.Of(Budget.Ids)!.Value.Burst / PeopleLimits.ProfilesAskedMax; i++)
        {
            Ok(_people.GetProfiles(Of(_ada), Asked(Enumerable.Range(1, PeopleLimits.ProfilesAskedMax).Select(id => new UserId((UInt128)id)).ToArray())));
        }

        Assert.That(_people.GetProfiles(Of(_ada), Asked(_dave)).Error, Is.EqualTo(ErrorCode.RateLimited));
        Assert.That(GetProfile(_ada, _bob), Is.Not.Null);
    }

    [Test]
    public void LookingAtThoseOneKnowsHasAnEndToo()
    {
        ControlMap friends = Asked(Enumerable.Repeat(_bob, PeopleLimits.ProfilesAskedMax).ToArray());
        for (int i = 0; i < (int)FixedBudgets.Of(Budget.Looks)!.Value.Burst / PeopleLimits.ProfilesAskedMax; i++)
        {
            Ok(_people.GetProfiles(Of(_ada), friends));
        }

        Assert.That(_people.GetProfiles(Of(_ada), friends).Error, Is.EqualTo(ErrorCode.RateLimited));
        _clock.Advance(TimeSpan.FromSeconds(1.01));
        Ok(_people.GetProfiles(Of(_ada), friends));
    }

    [Test]
    public async Task AProfileChangesOnceASecond()
    {
        for (int i = 0; i < (int)FixedBudgets.Of(Budget.Profiles)!.Value.Burst; i++)
        {
            await SetAsync(_ada, new ControlMap().Set("display_name", $"n{i}"), wait: false);
        }

        ControlAnswer refused = await _people.SetProfileAsync(Of(_ada), new ControlMap().Set("display_name", "late"));
        Assert.That((refused.Error, refused.RetryAfterMs), Is.EqualTo((ErrorCode.RateLimited, 1001u)));
        _clock.Advance(TimeSpan.FromSeconds(1.1));
        Assert.That(await SetAsync(_ada, new ControlMap().Set("display_name", "late"), wait: false), Is.EqualTo((int)FixedBudgets.Of(Budget.Profiles)!.Value.Burst + 1));
    }

    [Test]
    public async Task AChangeIsToldToWhoListensInAGroupAndToNobodyElse()
    {
        TestPeer bob = _bench.Connect(_bob);
        TestPeer carol = _bench.Connect(_carol);
        await bob.AnswerAsync(bob.Subscribe(Group, 0));
        await bob.AnswerAsync(bob.Subscribe(Public, 0));
        await carol.AnswerAsync(carol.Subscribe(Public, 0));
        await SetAsync(_ada, new ControlMap().Set("display_name", "Ada L."));
        await bob.UntilAsync(() => bob.Of(FrameType.Notice).Any());
        Assert.That(ControlMap.TryParse(new ReadOnlySequence<byte>(bob.Of(FrameType.Notice).Single().Body), out ControlMap? notice, out _), Is.True);
        Assert.That((notice!.Text("event", 20), notice.Id("user"), notice.Number("version", 0)), Is.EqualTo(("profile", _ada.Value, 1ul)));

        // What changes nothing is no news. The publish behind it shows that a notice would have been here.
        await SetAsync(_ada, new ControlMap().Set("display_name", "Ada L."));
        await bob.AnswerAsync(bob.Publish(Group, 1, [1]));
        await carol.AnswerAsync(carol.Publish(Public, 1, [1]));
        Assert.That(bob.Of(FrameType.Notice).Count(), Is.EqualTo(1));
        Assert.That(carol.Of(FrameType.Notice), Is.Empty);
    }

    private static IEnumerable<TestCaseData> Wrong()
    {
        static TestCaseData Row(string name, FrameType type, ControlMap map) => new TestCaseData(type, map).SetArgDisplayNames(name);
        string bidi = "a\u202Eb";
        yield return Row("display name with a control character", FrameType.SetProfile, new ControlMap().Set("display_name", "a\nb"));
        yield return Row("display name that turns the direction", FrameType.SetProfile, new ControlMap().Set("display_name", bidi));
        yield return Row("display name of 129 bytes", FrameType.SetProfile, new ControlMap().Set("display_name", new string('x', 129)));
        yield return Row("display name that is a number", FrameType.SetProfile, new ControlMap().Set("display_name", 7L));
        yield return Row("avatar of 513 bytes", FrameType.SetProfile, new ControlMap().Set("avatar", new string('x', 513)));
        yield return Row("avatar with an escape", FrameType.SetProfile, new ControlMap().Set("avatar", "\e[31m"));
        yield return Row("locale that is a sentence", FrameType.SetProfile, new ControlMap().Set("locale", "english please"));
        yield return Row("locale with an empty part", FrameType.SetProfile, new ControlMap().Set("locale", "en--GB"));
        yield return Row("locale of 36 bytes", FrameType.SetProfile, new ControlMap().Set("locale", "en-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaa"));
        yield return Row("fields that are a list", FrameType.SetProfile, new ControlMap().Set("fields", new List<object?>()));
        yield return Row("a field that is no text", FrameType.SetProfile, new ControlMap().Set("fields", new ControlMap().Set("a", 7L)));
        yield return Row("a field without a key", FrameType.SetProfile, new ControlMap().Set("fields", new ControlMap().Set("", "x")));
        yield return Row("a key of 65 bytes", FrameType.SetProfile, new ControlMap().Set("fields", new ControlMap().Set(new string('k', 65), "x")));
        yield return Row("a value of 513 bytes", FrameType.SetProfile, new ControlMap().Set("fields", new ControlMap().Set("k", new string('x', 513))));
        yield return Row("a negative version", FrameType.SetProfile, new ControlMap().Set("if_version", -1L));
        yield return Row("no users", FrameType.GetProfiles, new ControlMap());
        yield return Row("users that are ids", FrameType.GetProfiles, new ControlMap().Set("users", new List<object?> { new byte[16] }));
        yield return Row("a user without an id", FrameType.GetProfiles, new ControlMap().Set("users", new List<object?> { new ControlMap() }));
        yield return Row("a nil user", FrameType.GetProfiles, new ControlMap().Set("users", new List<object?> { null }));
        yield return Row("201 users", FrameType.GetProfiles, new ControlMap().Set("users", Enumerable.Range(0, 201).Select(_ => new ControlMap().SetId("user", 1)).ToList<object?>()));
        yield return Row("no prefix", FrameType.SearchUsers, new ControlMap());
        yield return Row("an empty prefix", FrameType.SearchUsers, new ControlMap().Set("prefix", ""));
        yield return Row("a prefix of 129 bytes", FrameType.SearchUsers, new ControlMap().Set("prefix", new string('x', 129)));
        yield return Row("a prefix with a control character", FrameType.SearchUsers, new ControlMap().Set("prefix", "a\0"));
        yield return Row("a page of 51", FrameType.SearchUsers, new ControlMap().Set("prefix", "a").Set("limit", 51L));
        yield return Row("nobody to block", FrameType.Block, new ControlMap().Set("blocked", true));
        yield return Row("neither blocked nor not", FrameType.Block, new ControlMap().SetId("user", 7));
        yield return Row("an id of 15 bytes", FrameType.Block, new ControlMap().Set("user", new byte[15]).Set("blocked", true));
        yield return Row("a page of text", FrameType.ListBlocks, new ControlMap().Set("limit", "many"));
    }

    [TestCaseSource(nameof(Wrong))]
    public async Task WhatIsWrongIsBadRequest(object type, object body)
    {
        ErrorCode answered;
        try
        {
            answered = (await AskAsync(_ada, (FrameType)type, (ControlMap)body)).Error;
        }
        catch (ControlFormatException)
        {
            // What the control handler answers so.
            answered = ErrorCode.BadRequest;
        }

        Assert.That(answered, Is.EqualTo(ErrorCode.BadRequest));
    }

    [Test]
    public async Task BlockingOneselfAndNobody()
    {
        Assert.That((await _people.BlockAsync(Of(_ada), Block(_ada))).Error, Is.EqualTo(ErrorCode.BadRequest));
        Assert.That((await _people.BlockAsync(Of(_ada), Block(new UserId(0xDEAD)))).Error, Is.EqualTo(ErrorCode.NoSuchUser));
    }

    [Test]
    public async Task AConflictIsOne()
    {
        await SetAsync(_ada, new ControlMap().Set("display_name", "x"));
        Assert.That((await _people.SetProfileAsync(Of(_ada), new ControlMap().Set("display_name", "y").Set("if_version", 0L))).Error, Is.EqualTo(ErrorCode.Conflict));
    }

    [Test]
    public async Task ABlockSurvivesACrashBetweenItAndItsEffect()
    {
        UserId far = new(Id128.WithPlacement(9, 3));
        ConversationId direct = DirectConversations.IdOf(ShardBench.Alice, far);
        ShardBench before = new(shards: 4);
        before.Apply(CommandKind.ChangePerson, ShardBench.ActorOf(ShardBench.Alice), new PersonCommand.SetBlock(far, true).ToBytes(), time: 5);
        before.Commit();
        byte[] key = PeopleKeys.DirectBlock(direct, ShardBench.Alice);
        Assert.That(before.Log.Get(Table.State, key), Is.Null, "the broker dies before it is carried");

        using RouterBench bench = new(before.Log.Crash());
        await UntilNothingIsOwedAsync(bench.Log);
        Assert.That(bench.Log.Get(Table.State, key), Is.EqualTo(new StoredBlock(5).ToBytes()));
    }

    private static Actor Of(UserId user) => ShardBench.ActorOf(user);

    private static ControlMap Block(UserId user) => new ControlMap().SetId("user", user.Value).Set("blocked", true);

    private static ControlMap Asked(params UserId[] users) =>
        new ControlMap().Set("users", users.Select(user => new ControlMap().SetId("user", user.Value)).ToList<object?>());

    private static List<object?> Ids(params UserId[] users) => users.Select(user => (object?)ControlMap.IdBytes(user.Value)).ToList();

    private static ControlMap Ok(ControlAnswer answer)
    {
        Assert.That((answer.Error, answer.Reason), Is.EqualTo((ErrorCode.None, string.Empty)));
        ArrayBufferWriter<byte> bytes = new();
        answer.Map!.Write(bytes);
        return ControlMap.TryParse(new ReadOnlySequence<byte>(bytes.WrittenMemory), out ControlMap? read, out string reason) ? read : throw new AssertionException(reason);
    }

    private Task<ControlAnswer> AskAsync(UserId user, FrameType type, ControlMap map) => type switch
    {
        FrameType.SetProfile => _people.SetProfileAsync(Of(user), map),
        FrameType.GetProfiles => Task.FromResult(_people.GetProfiles(Of(user), map)),
        FrameType.SearchUsers => Task.FromResult(_people.Search(Of(user), map)),
        FrameType.Block => _people.BlockAsync(Of(user), map),
        _ => Task.FromResult(_people.ListBlocks(Of(user), map)),
    };

    private async Task<ulong> SetAsync(UserId user, ControlMap change, bool wait = true)
    {
        _clock.Advance(wait ? TimeSpan.FromSeconds(2) : TimeSpan.Zero);
        return Ok(await _people.SetProfileAsync(Of(user), change)).Number("version", 0);
    }

    private async Task BlockAsync(UserId user, UserId other) => Ok(await _people.BlockAsync(Of(user), Block(other)));

    private Profile? GetProfile(UserId reader, UserId user) =>
        Ok(_people.GetProfiles(Of(reader), Asked(user))).Maps("profiles")!.Single() is { } map ? Profile.Parse(map) : null;

    private UserId[] Found(UserId user, string prefix) =>
        Ok(_people.Search(Of(user), new ControlMap().Set("prefix", prefix))).Maps("users")!.Select(found => FoundUser.Parse(found!).User).ToArray();

    private Task UntilNothingIsOwedAsync() => UntilNothingIsOwedAsync(_bench.Log);

    private static async Task UntilNothingIsOwedAsync(InMemoryConversationLog log)
    {
        bool isOwed = true;
        for (int i = 0; i < 1000 && isOwed; i++)
        {
            isOwed = false;
            log.Scan(Table.State, "o"u8, [], (_, _) => !(isOwed = true));
            await Task.Delay(isOwed ? 10 : 0);
        }

        Assert.That(isOwed, Is.False);
    }
}
