using FastChat.Broker.Conversations;
using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>How many conversations one user may belong to, and how often memberships may change.</summary>
internal sealed class MembershipQuotasTests
{
    private static readonly Actor Alice = ShardBench.ActorOf(ShardBench.Alice);

    private readonly FakeTimeProvider _clock = new();
    private InMemoryConversationLog _log = null!;
    private MembershipQuotas _quotas = null!;

    [SetUp]
    public void Make()
    {
        _log = new InMemoryConversationLog();
        _quotas = new MembershipQuotas(_log, _clock);
    }

    [Test]
    public void AListIsFullAtTheLimitAndHasRoomAgainBehindIt()
    {
        Fill(ShardBench.Alice, ProtocolLimits.ConversationsOfUserMax - 1);
        Assert.That(_quotas.FirstFull([ShardBench.Bob, ShardBench.Alice]).IsNone, Is.True);
        Fill(ShardBench.Alice, ProtocolLimits.ConversationsOfUserMax);
        Assert.That(_quotas.FirstFull([ShardBench.Bob, ShardBench.Alice]).IsNone, Is.True, "a long list is not counted with every request");
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.That(_quotas.FirstFull([ShardBench.Bob, ShardBench.Alice]), Is.EqualTo(ShardBench.Alice));

        CommitBatch batch = new(_log.Epoch);
        batch.Delete(Table.State, ConversationKeys.ListEntry(ShardBench.Alice, new ConversationId(1)));
        _log.Commit([batch]);
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.That(_quotas.FirstFull([ShardBench.Alice]).IsNone, Is.True);
    }

    [Test]
    public void ComingAndGoingHasABudgetThatRefills()
    {
        for (int i = 0; i < MembershipQuotas.OwnBurst; i++)
        {
            Assert.That(_quotas.MayComeOrGo(Alice, out _), Is.True);
        }

        Assert.That(_quotas.MayComeOrGo(Alice, out uint retryAfterMs), Is.False);
        Assert.That(retryAfterMs, Is.InRange(1, 1001));
        Assert.That(_quotas.MayComeOrGo(ShardBench.ActorOf(ShardBench.Bob), out _), Is.True, "everybody has a budget of their own");
        Assert.That(_quotas.MayMake(Alice, out _) && _quotas.MayChange(Alice, 500, out _), Is.True, "and one for each thing");
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(_quotas.MayComeOrGo(Alice, out _), Is.True);
        Assert.That(_quotas.MayComeOrGo(Alice, out _), Is.False);
    }

    [Test]
    public void ChangesOfOthersAreCountedByWhomTheyConcern()
    {
        for (int i = 0; i < MembershipQuotas.OthersBurst / 500; i++)
        {
            Assert.That(_quotas.MayChange(Alice, 500, out _), Is.True);
        }

        Assert.That(_quotas.MayChange(Alice, 0, out uint retryAfterMs), Is.False, "asking for nothing is asking as well");
        Assert.That(retryAfterMs, Is.Positive);
        Assert.That(_quotas.MayChange(ShardBench.ActorOf(ShardBench.Alice, rights: AccountRights.Import), 500, out _), Is.True, "who imports brings whole worlds along");
    }

    private void Fill(UserId user, int count)
    {
        CommitBatch batch = new(_log.Epoch);
        for (int i = 1; i <= count; i++)
        {
            batch.Put(Table.State, ConversationKeys.ListEntry(user, new ConversationId((UInt128)i)), new Membership(MemberRole.Member, 0).ToBytes());
        }

        _log.Commit([batch]);
    }
}
