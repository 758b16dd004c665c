using FastChat.Broker.Conversations;
using FastChat.Broker.Routing;
using FastChat.Broker.Sessions;
using FastChat.Protocol;
using FastChat.Storage;

namespace FastChat.Broker.Handlers;

/// <summary>
/// Forward: the broker reads the message as the one who forwards may, and publishes it as theirs with where it comes from. So nobody can put words into other mouths, and nobody needs to have kept the
/// original. Pool threads.
/// </summary>
internal sealed class ForwardRequests(Router router, IConversationLog log, ConversationReads reads, AttachmentRequests attachments)
{
    /// <summary>Publishes a message of one conversation in another one.</summary>
    public async Task<ControlAnswer> ForwardAsync(Actor actor, ControlMap map)
    {
        ConversationId source = new(map.Id("from"));
        ConversationId target = new(map.Id("conversation"));
        ulong sequence = map.Number("sequence", 0);
        ClientMessageId id = new(map.Id("id"));
        if (sequence == 0 || id.Value == 0)
        {
            return ControlAnswer.Refused(ErrorCode.BadRequest, "from, sequence, conversation and id are expected");
        }

        ErrorCode denied = reads.Authorize(actor, source, ConversationOperation.Read, out ConversationMeta? meta, out Membership membership);
        if (denied != ErrorCode.None)
        {
            return ControlAnswer.Refused(denied, "no such conversation, or reading there is not allowed");
        }

        byte[]? record = sequence < reads.FirstVisible(source, meta!.Kind, membership) ? null : reads.ReadRecord(source, sequence);
        byte[]? body = record is null ? null : BodyOf(source, MessageRecord.Of(record));
        if (body is null)
        {
            return ControlAnswer.Refused(ErrorCode.NoSuchMessage, "there is no message at that place");
        }

        // Attributes that fill their limit leave no room for one more: a body that nobody could read would be stored.
        if (body.Length > ProtocolLimits.BodySizeMax || !RichBody.TryRead(body, out _))
        {
            return ControlAnswer.Refused(ErrorCode.BodyTooLarge, "the message leaves no room for where it comes from");
        }

        // Until the new message refers to them, a claim keeps the attachments, whatever becomes of the original meanwhile.
        foreach (MessageAttachment attachment in MessageContent.AttributesOf(MessageKind.Rich, body)!.Attachments)
        {
            if (await attachments.ClaimAsync(actor, attachment.Id) is { Error: not ErrorCode.None } gone)
            {
                return ControlAnswer.Refused(gone.Error, gone.Reason, gone.RetryAfterMs);
            }
        }

        CommandResult result = await router.ExecuteAsync(
            CommandKind.Forward, reads.Narrow(actor, target), router.Map.ShardOf(target.Value), PublishBody(target, id, body), CancellationToken.None, areAttachmentsVouchedFor: true);
        return result.Error == ErrorCode.None
            ? ControlAnswer.Ok(new ControlMap().Set("epoch", log.Epoch).Set("sequence", result.Sequence).Set("duplicate", result.Count == 0))
            : ControlAnswer.Refused(result.Error, result.Reason, result.RetryAfterMs);
    }

    /// <summary>The message's latest content, with where it stands; null when there is no message.</summary>
    private byte[]? BodyOf(ConversationId source, in MessageRecord record)
    {
        if (!MessageKinds.IsMessage(record.Kind) || (record.Flags & RecordFlags.Erased) != 0)
        {
            return null;
        }

        Annotation annotation = reads.AnnotationOf(source, record.Sequence);
        if (annotation.DeletedBy != 0)
        {
            return null;
        }

        (MessageKind kind, byte[] body) = reads.LastEditOf(source, annotation) ?? (record.Kind, record.Body.ToArray());
        ReadOnlySpan<byte> content = MessageContent.Of(kind, body, out MessageKind contentKind);

        // What was forwarded before keeps its first origin; whom it mentioned and answered is over there.
        MessageAttributes attributes = MessageContent.AttributesOf(kind, body) ?? new MessageAttributes();
        IReadOnlyList<MessageAttachment> attached = MessageContent.AttributesOf(record.Kind, record.Body)?.Attachments ?? [];
        ForwardedFrom from = attributes.Forwarded ?? new ForwardedFrom(source, record.Sequence, record.Sender, record.SentAtMicros);
        return new RichBody { Kind = contentKind, Attributes = new MessageAttributes { Forwarded = from, Attachments = attached, Own = attributes.Own }.ToBytes(), Content = content }.ToBytes();
    }

    private static byte[] PublishBody(ConversationId conversation, ClientMessageId id, byte[] body)
    {
        Publish publish = new() { Conversation = conversation, ClientMessageId = id, Kind = MessageKind.Rich, Body = body };
        byte[] command = new byte[ChainHash.Size + publish.Size];
        Sha256.Hash(body, command);
        publish.Write(command.AsSpan(ChainHash.Size));
        return command;
    }
}
