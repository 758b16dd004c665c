using FastChat.Client;
using FastChat.History;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>A record as histories have it (docs/history-format.md §2), from either form in which a client meets one.</summary>
internal static class RecordEvents
{
    /// <summary>Of a message that the client gave out.</summary>
    public static HistoryEvent Of(ChatMessage message) => new()
    {
        Op = HistoryOp.Record,
        Conversation = message.Conversation,
        Epoch = message.Position.Epoch,
        Sequence = message.Sequence,
        User = message.Sender,
        Publisher = message.Publisher == message.Sender ? default : message.Publisher,
        Device = message.Device,
        ClientMessageId = message.ClientMessageId,
        Kind = message.Kind,
        Hash = BodyHash.OfRecord(message.Body.Span, message.IsErased),
        Erased = message.IsErased,
        Member = MemberOf(message.Kind, message.Body.Span),
    };

    /// <summary>Of a record that a subscription brought.</summary>
    public static HistoryEvent Of(ConversationId conversation, uint epoch, in MessageRecord record)
    {
        bool isErased = (record.Flags & RecordFlags.Erased) != 0;
        return new HistoryEvent
        {
            Op = HistoryOp.Deliver,
            Conversation = conversation,
            Epoch = epoch,
            Sequence = record.Sequence,
            User = record.Sender,
            Publisher = record.Publisher == record.Sender ? default : record.Publisher,
            Device = record.Device,
            ClientMessageId = record.ClientMessageId,
            Kind = record.Kind,
            Hash = BodyHash.OfRecord(record.Body, isErased),
            Erased = isErased,
            Member = MemberOf(record.Kind, record.Body),
        };
    }

    private static UserId MemberOf(MessageKind kind, ReadOnlySpan<byte> body) =>
        (byte)kind >= MessageKinds.FirstSystemKind && MembershipBody.TryRead(body, out MembershipBody read) ? read.User : default;
}
