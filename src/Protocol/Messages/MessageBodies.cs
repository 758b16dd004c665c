using System.Text.Unicode;

namespace FastChat.Protocol;

/// <summary>The form that each kind's body must have, for those who publish and for those who take it. Whether what a body names exists is not asked here.</summary>
public static class MessageBodies
{
    /// <summary>None when a client may publish this body as this kind; otherwise why not.</summary>
    public static ErrorCode Check(MessageKind kind, ReadOnlySpan<byte> body, out string reason)
    {
        (ErrorCode code, reason) = kind switch
        {
            MessageKind.Text => Utf8.IsValid(body) ? (ErrorCode.None, string.Empty) : (ErrorCode.InvalidText, "a text is well-formed UTF-8; publish other bytes as kind 2"),
            MessageKind.Opaque => (ErrorCode.None, string.Empty),
            MessageKind.Edit => CheckEdit(body),
            MessageKind.Delete => Form(DeleteBody.TryRead(body, out _), "a deletion has 8 bytes: the message's sequence"),
            MessageKind.Reaction => Form(ReactionBody.TryRead(body, out _), "a reaction has 16 bytes, op 1 or 2, and 1–64 bytes of UTF-8 without control characters"),
            MessageKind.Pin => Form(PinBody.TryRead(body, out _), "a pin has 16 bytes, op 1 or 2"),
            MessageKind.Rich => CheckRich(body, isEdit: false),
            _ => (ErrorCode.KindInvalid, "clients publish kinds 1 to 7"),
        };
        return code;
    }

    private static (ErrorCode Code, string Reason) CheckEdit(ReadOnlySpan<byte> body) =>
        !EditBody.TryRead(body, out EditBody edit) ? (ErrorCode.BadRequest, "an edit has 16 bytes before its content, which is of kind 1, 2 or 7")
        : edit.Kind == MessageKind.Rich ? CheckRich(edit.Content, isEdit: true)
        : (Check(edit.Kind, edit.Content, out string reason), reason);

    private static (ErrorCode Code, string Reason) CheckRich(ReadOnlySpan<byte> body, bool isEdit)
    {
        if (!RichBody.TryRead(body, out RichBody rich))
        {
            return (ErrorCode.BadRequest, "a rich message has 8 bytes, at most 4096 of attributes, and a content of kind 1 or 2");
        }

        if (!MessageAttributes.TryRead(rich.Attributes, skipsUnknown: false, out MessageAttributes? attributes, out string reason))
        {
            return (ErrorCode.BadRequest, reason);
        }

        if (attributes.Forwarded is not null)
        {
            return (ErrorCode.Forbidden, "only the broker says where a message was forwarded from: send Forward");
        }

        if (isEdit && attributes.Attachments.Count > 0)
        {
            return (ErrorCode.BadRequest, "an edit leaves the attachments of a message as they are, and names none");
        }

        if (isEdit && (attributes.ReplyTo != 0 || attributes.Thread != 0 || attributes.ExpiresMicros != 0))
        {
            return (ErrorCode.BadRequest, "an edit changes neither what a message answers, nor its thread, nor when it expires");
        }

        return (Check(rich.Kind, rich.Content, out reason), reason);
    }

    private static (ErrorCode Code, string Reason) Form(bool isWhole, string reason) => isWhole ? (ErrorCode.None, string.Empty) : (ErrorCode.BadRequest, reason);
}
