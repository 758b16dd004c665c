using FastChat.Broker.Audit;
using FastChat.Broker.Conversations;
using FastChat.Broker.Diagnostics;
using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>GetActivity: what the broker has been busy with of late, for operators (protocol.md §4.6). It is asked every second by whoever looks on. Pool threads.</summary>
/// <param name="router">The way to the loops, who know.</param>
/// <param name="reads">What a conversation is, for who may see it.</param>
/// <param name="audit">What was refused.</param>
internal sealed class ActivityRequests(Router router, ConversationReads reads, AuditLog audit)
{
    /// <summary>A loop that waits for the disk for longer than this is left out: the others are told of while it does.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>What shards do, where most is written, and what was refused.</summary>
    public async Task<ControlAnswer> GetAsync(Actor actor)
    {
        ErrorCode denied = OperatorPolicy.Decide(OperatorOperation.SeeStats, actor.Rights);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "only operators see what the broker does");
        }

        LoopReport[] reports = [.. (await router.ReportsAsync(s_patience)).OfType<LoopReport>()];

        // A store may have more shards than an answer has elements: then those that did most are told of.
        IEnumerable<ShardReport> shards = reports.SelectMany(static report => report.Shards)
            .OrderByDescending(static shard => shard.QueuedBytes).ThenByDescending(static shard => shard.Messages).Take(ProtocolLimits.ControlArrayMax)
            .OrderBy(static shard => shard.Shard);
        return ControlAnswer.Ok(new BrokerActivity
        {
            Time = Micros.ToTime(router.NowMicros()),
            Loops = router.LoopCount,
            LoopsAnswered = reports.Length,
            Shards = [.. shards.Select(Describe)],
            Conversations = [.. BusyConversations.Ordered(reports.SelectMany(static report => report.Busiest), LoopReport.BusiestMax).Select(busy => Describe(actor, busy))],
            Refusals = [.. audit.RecentRefusals.Select(Describe)],
        }.ToMap());
    }

    private static ShardActivity Describe(ShardReport shard) => new()
    {
        Shard = shard.Shard,
        Loop = shard.Loop,
        QueuedBytes = (ulong)shard.QueuedBytes,
        Messages = (ulong)shard.Messages,
        Bytes = (ulong)shard.Bytes,
        Delivered = (ulong)shard.Delivered,
        Subscriptions = shard.Subscriptions,
        Lagging = shard.Lagging,
        Conversations = shard.Conversations,
    };

    /// <summary>How much was written is the operator's to know; where, the policy says.</summary>
    private ConversationActivity Describe(Actor actor, BusyConversation busy)
    {
        bool isSeen = reads.Authorize(actor, busy.Conversation, ConversationOperation.See, out ConversationMeta? meta, out _) == ErrorCode.None;
        return new ConversationActivity
        {
            Conversation = busy.Conversation,
            Kind = isSeen ? meta!.Kind : ConversationKind.None,
            Name = isSeen ? meta!.Name : null,
            Title = isSeen ? meta!.Title : null,
            Messages = (ulong)busy.Messages,
            Bytes = (ulong)busy.Bytes,
        };
    }

    private static RefusalActivity Describe(NotedRefusal refusal) => new()
    {
        Act = AuditLine.NameOf(refusal.Entry.Act),
        Detail = refusal.Entry.Detail,
        Remote = refusal.Entry.Remote,
        User = refusal.Entry.User,
        Count = (ulong)refusal.Count,
        At = refusal.At,
    };
}
