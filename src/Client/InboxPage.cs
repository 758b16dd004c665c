using System.Buffers.Binary;

using FastChat.Protocol;

namespace FastChat.Client;

/// <summary>A conversation in the user's list (protocol.md §4.6, GetInbox).</summary>
public sealed record InboxEntry
{
    /// <summary>What the conversation is.</summary>
    public required ConversationInfo Conversation { get; init; }

    /// <summary>Messages of others that the user has not read.</summary>
    public int Unread { get; init; }

    /// <summary>True when there are more than were counted.</summary>
    public bool HasMoreUnread { get; init; }

    /// <summary>Mentions of the user, or of everyone, among them.</summary>
    public int Mentions { get; init; }

    /// <summary>Up to here the user has read, on any device.</summary>
    public ulong Read { get; init; }

    /// <summary>Up to here a device of the user has it.</summary>
    public ulong Delivered { get; init; }

    /// <summary>When something was said there last; null when nothing was.</summary>
    public DateTimeOffset? Activity { get; init; }

    /// <summary>The last message; null when there is none that the user may see.</summary>
    public MessagePreview? Last { get; init; }

    /// <summary>Grows whenever a member comes further, as far as that is shown; in open conversations only with the user.</summary>
    public ulong Receipts { get; init; }

    /// <summary>How far the members have come, as far as that is shown; null when there are many of them, to be asked for (<see cref="FastChatClient.ListCursorsAsync"/>).</summary>
    public IReadOnlyList<MemberCursor>? Cursors { get; init; }

    internal static InboxEntry Parse(ControlMap map) => new()
    {
        Conversation = ConversationInfo.Parse(map),
        Unread = (int)map.Number("unread", 0, int.MaxValue),
        HasMoreUnread = map.Flag("unread_more"),
        Mentions = (int)map.Number("mentions", 0, int.MaxValue),
        Read = map.Number("read", 0),
        Delivered = map.Number("delivered", 0),
        Activity = Micros.ToTime(map.Number("activity", 0)),
        Receipts = map.Number("receipts", 0),
        Cursors = map.Maps("cursors")?.OfType<ControlMap>().Select(MemberCursor.Parse).ToArray(),
        Last = map["last"] is ControlMap last ? MessagePreview.Parse(last) : null,
    };
}

/// <summary>Enough of a message to show it in a list.</summary>
/// <param name="Sequence">The message.</param>
/// <param name="Sender">Whose it is.</param>
/// <param name="SentAt">When the broker received it.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The beginning of what it says, at most 256 bytes; null when it is no text, or was deleted.</param>
/// <param name="IsDeleted">True when it was deleted.</param>
public sealed record MessagePreview(ulong Sequence, UserId Sender, DateTimeOffset SentAt, MessageKind Kind, string? Text, bool IsDeleted)
{
    /// <summary>True when the user did not want to see it when this was told; what has changed since is in <see cref="FastChatClient.ListHiddenAsync"/>.</summary>
    public bool IsHidden { get; init; }

    internal static MessagePreview Parse(ControlMap map) => new(
        map.Number("sequence", 0), new UserId(map.Id("sender")), Micros.ToTime((long)map.Number("sent_at", 0, long.MaxValue)), (MessageKind)map.Number("kind", 0, byte.MaxValue),
        map.Text("text", ProtocolLimits.ServerFrameSizeMax), map.Flag("deleted"))
    {
        IsHidden = map.Flag("hidden"),
    };
}

/// <summary>A page of the user's list, most recently active first; or what is different from what the device knew.</summary>
/// <param name="Entries">The conversations.</param>
/// <param name="Gone">Of those that the device knew: the user does not belong to them any more.</param>
/// <param name="Total">Conversations in the whole list.</param>
/// <param name="IsRecovered">False when the log's epoch is another than the one that the device knew: then everything is here, and what the device holds may not be so any more.</param>
/// <param name="Epoch">The epoch, to be given the next time.</param>
/// <param name="Next">Gives the next page; null on the last.</param>
public sealed record InboxPage(IReadOnlyList<InboxEntry> Entries, IReadOnlyList<ConversationId> Gone, int Total, bool IsRecovered, uint Epoch, ReadOnlyMemory<byte>? Next)
{
    /// <summary>How often the user changed what is hidden from them: when it is another than the one the device knows, <see cref="FastChatClient.ListHiddenAsync"/> has news.</summary>
    public ulong HiddenVersion { get; init; }
}

/// <summary>What is different in the user's list from what a device knew.</summary>
/// <param name="Entries">The conversations that are new or changed, as they are now.</param>
/// <param name="Gone">Of those that the device knew: the user does not belong to them any more.</param>
/// <param name="IsRecovered">False when the log's epoch is another than the one that the device knew: then everything is here, and what the device holds may not be so any more.</param>
/// <param name="Epoch">The epoch, to be given the next time.</param>
/// <param name="HiddenVersion">How often the user changed what is hidden from them (<see cref="InboxPage.HiddenVersion"/>).</param>
public sealed record InboxChanges(IReadOnlyList<InboxEntry> Entries, IReadOnlyList<ConversationId> Gone, bool IsRecovered, uint Epoch, ulong HiddenVersion);

/// <summary>What a device knows of a conversation.</summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Head">The head that it was told last.</param>
/// <param name="Read">The cursor that it was told last.</param>
/// <param name="Receipts">What it was told last of the cursors of others (<see cref="InboxEntry.Receipts"/>).</param>
public readonly record struct KnownConversation(ConversationId Conversation, ulong Head, ulong Read, ulong Receipts)
{
    internal const int Size = 40;

    /// <summary>What a device knows that was told this.</summary>
    public static KnownConversation Of(InboxEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return new(entry.Conversation.Conversation, entry.Conversation.Head, entry.Read, entry.Receipts);
    }

    internal void Write(Span<byte> target)
    {
        Conversation.Write(target);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Head);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Read);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], Receipts);
    }
}

/// <summary>How far a member has come.</summary>
/// <param name="User">The member.</param>
/// <param name="Delivered">Up to here a device of theirs has it.</param>
/// <param name="Read">Up to here they have read, as far as they let others know.</param>
public readonly record struct MemberCursor(UserId User, ulong Delivered, ulong Read)
{
    internal static MemberCursor Parse(ControlMap map) => new(new UserId(map.Id("user")), map.Number("delivered", 0), map.Number("read", 0));
}

/// <summary>A page of the members' cursors, ordered by user.</summary>
/// <param name="Cursors">Those who have come anywhere.</param>
/// <param name="Next">Go on after this user; none on the last page.</param>
public sealed record CursorPage(IReadOnlyList<MemberCursor> Cursors, UserId Next);

/// <summary>A member has come further (protocol.md §4.7).</summary>
/// <param name="Conversation">Where.</param>
/// <param name="Thread">The thread's first message; 0 = the conversation itself.</param>
/// <param name="Cursor">Who, and how far.</param>
public readonly record struct CursorNotice(ConversationId Conversation, ulong Thread, MemberCursor Cursor)
{
    internal static CursorNotice Parse(ConversationId conversation, ControlMap map) => new(
        conversation,
        map["thread"] is long and > 0 ? (ulong)(long)map["thread"]! : 0,
        new MemberCursor(
            map["user"] is byte[] { Length: Id128.Size } user ? UserId.Read(user) : default,
            map["delivered"] is long and > 0 ? (ulong)(long)map["delivered"]! : 0,
            map["read"] is long and > 0 ? (ulong)(long)map["read"]! : 0));
}
