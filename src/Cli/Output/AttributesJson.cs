using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What a rich message, or an edit into one, says beside its content, as keys of its JSON object; what is not there is left out.</summary>
internal static class AttributesJson
{
    /// <summary>Writes the keys.</summary>
    public static void Write(Utf8JsonWriter json, MessageView message)
    {
        if (message.IsErased || MessageContent.AttributesOf(message.Kind, message.Body.Span) is not { } attributes)
        {
            return;
        }

        WriteNumber(json, "reply_to", attributes.ReplyTo);
        WriteNumber(json, "thread", attributes.Thread);
        if (attributes.Mentions.Count > 0)
        {
            json.WriteStartArray("mentions");
            foreach (UserId user in attributes.Mentions)
            {
                json.WriteStringValue(user.ToString());
            }

            json.WriteEndArray();
        }

        if (attributes.MentionsAll)
        {
            json.WriteBoolean("mentions_all", true);
        }

        if (attributes.Forwarded is { } forwarded)
        {
            json.WriteStartObject("forwarded");
            json.WriteString("conversation", forwarded.Conversation.ToString());
            json.WriteNumber("sequence", forwarded.Sequence);
            json.WriteString("sender", forwarded.Sender.ToString());
            json.WriteString("sent_at", Timestamps.Format(forwarded.SentAtMicros));
            json.WriteEndObject();
        }

        if (attributes.ExpiresMicros != 0)
        {
            json.WriteString("expires", Timestamps.Format(attributes.ExpiresMicros));
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, string key, ulong number)
    {
        if (number != 0)
        {
            json.WriteNumber(key, number);
        }
    }
}
