using System.Security.Cryptography;

using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Tests;

/// <summary>Roles, invitations, bans, mutes, links and settings in the shard's state machine: what is recorded, what is stored, what follows.</summary>
internal sealed class MemberCommandsTests
{
    private static readonly UserId Alice = ShardBench.Alice;
    private static readonly UserId Bob = ShardBench.Bob;
    private static readonly UserId Carol = ShardBench.Carol;
    private static readonly byte[] Secret = SHA256.HashData("secret"u8);

    private ShardBench _bench = null!;

    [SetUp]
    public void MakeBench() => _bench = new ShardBench();

    [Test]
    public void AnInvitationIsAcceptedOnce([Values] bool restarts)
    {
        Group();
        Assert.That(_bench.ChangeMember(Alice, MemberChange.Invite, Bob, MemberRole.Moderator), Has.Property("Count").EqualTo(1));
        Next(restarts);
        Assert.That(_bench.Publish(Bob, 1, "not yet"), Is.EqualTo(ErrorCode.Forbidden), "who is invited knows of it and does not belong to it");
        Assert.That(RoleOf(Bob), Is.EqualTo(MemberRole.Invited));
        Assert.That(_bench.ChangeMember(Bob, MemberChange.Accept, Bob).Count, Is.EqualTo(1));
        Next(restarts);
        Assert.That(RoleOf(Bob), Is.EqualTo(MemberRole.Moderator), "as what they were invited");
        Assert.That(_bench.ChangeMember(Bob, MemberChange.Accept, Bob).Count, Is.Zero, "a repeated answer is no change");
        Assert.That(_bench.Publish(Bob, 2, "here"), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.ChangeMember(Alice, MemberChange.Invite, Bob).Count, Is.Zero, "a member is not invited");
    }

