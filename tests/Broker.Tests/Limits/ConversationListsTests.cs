using FastChat.Broker.Conversations;
using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Protocol;
using FastChat.Storage;

using Microsoft.Extensions.Time.Testing;

namespace FastChat.Broker.Tests;

/// <summary>How many conversations one user may belong to.</summary>
internal sealed class ConversationListsTests
{
    private readonly FakeTimeProvider _clock = new();
    private InMemoryConversationLog _log = null!;
    private ConversationLists _lists = null!;

    [SetUp]
    public void Make()
    {
        _log = new InMemoryConversationLog();
        _lists = new ConversationLists(_log, _clock);
    }

    [Test]
    public void AListIsFullAtTheLimitAndHasRoomAgainBehindIt()
    {
        Fill(ShardBench.Alice, ProtocolLimits.ConversationsOfUserMax - 1);
        Assert.That(_lists.FirstFull([ShardBench.Bob, ShardBench.Alice]).IsNone, Is.True);
        Fill(ShardBench.Alice, ProtocolLimits.ConversationsOfUserMax);
        Assert.That(_lists.FirstFull([ShardBench.Bob, ShardBench.Alice]).IsNone, Is.True, "a long list is not counted with every request");
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.That(_lists.FirstFull([ShardBench.Bob, ShardBench.Alice]), Is.EqualTo(ShardBench.Alice));

        CommitBatch batch = new(_log.Epoch);
        batch.Delete(Table.State, ConversationKeys.ListEntry(ShardBench.Alice, new ConversationId(1)));
        _log.Commit([batch]);
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.That(_lists.FirstFull([ShardBench.Alice]).IsNone, Is.True);
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
