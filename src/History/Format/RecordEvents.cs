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
        ConversationId conversation, LogPosition position, UserId sender, UserId publisher, DeviceId device, ClientMessageId id, MessageKind kind, ReadOnlySpan<byte> body, bool isErased) => new()
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
            Member = kind is MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged && MembershipBody.TryRead(body, out MembershipBody read) ? read.User : default,
        };
}
