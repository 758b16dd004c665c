using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>
/// A record of a conversation as the application sees it. Immutable and free of any buffer's lifetime; the bodies of messages that came in one frame share one
/// array, so keep a copy of the body rather than the message when most of what is read is thrown away.
/// </summary>
public sealed class ChatMessage
{
    internal ChatMessage(ConversationId conversation, uint epoch, in MessageRecord record, ReadOnlyMemory<byte> body)
    {
        Conversation = conversation;
        Position = new LogPosition(epoch, record.Sequence);
        SentAt = Micros.ToTime(record.SentAtMicros);
        Sender = record.Sender;
        Publisher = record.Publisher;
        Device = record.Device;
        ClientMessageId = record.ClientMessageId;
        Kind = record.Kind;
        IsErased = (record.Flags & RecordFlags.Erased) != 0;
        Body = body;
    }

    /// <summary>The conversation.</summary>
    public ConversationId Conversation { get; }

    /// <summary>Epoch and sequence.</summary>
    public LogPosition Position { get; }

    /// <summary>Place in the conversation, from 1.</summary>
    public ulong Sequence => Position.Sequence;

    /// <summary>When the broker received it. Information only: order is the sequence.</summary>
    public DateTimeOffset SentAt { get; }

    /// <summary>Whose message it is.</summary>
    public UserId Sender { get; }

    /// <summary>Who published it; the sender unless it was published on the sender's behalf.</summary>
    public UserId Publisher { get; }

    /// <summary>The device that published it.</summary>
    public DeviceId Device { get; }

    /// <summary>The publisher's id of it: how a sender recognises its own messages.</summary>
    public ClientMessageId ClientMessageId { get; }

    /// <summary>What the body is.</summary>
    public MessageKind Kind { get; }

    /// <summary>True when the body was erased; <see cref="Body"/> is its SHA-256 then.</summary>
    public bool IsErased { get; }

    /// <summary>The body.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>
    /// The content as text, of a message or of an edit; null when it is none, or was erased. Every code point is as it was sent: whoever shows it makes control
    /// characters harmless.
    /// </summary>
    public string? Text => IsErased ? null : MessageContent.TextOf(Kind, Body.Span);

    /// <summary>What the message says beside its content; null when it has no attributes, or was erased.</summary>
    public MessageAttributes? Attributes => IsErased ? null : MessageContent.AttributesOf(Kind, Body.Span);

    /// <summary>The earlier message that this record changes: of an edit, a deletion, a reaction, a pin, an expiry; 0 of others.</summary>
    public ulong Target => IsErased ? 0 : MessageContent.TargetOf(Kind, Body.Span);

    /// <summary>The reaction that this record adds or takes back; null when it is none.</summary>
    public ReactionBody? Reaction => Kind == MessageKind.Reaction && !IsErased && ReactionBody.TryRead(Body.Span, out ReactionBody? reaction) ? reaction : null;

    /// <inheritdoc/>
    public override string ToString() => $"{Conversation} {Position} {Kind} {Body.Length} bytes";

    /// <summary>The record at the start of <paramref name="records"/>; moves past it. The caller has checked that there is one.</summary>
    internal static ChatMessage Take(ConversationId conversation, uint epoch, ref ReadOnlyMemory<byte> records)
    {
        ReadOnlySpan<byte> span = records.Span;
        if (!MessageRecord.TryRead(ref span, out MessageRecord record))
        {
            throw new InvalidOperationException("records are checked before they are kept");
        }

        int size = record.Bytes.Length;
        ChatMessage message = new(conversation, epoch, record, records[(size - record.Body.Length)..size]);
        records = records[size..];
        return message;
    }
}

/// <summary>A page of history, in ascending order.</summary>
/// <param name="Messages">The messages, of consecutive sequences.</param>
/// <param name="IsComplete">True when no further record lies in the page's direction.</param>
/// <param name="Epoch">The current epoch.</param>
/// <param name="Head">The conversation's head now.</param>
public sealed record HistoryPage(IReadOnlyList<ChatMessage> Messages, bool IsComplete, uint Epoch, ulong Head);

/// <summary>A page of the members of a conversation, ordered by id.</summary>
/// <param name="Members">The members.</param>
/// <param name="IsComplete">True on the last page; otherwise go on after <see cref="Next"/>.</param>
public sealed record MemberPage(IReadOnlyList<MemberInfo> Members, bool IsComplete)
{
    /// <summary>Where the next page begins, for <c>after</c>; none on the last page. A page may be empty and not the last: what the user may not see is left out.</summary>
    public UserId Next { get; init; }
}

/// <summary>A page of the conversations that the user is a member of, ordered by id.</summary>
/// <param name="Conversations">The conversations.</param>
/// <param name="IsComplete">True on the last page; otherwise go on after the last conversation's id.</param>
public sealed record ConversationPage(IReadOnlyList<ConversationInfo> Conversations, bool IsComplete);

/// <summary>The session fell behind its budget on the broker: delivery comes from the log until it has caught up. Nothing is lost.</summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Next">Sequence of the next record that will be delivered.</param>
/// <param name="Head">The head when the broker noticed.</param>
public readonly record struct LagNotice(ConversationId Conversation, ulong Next, ulong Head);

/// <summary>Something happened that no request asked about (protocol.md §4.7): a hint, the lists are the truth.</summary>
/// <param name="Event">What: "added", "invited", "removed", "profile", "blocks", or an event of a newer broker.</param>
/// <param name="Conversation">The conversation concerned; none when the event names none.</param>
public readonly record struct ClientNotice(string Event, ConversationId Conversation)
{
    /// <summary>The user concerned ("profile"); none when the event names none.</summary>
    public UserId User { get; init; }

    /// <summary>The version of the user's profile ("profile") or of what is hidden from them ("hidden"); 0 when the event names none.</summary>
    public ulong Version { get; init; }

    /// <summary>The scheduled message concerned ("scheduled"); none when the event names none.</summary>
    public ClientMessageId Message { get; init; }

    /// <summary>Why that message was not published when its time had come ("scheduled"); None when it was, when it waits, or was taken back.</summary>
    public ErrorCode Refused { get; init; }
}

/// <summary>What a change did.</summary>
/// <param name="IsChanged">False when it was so already.</param>
/// <param name="Sequence">The conversation's head behind the change, which is its record; 0 where none is named.</param>
public readonly record struct ChangeResult(bool IsChanged, ulong Sequence);

/// <summary>A join link that was made: the only time that anybody sees it.</summary>
/// <param name="Link">Its text.</param>
/// <param name="Expires">When it ends.</param>
public readonly record struct JoinLinkCreated(string Link, DateTimeOffset Expires);

/// <summary>What following a join link did.</summary>
/// <param name="Conversation">Where it leads.</param>
/// <param name="IsChanged">False when the user was a member already.</param>
/// <param name="Sequence">The conversation's head behind it.</param>
public readonly record struct JoinedByLink(ConversationId Conversation, bool IsChanged, ulong Sequence);

/// <summary>What AddMembers did.</summary>
/// <param name="Added">How many became members; those who were members already are passed over.</param>
/// <param name="Sequence">Sequence of the last membership record it wrote; 0 when it wrote none.</param>
public readonly record struct MembersAdded(int Added, ulong Sequence);
