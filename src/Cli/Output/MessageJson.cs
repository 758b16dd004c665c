using System.Text;
using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>A record as its own values, whatever frame or stream it came from.</summary>
internal sealed record MessageView
{
    /// <summary>Where it is.</summary>
    public required ConversationId Conversation { get; init; }

    /// <summary>Where in the log.</summary>
    public required LogPosition Position { get; init; }

    /// <summary>Name of who it is from.</summary>
    public required string Sender { get; init; }

    /// <summary>Name of who published it on the sender's behalf; null when the sender did.</summary>
    public string? Via { get; init; }

    /// <summary>When the broker received it, µs since 1970-01-01 UTC.</summary>
    public long SentAtMicros { get; init; }

    /// <summary>What the body is.</summary>
    public MessageKind Kind { get; init; }

    /// <summary>The body was erased and its hash stands in its place.</summary>
    public bool IsErased { get; init; }

    /// <summary>The body.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>For the membership kinds: the member's name; null otherwise.</summary>
    public string? Member { get; init; }

    /// <summary>For the membership kinds: the role given.</summary>
    public MemberRole Role { get; init; }

    /// <summary>For the membership kinds: until when they may not write, µs since 1970-01-01 UTC; while they are invited, the role that waits. 0 = neither.</summary>
    public long MutedUntilMicros { get; init; }

    /// <summary>For records about the conversation: what changed; null otherwise.</summary>
    public ConversationChanges? Changes { get; init; }

    /// <summary>True for what the broker wrote and this program understands.</summary>
    public bool IsSystem => Member is not null || Changes is not null;

    /// <summary>The text, and what is attached: for people.</summary>
    public string TextWithAttachments => IsErased ? Text : Text.Length == 0 ? AttachmentTexts.Suffix(Kind, Body.Span).TrimStart() : Text + AttachmentTexts.Suffix(Kind, Body.Span);

    /// <summary>The body as text, ill-formed bytes replaced by U+FFFD; for membership and erased records, words.</summary>
    public string Text => IsErased ? string.Empty : Kind switch
    {
        MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged when Member is not null =>
            SystemTexts.OfMember(Kind, Sender, Member, new MembershipBody(default, Role, 0, MutedUntilMicros), SentAtMicros),
        MessageKind.ConversationChanged when Changes is not null => SystemTexts.OfChanges(Sender, Changes),
        _ => ChangeTexts.Of(Kind, Sender, Body.Span) ?? Encoding.UTF8.GetString(Body.Span),
    };
}

/// <summary>The JSON object of a message (the contract's keys, and more where a kind has more to say).</summary>
internal static class MessageJson
{
    /// <summary>Writes one line.</summary>
    public static void Write(JsonLines lines, MessageView message)
    {
        Utf8JsonWriter json = lines.Begin();
        json.WriteString("conversation", message.Conversation.ToString());
        json.WriteNumber("epoch", message.Position.Epoch);
        json.WriteNumber("sequence", message.Position.Sequence);
        json.WriteString("sender", message.Sender);
        json.WriteString("sent_at", Timestamps.Format(message.SentAtMicros));
        json.WriteString("kind", KindName(message.Kind));
        json.WriteString("text", message.Text);
        if (message.Via is not null)
        {
            json.WriteString("via", message.Via);
        }

        if (message.IsErased)
        {
            json.WriteBoolean("erased", true);
        }
        else if (MessageContent.TargetOf(message.Kind, message.Body.Span) is > 0 and ulong target)
        {
            json.WriteNumber("target", target);
        }
        else if (message.Member is not null)
        {
            json.WriteString("member", message.Member);
            json.WriteString("role", MemberRoles.NameOf(message.Role));
            if (message.Role == MemberRole.Invited)
            {
                json.WriteString("invited_as", MemberRoles.NameOf(SystemTexts.InvitedAs(new MembershipBody(default, message.Role, 0, message.MutedUntilMicros))));
            }
            else if (message.MutedUntilMicros != 0)
            {
                json.WriteString("muted_until", Timestamps.Format(message.MutedUntilMicros));
            }
        }
        else if (message.Changes is not null)
        {
            WriteChanges(json, message.Changes);
        }
        else if (message.Kind != MessageKind.Text || !System.Text.Unicode.Utf8.IsValid(message.Body.Span))
        {
            json.WriteBase64String("bytes", message.Body.Span);
            AttachmentTexts.Write(json, MessageContent.AttributesOf(message.Kind, message.Body.Span)?.Attachments);
        }

        AttributesJson.Write(json, message);
        lines.End();
    }

    private static void WriteChanges(Utf8JsonWriter json, ConversationChanges changes)
    {
        json.WriteStartObject("changes");
        WriteText(json, "title", changes.Title);
        WriteText(json, "topic", changes.Topic);
        WriteText(json, "avatar", changes.Avatar);
        if (changes.IsArchived is { } archived)
        {
            json.WriteBoolean("archived", archived);
        }

        if (changes.SlowMode is { } pause)
        {
            json.WriteNumber("slow_mode", (int)pause.TotalSeconds);
        }

        if (changes.Retention is { } age)
        {
            json.WriteNumber("retention_seconds", (long)age.TotalSeconds);
        }

        if (changes.RetentionBytes is { } bytes)
        {
            json.WriteNumber("retention_bytes", bytes);
        }

        WriteText(json, "history", changes.History is { } history ? HistoryVisibilities.NameOf(history) : null);
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string key, string? text)
    {
        if (text is not null)
        {
            json.WriteString(key, text);
        }
    }

    /// <summary>A kind's name in JSON; its number when version 1 does not know it.</summary>
    public static string KindName(MessageKind kind) => kind switch
    {
        MessageKind.Text => "text",
        MessageKind.Opaque => "opaque",
        MessageKind.Edit => "edit",
        MessageKind.Delete => "delete",
        MessageKind.Reaction => "reaction",
        MessageKind.Pin => "pin",
        MessageKind.Rich => "rich",
        MessageKind.Expired => "expired",
        MessageKind.Erased => "erased",
        MessageKind.MemberAdded => "member_added",
        MessageKind.MemberRemoved => "member_removed",
        MessageKind.MemberChanged => "member_changed",
        MessageKind.ConversationChanged => "conversation_changed",
        _ => $"kind_{(byte)kind}",
    };
}
