using System.Text;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What records about earlier messages say, as sentences, and what rich messages say. Texts are as they are in the record: who prints makes them harmless.</summary>
internal static class ChangeTexts
{
    /// <summary>True for the kinds that change an earlier message.</summary>
    public static bool IsChange(MessageKind kind) => kind is MessageKind.Edit or MessageKind.Delete or MessageKind.Reaction or MessageKind.Pin or MessageKind.Expired or MessageKind.Erased;

    /// <summary>The sentence of such a record, or what a rich message says; null when the body cannot be read, or is of another kind.</summary>
    public static string? Of(MessageKind kind, string sender, ReadOnlySpan<byte> body) => kind switch
    {
        MessageKind.Rich => Encoding.UTF8.GetString(MessageContent.Of(kind, body, out _)),
        MessageKind.Edit when EditBody.TryRead(body, out EditBody edit) => $"{sender} changed {edit.Target} to \"{Encoding.UTF8.GetString(MessageContent.Of(kind, body, out _))}\"",
        MessageKind.Delete when DeleteBody.TryRead(body, out DeleteBody deletion) => $"{sender} deleted {deletion.Target}",
        MessageKind.Expired when DeleteBody.TryRead(body, out DeleteBody expired) => $"{expired.Target}, a message of {sender}, has expired",
        MessageKind.Erased when ErasedBody.TryRead(body, out IReadOnlyList<ulong> erased) => $"{erased.Count} messages and reactions of {sender}, who was erased, are gone",
        MessageKind.Reaction when ReactionBody.TryRead(body, out ReactionBody? reaction) =>
            reaction.IsAdded ? $"{sender} reacted to {reaction.Target} with {reaction.Reaction}" : $"{sender} took {reaction.Reaction} back from {reaction.Target}",
        MessageKind.Pin when PinBody.TryRead(body, out PinBody pin) => pin.IsPinned ? $"{sender} pinned {pin.Target}" : $"{sender} took the pin from {pin.Target}",
        _ => null,
    };

    /// <summary>What people are told in front of a rich message's text; in JSON its attributes are keys of their own.</summary>
    public static string PrefixOf(MessageView message) => (message.IsErased ? null : MessageContent.AttributesOf(message.Kind, message.Body.Span)) switch
    {
        { Forwarded: not null } => "(forwarded) ",
        { ReplyTo: not 0 and ulong target } => $"(to {target}) ",
        { Thread: not 0 and ulong root } => $"(in {root}) ",
        _ => string.Empty,
    };
}
