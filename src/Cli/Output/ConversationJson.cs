using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The JSON object of a conversation.</summary>
internal static class ConversationJson
{
    /// <summary>Writes one line.</summary>
    public static void Write(JsonLines lines, ConversationInfo conversation, bool withCreated = false, string? peerName = null)
    {
        Utf8JsonWriter json = lines.Begin();
        json.WriteString("conversation", conversation.Conversation.ToString());
        json.WriteString("kind", ConversationKinds.NameOf(conversation.Kind));
        json.WriteString("name", conversation.Name);
        json.WriteString("title", conversation.Title);
        json.WriteString("role", MemberRoles.NameOf(conversation.Role));
        json.WriteNumber("epoch", conversation.Epoch);
        json.WriteNumber("head", conversation.Head);
        WriteSettings(json, conversation, peerName);
        if (withCreated)
        {
            json.WriteBoolean("created", conversation.Created);
        }

        lines.End();
    }

    /// <summary>What most conversations do not have is left out.</summary>
    private static void WriteSettings(Utf8JsonWriter json, ConversationInfo conversation, string? peerName)
    {
        WriteText(json, "topic", conversation.Topic);
        WriteText(json, "avatar", conversation.Avatar);
        WriteText(json, "peer", conversation.Peer.IsNone ? null : conversation.Peer.ToString());
        WriteText(json, "peer_name", peerName);
        WriteText(json, "history", conversation.History == HistoryVisibility.All ? null : HistoryVisibilities.NameOf(conversation.History));
        WriteText(json, "muted_until", Micros.Of(conversation.MutedUntil) is { } until ? Timestamps.Format(until) : null);
        if (conversation.IsArchived)
        {
            json.WriteBoolean("archived", true);
        }

        if (conversation.SlowMode > TimeSpan.Zero)
        {
            json.WriteNumber("slow_mode", (int)conversation.SlowMode.TotalSeconds);
        }

        if (conversation.Retention > TimeSpan.Zero)
        {
            json.WriteNumber("retention_seconds", (long)conversation.Retention.TotalSeconds);
        }

        if (conversation.RetentionBytes > 0)
        {
            json.WriteNumber("retention_bytes", conversation.RetentionBytes);
        }

        if (conversation.First > 1)
        {
            json.WriteNumber("first", conversation.First);
        }

        if (conversation.VisibleFrom > 1)
        {
            json.WriteNumber("visible_from", conversation.VisibleFrom);
        }
    }

    private static void WriteText(Utf8JsonWriter json, string key, string? text)
    {
        if (text is not null)
        {
            json.WriteString(key, text);
        }
    }
}
