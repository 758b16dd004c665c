using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Attachments;

/// <summary>
/// Says whether a publisher may attach what a message names: a look at the durable claims, which lie in other shards than the conversation. What is found counts for as long as a claim is kept beyond the time that its
/// user was told: by then the shard of the hash knows of the message. Called on read loops: a few small entries are read, for a message with attachments only.
/// </summary>
/// <param name="graceMicros">How much longer a claim is kept than it may be used.</param>
internal sealed class AttachmentVoucher(IConversationLog log, long graceMicros)
{
    /// <summary>True when the message has no attachments, or its publisher has a claim to each of them, of the size that the message says.</summary>
    public bool VouchesFor(UserId publisher, in Publish publish, long timeMicros)
    {
        if (publish.Kind != MessageKind.Rich || !RichBody.TryRead(publish.Body, out RichBody rich) || !MessageAttributes.HaveAttachments(rich.Attributes))
        {
            return true;
        }

        return HasClaims(publisher, rich.Attributes, timeMicros);
    }

    /// <summary>By itself: what it allocates no other message pays for.</summary>
    private bool HasClaims(UserId publisher, ReadOnlySpan<byte> attributes, long timeMicros)
    {
        if (!MessageAttributes.TryRead(attributes, skipsUnknown: false, out MessageAttributes? read, out _))
        {
            return false;
        }

        foreach (MessageAttachment attachment in read.Attachments)
        {
            if (!HasClaim(publisher, attachment, timeMicros))
            {
                return false;
            }
        }

        return true;
    }

    private bool HasClaim(UserId publisher, MessageAttachment attachment, long timeMicros) =>
        UploadRecord.Parse(log.Get(Table.State, AttachmentKeys.Upload(attachment.Id, publisher))) is { IsClaim: true } claim
        && claim.Size == attachment.Size && claim.ExpiresMicros - graceMicros > timeMicros;
}
