using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The JSON object of a conversation.</summary>
internal static class ConversationJson
{
    /// <summary>Writes one line.</summary>
    public static void Write(JsonLines lines, ConversationInfo conversation, bool withCreated = false)
    {
        Utf8JsonWriter json = lines.Begin();
        json.WriteString("conversation", conversation.Conversation.ToString());
        json.WriteString("kind", ConversationKinds.NameOf(conversation.Kind));
        json.WriteString("name", conversation.Name);
        json.WriteString("title", conversation.Title);
        json.WriteString("role", MemberRoles.NameOf(conversation.Role));
        json.WriteNumber("epoch", conversation.Epoch);
        json.WriteNumber("head", conversation.Head);
        if (withCreated)
        {
            json.WriteBoolean("created", conversation.Created);
        }

        lines.End();
    }
}
