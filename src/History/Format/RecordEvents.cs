using FastChat.Protocol;

namespace FastChat.History;

/// <summary>A record as histories have it (docs/history-format.md §2). Who writes it adds the process, and the connection or the request.</summary>
public static class RecordEvents
{
    /// <summary>A record that a subscription brought.</summary>
    public static HistoryEvent Delivered(ConversationId conversation, uint epoch, in MessageRecord record) => Of(
        conversation,
        new LogPosition(epoch, record.Sequence),
        record.Sender,
        record.Publisher,
        record.Device,
        record.ClientMessageId,
        record.Kind,
        record.Body,
        (record.Flags & RecordFlags.Erased) != 0) with
    {
        Op = HistoryOp.Deliver,
    };

    /// <summary>A record that was read: <see cref="HistoryOp.Record"/>.</summary>
    /// <param name="body">Its bytes; of an erased record the hash of what they were.</param>
    public static HistoryEvent Of(
        ConversationId conversation, LogPosition position, UserId sender, UserId publisher, DeviceId device, ClientMessageId id, MessageKind kind, ReadOnlySpan<byte> body, bool isErased)
    {
        HistoryEvent e = new()
        {
            Op = HistoryOp.Record,
            Conversation = conversation,
            Epoch = position.Epoch,
            Sequence = position.Sequence,
            User = sender,
            Publisher = publisher == sender ? default : publisher,
            Device = device,
            ClientMessageId = id,
            Kind = kind,
            Hash = BodyHash.OfRecord(body, isErased),
            Erased = isErased,
        };
        return isErased ? e : kind switch
        {
            MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged when MembershipBody.TryRead(body, out MembershipBody read) =>
                e with { Member = read.User, Role = (byte)read.Role, VisibleFrom = read.VisibleFrom },
            MessageKind.Edit => e with { Target = MessageContent.TargetOf(kind, body), Content = BodyHash.Of(MessageContent.Of(kind, body, out _)) },
            MessageKind.Delete or MessageKind.Expired => e with { Target = MessageContent.TargetOf(kind, body) },
            MessageKind.Erased when ErasedBody.TryRead(body, out _) => e with { Erases = body.ToArray() },
            MessageKind.Reaction when ReactionBody.TryRead(body, out ReactionBody? reaction) =>
                e with { Target = reaction.Target, TakenBack = !reaction.IsAdded, Content = ReactionDigest.HashOf(reaction.Reaction) },
            MessageKind.Pin when PinBody.TryRead(body, out PinBody pin) => e with { Target = pin.Target, TakenBack = !pin.IsPinned },
            MessageKind.Rich when MessageContent.AttributesOf(kind, body) is { } attributes => e with { ReplyTo = attributes.ReplyTo, Thread = attributes.Thread },
            _ => e,
        };
    }
}
