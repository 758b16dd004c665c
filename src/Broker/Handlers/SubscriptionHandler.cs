using FastChat.Broker.Identity;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Handlers;

/// <summary>
/// Subscribe, Unsubscribe and Fetch: check the form and the connection's limits, post to the conversation's shard, which alone knows what is durable and who may
/// read. Runs on the connection's read loop.
/// </summary>
internal sealed class SubscriptionHandler(Router router, ServiceScopes scopes, int subscriptionsMax)
{
    /// <summary>Handles a Subscribe frame.</summary>
    public HandlerOutcome Subscribe(ClientContext client, uint request, ReadOnlySpan<byte> body, long timeMicros)
    {
        if (!Protocol.Subscribe.TryRead(body, out Subscribe subscribe))
        {
            client.Refuse(request, ErrorCode.BadRequest, "a subscribe has 32 bytes, bytes 20–23 are zero");
            return HandlerOutcome.Done;
        }

        Peer peer = client.Peer;
        if (Interlocked.Increment(ref peer.Subscriptions) > subscriptionsMax)
        {
            Interlocked.Decrement(ref peer.Subscriptions);
            client.Refuse(request, ErrorCode.TooMany, "too many subscriptions");
            return HandlerOutcome.Done;
        }

        HandlerOutcome outcome = Post(peer, CommandKind.Subscribe, subscribe.Conversation, request, body, timeMicros);
        if (outcome == HandlerOutcome.TryAgain)
        {
            Interlocked.Decrement(ref peer.Subscriptions);
        }

        return outcome;
    }

    /// <summary>Handles an Unsubscribe frame.</summary>
    public HandlerOutcome Unsubscribe(ClientContext client, uint request, ReadOnlySpan<byte> body, long timeMicros)
    {
        if (!Protocol.Unsubscribe.TryRead(body, out Unsubscribe unsubscribe))
        {
            client.Refuse(request, ErrorCode.BadRequest, "an unsubscribe has 16 bytes");
            return HandlerOutcome.Done;
        }

        return Post(client.Peer, CommandKind.Unsubscribe, unsubscribe.Conversation, request, body, timeMicros);
    }

    /// <summary>Handles a Fetch frame.</summary>
    public HandlerOutcome Fetch(ClientContext client, uint request, ReadOnlySpan<byte> body, long timeMicros)
    {
        if (!Protocol.Fetch.TryRead(body, out Fetch fetch))
        {
            client.Refuse(request, ErrorCode.BadRequest, "a fetch has 40 bytes, direction 0 or 1, bytes 21–23 zero");
            return HandlerOutcome.Done;
        }

        Peer peer = client.Peer;
        if (Interlocked.Increment(ref peer.Fetches) > ProtocolLimits.FetchesInFlightMax)
        {
            Interlocked.Decrement(ref peer.Fetches);
            client.Refuse(request, ErrorCode.TooMany, "too many unanswered fetches");
            return HandlerOutcome.Done;
        }

        HandlerOutcome outcome = Post(peer, CommandKind.Fetch, fetch.Conversation, request, body, timeMicros);
        if (outcome == HandlerOutcome.TryAgain)
        {
            Interlocked.Decrement(ref peer.Fetches);
        }

        return outcome;
    }

    private HandlerOutcome Post(Peer peer, CommandKind kind, ConversationId conversation, uint request, ReadOnlySpan<byte> body, long timeMicros)
    {
        int shard = router.Map.ShardOf(conversation.Value);
        peer.TouchShard(shard);
        CommandHeader header = new(kind, scopes.Narrow(peer.Actor, conversation), request, CommandHeader.ReplyToPeer(peer.Address), timeMicros);
        return router.TryPost(shard, header, body) ? HandlerOutcome.Done : HandlerOutcome.TryAgain;
    }
}
