using System.Text;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Turns records into what a room shows.</summary>
internal static class ChatTexts
{
    /// <summary>The entry of a record whose names are known.</summary>
    /// <param name="message">The record.</param>
    /// <param name="view">The record with its names.</param>
    /// <param name="self">The signed-in user.</param>
    /// <param name="zone">The reader's time zone.</param>
    public static ChatEntry EntryOf(ChatMessage message, MessageView view, UserId self, TimeZoneInfo zone)
    {
        DateTimeOffset time = TimeZoneInfo.ConvertTime(message.SentAt, zone);
        if (message.IsErased)
        {
            return ChatEntry.Remark($"a message of {SafeText.OneLine(view.Sender)} was erased", time, message.Sequence);
        }

        return message.Kind switch
        {
            MessageKind.Text => Said(message, view, self, time),
            MessageKind.Opaque => Said(message, view, self, time),
            MessageKind.Rich => ChatEntry.FromText(view.Sender, view.TextWithAttachments, time, message.Sequence, message.ClientMessageId, message.Sender == self),
            _ when view.IsSystem || ChangeTexts.IsChange(view.Kind) => ChatEntry.Remark(SafeText.OneLine(view.Text), time, message.Sequence),
            _ => ChatEntry.Remark($"{SafeText.OneLine(view.Sender)} sent an unsupported message", time, message.Sequence),
        };
    }

    private static ChatEntry Said(ChatMessage message, MessageView view, UserId self, DateTimeOffset time) => ChatEntry.FromText(
        view.Sender, Encoding.UTF8.GetString(message.Body.Span), time, message.Sequence, message.ClientMessageId, message.Sender == self);
}
