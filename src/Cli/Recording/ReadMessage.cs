using FastChat.Client;
using FastChat.History;

namespace FastChat.Cli;

/// <summary>A message that the client gave out, as a record of a history.</summary>
internal static class ReadMessage
{
    public static HistoryEvent ToEvent(ChatMessage message) => RecordEvents.Of(
        message.Conversation, message.Position, message.Sender, message.Publisher, message.Device, message.ClientMessageId, message.Kind, message.Body.Span, message.IsErased);
}
