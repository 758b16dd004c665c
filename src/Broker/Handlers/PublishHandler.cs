using FastChat.Broker.Attachments;
using FastChat.Broker.Identity;
using FastChat.Broker.Limits;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// Publish: validate → hash the body → post to the conversation's shard. What depends on the conversation (may this user write here, is it a retry) is decided there, in
/// the order of the log. Runs on the connection's read loop, once per message: no allocation, no lock, no wait.
/// </summary>
internal sealed class PublishHandler(Router router, ServiceScopes scopes, AttachmentVoucher voucher, UserLimits limits, int bodySizeMax, int inFlightMax)
{
    /// <summary>When a publish that was refused for want of room may come again: space is made by people, who are slower.</summary>
    private const uint FullRetryMs = 1000;

    /// <summary>Handles a Publish frame.</summary>
    public HandlerOutcome Handle(ClientContext client, uint request, ReadOnlySpan<byte> body, long timeMicros)
    {
        Peer peer = client.Peer;
        if (!HasRoom(peer))
        {
            return HandlerOutcome.TryAgain;
        }

        if (!Publish.TryRead(body, out Publish publish))
        {
            client.Refuse(request, ErrorCode.BadRequest, "a publish has 36 bytes before its body and what its flags name; unknown flags are zero");
            return HandlerOutcome.Done;
        }

        if (Check(publish) is var (code, reason) && code != ErrorCode.None)
        {
            client.Refuse(request, code, reason);
            return HandlerOutcome.Done;
        }

        if (!MayGoOn(client, request, publish.Conversation, body.Length))
        {
            client.Refuse(request, peer.RefusedWith.Code, peer.RefusedWith.Reason, peer.RefusedWith.RetryAfterMs, isInOrder: true);
            return HandlerOutcome.Done;
        }

        Span<byte> bodyHash = stackalloc byte[ChainHash.Size];
        Sha256.Hash(publish.Body, bodyHash);
        int shard = router.Map.ShardOf(publish.Conversation.Value);
        CommandHeader header = new(CommandKind.Publish, scopes.Narrow(peer.Actor, publish.Conversation), request, CommandHeader.ReplyToPeer(peer.Address), timeMicros)
        {
            AreAttachmentsVouchedFor = voucher.VouchesFor(peer.Actor.User, publish, timeMicros),
        };
        peer.BeginPublish();
        client.HasPaid = !router.TryPost(shard, header, bodyHash, body);
        if (client.HasPaid)
        {
            peer.EndPublish();
            return HandlerOutcome.TryAgain;
        }

        return HandlerOutcome.Done;
    }

    /// <summary>True when the connection may have another publish under way.</summary>
    public bool HasRoom(Peer peer) => peer.InFlight < inFlightMax;

    /// <summary>
    /// Refuses for the time being: the disk is full, or this is too much in too short a time. Once something of a connection was refused so, only that may be the next that is taken, or the order would be lost; what comes in between costs nothing and is refused alike.
    /// </summary>
    private bool MayGoOn(ClientContext client, uint request, ConversationId conversation, int size)
    {
        Peer peer = client.Peer;
        if (peer.RefusedFrom != 0 && peer.RefusedFrom != request)
        {
            return false;
        }

        if (router.IsFull)
        {
            peer.RefusedWith = (ErrorCode.StoreFull, "the disk has no room; repeat this publish before any other", FullRetryMs);
        }
        else if (!client.HasPaid && !limits.MayPublish(peer, conversation, size, client.Now, out uint retryAfterMs))
        {
            peer.RefusedWith = (ErrorCode.RateLimited, "too much in too short a time; repeat this publish before any other", retryAfterMs);
        }
        else
        {
            peer.RefusedFrom = 0;
            return true;
        }

        peer.RefusedFrom = request;
        return false;
    }

    private (ErrorCode Code, string Reason) Check(in Publish publish)
    {
        if (publish.Body.Length > bodySizeMax)
        {
            return (ErrorCode.BodyTooLarge, "the message is larger than body_size_max");
        }

        return (MessageBodies.Check(publish.Kind, publish.Body, out string reason), reason);
    }
}
