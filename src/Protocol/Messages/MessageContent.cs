using System.Text;

namespace FastChat.Protocol;

/// <summary>What stands in a body of whichever kind, for all who show or judge it. A body that cannot be read says nothing: it is of a newer version.</summary>
public static class MessageContent
{
    /// <summary>The innermost content of a message or an edit, and what it is; the body itself for other kinds.</summary>
    public static ReadOnlySpan<byte> Of(MessageKind kind, ReadOnlySpan<byte> body, out MessageKind contentKind)
    {
        if (kind == MessageKind.Edit && EditBody.TryRead(body, out EditBody edit))
        {
            return Of(edit.Kind, edit.Content, out contentKind);
        }

        if (kind == MessageKind.Rich && RichBody.TryRead(body, out RichBody rich))
        {
            contentKind = rich.Kind;
            return rich.Content;
        }

        contentKind = kind;
        return body;
    }

    /// <summary>The content as text; null when it is none.</summary>
    public static string? TextOf(MessageKind kind, ReadOnlySpan<byte> body)
    {
        ReadOnlySpan<byte> content = Of(kind, body, out MessageKind contentKind);
        return contentKind == MessageKind.Text ? Encoding.UTF8.GetString(content) : null;
    }

    /// <summary>The attributes of a rich message, or of an edit into one; null when there are none. Types of a newer version are skipped.</summary>
    public static MessageAttributes? AttributesOf(MessageKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        MessageKind.Rich when RichBody.TryRead(body, out RichBody rich) && MessageAttributes.TryRead(rich.Attributes, skipsUnknown: true, out MessageAttributes? attributes, out _) => attributes,
        MessageKind.Edit when EditBody.TryRead(body, out EditBody edit) => AttributesOf(edit.Kind, edit.Content),
        _ => null,
    };

    /// <summary>The earlier message that a record changes: of an edit, a deletion, an expiry, a reaction, a pin; 0 of others.</summary>
    public static ulong TargetOf(MessageKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        MessageKind.Edit when EditBody.TryRead(body, out EditBody edit) => edit.Target,
        MessageKind.Delete or MessageKind.Expired when DeleteBody.TryRead(body, out DeleteBody deletion) => deletion.Target,
        MessageKind.Reaction when ReactionBody.TryRead(body, out ReactionBody? reaction) => reaction.Target,
        MessageKind.Pin when PinBody.TryRead(body, out PinBody pin) => pin.Target,
        _ => 0,
    };
}
