using System.Text;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Turns records into what a room takes. Pure.</summary>
/// <param name="self">The signed-in user.</param>
/// <param name="selfName">The user's name.</param>
/// <param name="zone">The reader's time zone.</param>
internal sealed class ChatTexts(UserId self, string selfName, TimeZoneInfo zone)
{
    /// <summary>What a record is to a room. Its names are known.</summary>
    public ChatItem ItemOf(ChatMessage message, MessageView view, UserNames names)
    {
        if (IsChange(message.Kind))
        {
            return new ChatItem(message.Sequence, Change: ChangeOf(message));
        }

        DateTimeOffset time = TimeZoneInfo.ConvertTime(message.SentAt, zone);
        ChatEntry entry = message.Kind switch
        {
            MessageKind.Text or MessageKind.Opaque or MessageKind.Rich => Said(message, view, names, time),
            _ when view.IsSystem && !message.IsErased => ChatEntry.Remark(SafeText.OneLine(view.Text), time, message.Sequence),
            _ => ChatEntry.Remark($"{SafeText.OneLine(view.Sender)} sent an unsupported message", time, message.Sequence),
        };
        return new ChatItem(message.Sequence, entry, Topic: view.Changes?.Topic is { } topic ? SafeText.OneLine(topic) : null);
    }

    private static bool IsChange(MessageKind kind) => kind is MessageKind.Edit or MessageKind.Delete or MessageKind.Reaction or MessageKind.Pin or MessageKind.Expired;

    private ChatEntry Said(ChatMessage message, MessageView view, UserNames names, DateTimeOffset time)
    {
        MessageAttributes? attributes = message.Attributes;
        EntryContext context = new()
        {
            SenderId = message.Sender,
            ReplyTo = attributes?.ReplyTo ?? 0,
            Thread = attributes?.Thread ?? 0,
            ForwardedFrom = attributes?.Forwarded is { } forwarded ? SafeText.OneLine(names.NameOf(forwarded.Sender)) : string.Empty,
            Attachments = [.. (attributes?.Attachments ?? []).Select(AttachmentTexts.Of).Select(SafeText.OneLine)],
            MentionOf = message.Sender != self && attributes is not null && (attributes.MentionsAll || attributes.Mentions.Contains(self)) ? selfName : string.Empty,
        };
        string text = message.IsErased ? string.Empty : Encoding.UTF8.GetString(MessageContent.Of(message.Kind, message.Body.Span, out _));
        ChatEntry entry = ChatEntry.FromText(view.Sender, text, time, message.Sequence, message.ClientMessageId, message.Sender == self, EntryState.Confirmed, context);
        if (message.IsErased)
        {
            entry.Begin(new MessageMarks { IsDeleted = true }, null, message.Sequence);
        }

        return entry;
    }

    // Null for one that was erased, with the message that it was about, and for one that cannot be read.
    private ChatChange? ChangeOf(ChatMessage message)
    {
        bool isOwn = message.Sender == self;
        ulong target = message.Target;
        return message.Kind switch
        {
            _ when target == 0 => null,
            MessageKind.Edit => new ChatChange(
                ChangeKind.Edit, message.Sequence, target, isOwn, Encoding.UTF8.GetString(MessageContent.Of(message.Kind, message.Body.Span, out _))),
            MessageKind.Delete => new ChatChange(ChangeKind.Delete, message.Sequence, target, isOwn),
            MessageKind.Expired => new ChatChange(ChangeKind.Expire, message.Sequence, target, isOwn),
            MessageKind.Reaction when message.Reaction is { } reaction =>
                new ChatChange(reaction.IsAdded ? ChangeKind.React : ChangeKind.Unreact, message.Sequence, target, isOwn, reaction.Reaction),
            MessageKind.Pin when PinBody.TryRead(message.Body.Span, out PinBody pin) => new ChatChange(pin.IsPinned ? ChangeKind.Pin : ChangeKind.Unpin, message.Sequence, target, isOwn),
            _ => null,
        };
    }
}
