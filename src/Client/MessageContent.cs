using System.Text;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>What stands in the bodies of the kinds of messages. A body that cannot be read says nothing: it is of a newer version.</summary>
internal static class MessageContent
{
    public static string? TextOf(MessageKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        MessageKind.Text => Encoding.UTF8.GetString(body),
        MessageKind.Rich when RichBody.TryRead(body, out RichBody rich) => TextOf(rich.Kind, rich.Content),
        MessageKind.Edit when EditBody.TryRead(body, out EditBody edit) => TextOf(edit.Kind, edit.Content),
        _ => null,
    };

    public static MessageAttributes? AttributesOf(MessageKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        MessageKind.Rich when RichBody.TryRead(body, out RichBody rich) && MessageAttributes.TryRead(rich.Attributes, skipsUnknown: true, out MessageAttributes? attributes, out _) => attributes,
        MessageKind.Edit when EditBody.TryRead(body, out EditBody edit) => AttributesOf(edit.Kind, edit.Content),
        _ => null,
    };

    public static ulong TargetOf(MessageKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        MessageKind.Edit when EditBody.TryRead(body, out EditBody edit) => edit.Target,
        MessageKind.Delete or MessageKind.Expired when DeleteBody.TryRead(body, out DeleteBody deletion) => deletion.Target,
        MessageKind.Reaction when ReactionBody.TryRead(body, out ReactionBody? reaction) => reaction.Target,
        MessageKind.Pin when PinBody.TryRead(body, out PinBody pin) => pin.Target,
        _ => 0,
    };
}