    [Test]
    public void WhoDeclinesIsForgotten()
    {
        Group();
        _bench.ChangeMember(Alice, MemberChange.Invite, Bob, MemberRole.Member);
        Assert.That(_bench.ChangeMember(Bob, MemberChange.Decline, Bob).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.Publish(Bob, 1, "x"), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_bench.ChangeMember(Bob, MemberChange.Accept, Bob).Error, Is.EqualTo(ErrorCode.NoSuchConversation), "there is nothing to accept any more");
        Assert.That(_bench.ChangeMember(Carol, MemberChange.Accept, Carol).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public void WhoIsBannedCannotComeBack([Values] bool restarts)
    {
        Group(Bob);
        _bench.Publish(Bob, 1, "last words");
        Assert.That(_bench.ChangeMember(Alice, MemberChange.Ban, Bob).Count, Is.EqualTo(1));
        Shard.SealOpen(_bench.Turn);
        Assert.That(_bench.Turn.Chunks[^1].Removed, Is.EqualTo(Bob), "a ban is a removal (P15)");
        Next(restarts);
        Assert.That(_bench.Publish(Bob, 2, "x"), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_bench.ChangeMembers(ShardBench.ActorOf(Alice), ShardBench.Room, MemberRole.Member, Bob).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.ChangeMember(Alice, MemberChange.Invite, Bob, MemberRole.Member).Error, Is.EqualTo(ErrorCode.Forbidden));
        Link(new JoinLink(MemberRole.Member, JoinLink.Unlimited, long.MaxValue, 0, Alice));
        Assert.That(Follow(Bob).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.ChangeMember(Alice, MemberChange.Unban, Bob).Count, Is.EqualTo(1));
        Assert.That(Follow(Bob).Count, Is.EqualTo(1));
        Assert.That(_bench.Publish(Bob, 3, "back"), Is.EqualTo(ErrorCode.None));
    }

    [Test]
    public void ABanFromAPublicConversationHoldsBackReadersAndWriters([Values] bool restarts)
    {
        _bench.Create(ShardBench.Room, ConversationKind.Public, "lobby", Alice);
        Assert.That(_bench.Publish(Bob, 1, "spam"), Is.EqualTo(ErrorCode.None));
        _bench.ChangeMember(Alice, MemberChange.Ban, Bob);
        Next(restarts);
        Assert.That(_bench.Publish(Bob, 2, "spam"), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(Read(Bob, out _), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.ChangeMember(Bob, MemberChange.Join, Bob).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Publish(Carol, 1, "hello"), Is.EqualTo(ErrorCode.None));
    }

    [Test]
    public void AMuteEndsByItself()
    {
        Group(Bob);
        _bench.ChangeMember(Alice, MemberChange.Mute, Bob, mutedUntil: 5_000);
        Assert.That(PublishAt(Bob, 1, 4_999), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Reason, Is.EqualTo("muted"));
        Assert.That(PublishAt(Bob, 2, 5_000), Is.EqualTo(ErrorCode.None));
        _bench.ChangeMember(Alice, MemberChange.Mute, Bob, mutedUntil: 50_000);
        _bench.ChangeMember(Alice, MemberChange.Mute, Bob, mutedUntil: 0);
        Assert.That(PublishAt(Bob, 3, 6_000), Is.EqualTo(ErrorCode.None), "and can be taken back");
    }

    [Test]
    public void AMuteInAPublicConversationIsLookedAtFromThenOn()
    {
        _bench.Create(ShardBench.Room, ConversationKind.Public, "lobby", Alice);
        _bench.ChangeMember(Bob, MemberChange.Join, Bob);
        _bench.ChangeMember(Alice, MemberChange.Mute, Bob, mutedUntil: long.MaxValue);
        Assert.That(_bench.Publish(Bob, 1, "x"), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Publish(Carol, 1, "x"), Is.EqualTo(ErrorCode.None));
    }

    [Test]
    public void InAChannelFewWriteAndWhoJoinsReads()
    {
        _bench.Create(ShardBench.Room, ConversationKind.Channel, "news", Alice);
        Assert.That(_bench.Publish(Alice, 1, "news"), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.Publish(Bob, 1, "x"), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(Read(Bob, out ulong from), Is.EqualTo(ErrorCode.None));
        Assert.That(from, Is.EqualTo(1));
        _bench.ChangeMember(Bob, MemberChange.Join, Bob);
        Assert.That(RoleOf(Bob), Is.EqualTo(MemberRole.Reader));
        Assert.That(_bench.Publish(Bob, 2, "x"), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.ChangeMember(Alice, MemberChange.SetRole, Bob, MemberRole.Member).Count, Is.EqualTo(1));
        Assert.That(_bench.Publish(Bob, 3, "x"), Is.EqualTo(ErrorCode.None));
    }

    [Test]
    public void ADirectConversationIsOneWhoeverBeginsIt()
    {
        ConversationId id = DirectConversations.IdOf(Alice, Bob);
        Assert.That(DirectConversations.IdOf(Bob, Alice), Is.EqualTo(id));
        Assert.That(DirectConversations.IdOf(Alice, Carol), Is.Not.EqualTo(id));
        Assert.That(_bench.Create(id, ConversationKind.Direct, null, Alice, findExisting: true, Bob).Created, Is.True);
        _bench.Commit();
        _bench.Restart();
        CommandResult again = _bench.Create(id, ConversationKind.Direct, null, Bob, findExisting: true, Alice);
        Assert.That((again.Error, again.Created, again.Conversation), Is.EqualTo((ErrorCode.None, false, id)));
        Assert.That(_bench.Publish(Alice, 1, "x", to: id), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.Publish(Bob, 1, "x", to: id), Is.EqualTo(ErrorCode.None));
        Assert.That(_bench.Publish(Carol, 1, "x", to: id), Is.EqualTo(ErrorCode.NoSuchConversation));
        Assert.That(_bench.ChangeMembers(ShardBench.ActorOf(Alice), id, MemberRole.Member, Carol).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.ChangeMembers(ShardBench.ActorOf(Alice), id, MemberRole.None, Alice).Error, Is.EqualTo(ErrorCode.Forbidden), "both belong to it for good");
    }

    [TestCase(HistoryVisibility.All, 1ul, 1ul)]
    [TestCase(HistoryVisibility.Invited, 4ul, 7ul)]
    [TestCase(HistoryVisibility.Joined, 6ul, 7ul)]
    public void WhatNewcomersMayReadIsSettledWhenTheyCome(object history, ulong invited, ulong added)
    {
        Group();
        _bench.Change(Alice, new ConversationChanges { History = (HistoryVisibility)history, Topic = "privacy" });
        _bench.Publish(Alice, 1, "two");
        _bench.Publish(Alice, 2, "three");
        _bench.ChangeMember(Alice, MemberChange.Invite, Bob, MemberRole.Member);
        _bench.Publish(Alice, 3, "five");
        _bench.ChangeMember(Bob, MemberChange.Accept, Bob);
        _bench.ChangeMembers(ShardBench.ActorOf(Alice), ShardBench.Room, MemberRole.Member, Carol);
        _bench.Change(Alice, new ConversationChanges { History = HistoryVisibility.All });
        Next(restarts: true);
        Read(Bob, out ulong bobs);
        Read(Carol, out ulong carols);
        Assert.That((bobs, carols), Is.EqualTo((invited, added)));
        Read(Alice, out ulong alices);
        Assert.That(alices, Is.EqualTo(1));
    }

    [Test]
    public void ALinkIsGoodForSoManyUsesAndUntilItsTime([Values] bool restarts)
    {
        Group();
        Link(new JoinLink(MemberRole.Reader, 1, 10_000, 0, Alice));
        Next(restarts);
        Assert.That(Follow(Bob, time: 9_999).Count, Is.EqualTo(1));
        Assert.That(RoleOf(Bob), Is.EqualTo(MemberRole.Reader));
        Assert.That(Follow(Bob, time: 9_999).Count, Is.Zero, "who is inside does not use it up");
        Assert.That(Follow(Carol, time: 9_999).Error, Is.EqualTo(ErrorCode.NoSuchConversation), "used up");
        Link(new JoinLink(MemberRole.Reader, 1, 20_000, 5_000, Alice));
        CommandResult again = _bench.Turn.Results[^1].Result;
        Assert.That((again.Count, JoinLink.Parse(again.Existing)), Is.EqualTo((0, new JoinLink(MemberRole.Reader, 0, 10_000, 0, Alice))), "whoever did not hear the answer asks for the same link");
        Assert.That(Follow(Carol, time: 9_999).Error, Is.EqualTo(ErrorCode.NoSuchConversation), "which has no more uses by that");
        Revoke();
        Link(new JoinLink(MemberRole.Member, JoinLink.Unlimited, 10_000, 0, Alice));
        Assert.That(Follow(Carol, time: 10_000).Error, Is.EqualTo(ErrorCode.NoSuchConversation), "expired");
        Assert.That(Follow(Carol, time: 9_000).Count, Is.EqualTo(1));
        Revoke();
        Assert.That(Follow(new UserId(77), time: 9_000).Error, Is.EqualTo(ErrorCode.NoSuchConversation), "revoked");
    }

    [Test]
    public void NobodyMakesALinkToMoreThanTheyAre()
    {
        Group();
        _bench.ChangeMembers(ShardBench.ActorOf(Alice), ShardBench.Room, MemberRole.Admin, Bob);
        Assert.That(LinkBy(Bob, MemberRole.Owner).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(LinkBy(Bob, MemberRole.Admin).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(LinkBy(Bob, MemberRole.Moderator).Error, Is.EqualTo(ErrorCode.None));
        Assert.That(LinkBy(Carol, MemberRole.Reader).Error, Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public void WhoAddsManyAddsAllOrNobody()
    {
        Group();
        _bench.ChangeMember(Alice, MemberChange.Ban, Carol);
        Assert.That(_bench.ChangeMembers(ShardBench.ActorOf(Alice), ShardBench.Room, MemberRole.Member, Bob, Carol).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Publish(Bob, 1, "x"), Is.EqualTo(ErrorCode.NoSuchConversation));
    }

    [Test]
    public void ChangesOfTheConversationAreRecordsWithWhatChanged()
    {
        Group(Bob);
        Assert.That(_bench.Change(Bob, new ConversationChanges { Topic = "mine" }).Error, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Change(Alice, new ConversationChanges { Topic = "ships", Title = "Harbour" }).Count, Is.EqualTo(1));
        Assert.That(_bench.Change(Alice, new ConversationChanges { Topic = "ships" }).Count, Is.Zero, "what is so already is no change and no record");
        Assert.That(_bench.Change(Alice, new ConversationChanges { Topic = "boats", Title = "Harbour", IsArchived = true }).Count, Is.EqualTo(1));
        Assert.That(_bench.Publish(Bob, 1, "x"), Is.EqualTo(ErrorCode.Forbidden), "archived");
        Next(restarts: true);
        Assert.That(_bench.Publish(Alice, 1, "x"), Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(_bench.Change(Alice, new ConversationChanges { IsArchived = false, Title = string.Empty }).Count, Is.EqualTo(1));
        Assert.That(_bench.Publish(Alice, 1, "x"), Is.EqualTo(ErrorCode.None));
        Next(restarts: false);

        List<ConversationChanges> recorded = _bench.Read(ShardBench.Room).Where(record => record.Kind == MessageKind.ConversationChanged).Select(record => Parse(record.BodyHex)).ToList();
        Assert.That(recorded, Is.EqualTo(new[]
        {
            new ConversationChanges { Topic = "ships", Title = "Harbour" }, new ConversationChanges { Topic = "boats", IsArchived = true }, new ConversationChanges { IsArchived = false, Title = string.Empty },
        }));
        ConversationMeta meta = ConversationMeta.Parse(_bench.Log.Get(Table.State, ConversationKeys.Meta(ShardBench.Room))!);
        Assert.That((meta.Topic, meta.Title, meta.IsArchived), Is.EqualTo(("boats", (string?)null, false)));
    }

    [Test]
    public void SlowModeMakesMembersWaitAndModeratorsNot([Values] bool restarts)
    {
        const long Second = 1_000_000;
        Group(Bob, Carol);
        _bench.ChangeMember(Alice, MemberChange.SetRole, Carol, MemberRole.Moderator);
        _bench.Change(Alice, new ConversationChanges { SlowMode = TimeSpan.FromSeconds(30) });
        Assert.That(PublishAt(Bob, 1, 100 * Second), Is.EqualTo(ErrorCode.None));
        Next(restarts);
        Assert.That(PublishAt(Bob, 2, 110 * Second), Is.EqualTo(ErrorCode.RateLimited));
        Assert.That(_bench.RetryAfterMs, Is.EqualTo(20_000));
        Assert.That(PublishAt(Bob, 1, 110 * Second), Is.EqualTo(ErrorCode.None), "a retry of what is stored is answered and not counted");
        Assert.That(PublishAt(Carol, 1, 110 * Second), Is.EqualTo(ErrorCode.None));
        Assert.That(PublishAt(Carol, 2, 110 * Second), Is.EqualTo(ErrorCode.None));
        Assert.That(PublishAt(Bob, 2, 130 * Second), Is.EqualTo(ErrorCode.None));
        Assert.That(PublishAt(Bob, 3, 10 * Second), Is.EqualTo(ErrorCode.None), "a clock that went back does not hold anybody back for as long as it went");
    }

    [Test]
    public void TimesOfSlowModeGoWhenTheyHoldNobodyBackAnyMore()
    {
        const long Second = 1_000_000;
        const long longest = ProtocolLimits.SlowModeSecondsMax * Second;
        UserId[] writers = [.. Enumerable.Range(1, 200).Select(i => new UserId((UInt128)i * 7919))];
        Group(writers);
        _bench.Change(Alice, new ConversationChanges { SlowMode = TimeSpan.FromSeconds(30) });
        long now = 100 * Second;
        for (int i = 0; i < writers.Length; i++)
        {
            // A quarter of them in the time of the longest pause that there could be.
            now += longest / 50;
            Assert.That(PublishAt(writers[i], 1, now), Is.EqualTo(ErrorCode.None));
            _bench.Commit();
            Assert.That(PublishAt(writers[i], 2, now + (29 * Second)), Is.EqualTo(ErrorCode.RateLimited), "the own one stays");
        }

        List<long> times = [];
        _bench.Log.Scan(Table.State, MessageKeys.AllOf('w', ShardBench.Room), [], (_, value) =>
        {
            times.Add(BitConverter.ToInt64(value));
            return true;
        });
        Assert.That(times, Has.Count.InRange(51, 100), "those of the last pause, and what was not looked at yet");
        Assert.That(times.Count(time => time > now - longest), Is.EqualTo(50), "and of these none went");
    }

    /// <summary>What commits have brought to the store must have no say in who waits.</summary>
    [Test]
    public void APauseThatIsMadeLongerHoldsWhoeverHasWritten([Values] bool restarts)
    {
        const long Second = 1_000_000;
        Group(Bob, Carol);
        _bench.Change(Alice, new ConversationChanges { SlowMode = TimeSpan.FromSeconds(10) });
        Assert.That(PublishAt(Bob, 1, 100 * Second), Is.EqualTo(ErrorCode.None));
        Next(restarts);
        Assert.That(PublishAt(Carol, 1, 200 * Second), Is.EqualTo(ErrorCode.None), "this looks at Bob's time, which is long over");
        _bench.Change(Alice, new ConversationChanges { SlowMode = TimeSpan.FromHours(1) });
        Assert.That(PublishAt(Bob, 2, 300 * Second), Is.EqualTo(ErrorCode.RateLimited));
    }

    [Test]
    public void MembershipsSurviveTheirBytes()
    {
        foreach (Membership one in new[]
        {
            new Membership(MemberRole.Owner, 0), new(MemberRole.Reader, 7), new(MemberRole.Member, 7, VisibleFrom: 5), new(MemberRole.Admin, 7, 5, 99), new(MemberRole.Banned, ulong.MaxValue, 0, long.MaxValue),
        })
        {
            Assert.That(Membership.TryParse(one.ToBytes(), out Membership read), Is.True);
            Assert.That(read, Is.EqualTo(one));
        }

        Assert.That(Membership.TryParse(new byte[9], out _), Is.False);
        Assert.That(Membership.TryParse([8, .. new byte[8]], out _), Is.False);
        Assert.That(Membership.TryParse([1, .. new byte[24]], out _), Is.False, "one membership has one form");
    }

    private static ConversationChanges Parse(string hex) =>
        ControlMap.TryParse(new System.Buffers.ReadOnlySequence<byte>(Convert.FromHexString(hex)), out ControlMap? map, out string reason) ? ConversationChanges.Parse(map) : throw new AssertionException(reason);

    private void Group(params UserId[] members)
    {
        _bench.Create(ShardBench.Room, ConversationKind.Group, null, Alice, false, members);
        _bench.Commit();
    }

    private void Next(bool restarts)
    {
        _bench.Commit();
        if (restarts)
        {
            _bench.Restart();
        }
    }

    private MemberRole RoleOf(UserId user)
    {
        _bench.Commit();
        return _bench.Log.Get(Table.State, ConversationKeys.Member(ShardBench.Room, user)) is { } stored ? Membership.Parse(stored).Role : MemberRole.None;
    }

    private ErrorCode Read(UserId user, out ulong from) =>
        _bench.Shard.AuthorizeRead(ShardBench.Room, new CommandHeader(CommandKind.Fetch, ShardBench.ActorOf(user), 1, 0, 1), _bench.Turn, _bench.Syncing, out _, out from);

    private ErrorCode PublishAt(UserId user, ulong id, long time) =>
        _bench.Apply(CommandKind.Publish, ShardBench.ActorOf(user), ShardBench.PublishBody(ShardBench.Room, id, "x"), time: time);

    private void Link(JoinLink link) => _bench.Apply(CommandKind.ChangeLink, ShardBench.ActorOf(Alice), new ChangeLinkCommand(ShardBench.Room, Secret, link).ToBytes());

    private void Revoke() => _bench.Apply(CommandKind.ChangeLink, ShardBench.ActorOf(Alice), new ChangeLinkCommand(ShardBench.Room, Secret, null).ToBytes());

    private CommandResult LinkBy(UserId user, MemberRole role)
    {
        _bench.Apply(CommandKind.ChangeLink, ShardBench.ActorOf(user), new ChangeLinkCommand(ShardBench.Room, Secret, new JoinLink(role, 1, long.MaxValue, 0, user)).ToBytes());
        return _bench.Turn.Results[^1].Result;
    }

    private CommandResult Follow(UserId user, long time = 1000)
    {
        _bench.Apply(CommandKind.JoinByLink, ShardBench.ActorOf(user), new JoinByLinkCommand(ShardBench.Room, Secret).ToBytes(), time: time);
        return _bench.Turn.Results[^1].Result;
    }
}
