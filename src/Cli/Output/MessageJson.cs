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

    /// <summary>The body as text, ill-formed bytes replaced by U+FFFD; for membership and erased records, words.</summary>
    public string Text => IsErased ? string.Empty : Kind switch
    {
        MessageKind.MemberAdded => $"{Sender} added {Member}",
        MessageKind.MemberRemoved => Member == Sender ? $"{Sender} left" : $"{Sender} removed {Member}",
        _ => Encoding.UTF8.GetString(Body.Span),
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
        else if (message.Member is not null)
        {
            json.WriteString("member", message.Member);
            json.WriteString("role", MemberRoles.NameOf(message.Role));
        }
        else if (message.Kind != MessageKind.Text || !System.Text.Unicode.Utf8.IsValid(message.Body.Span))
        {
            json.WriteBase64String("bytes", message.Body.Span);
        }

        lines.End();
    }

    /// <summary>A kind's name in JSON; its number when version 1 does not know it.</summary>
    public static string KindName(MessageKind kind) => kind switch
    {
        MessageKind.Text => "text",
        MessageKind.Opaque => "opaque",
        MessageKind.MemberAdded => "member_added",
        MessageKind.MemberRemoved => "member_removed",
        _ => $"kind_{(byte)kind}",
    };
}
