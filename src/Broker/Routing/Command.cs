using System.Buffers.Binary;

using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// What a shard is told. Those up to <see cref="LastReplicated"/> change state: they are the ordered commands that a cluster replicates, and nothing outside
/// their bytes may influence what they do. The others concern connections of this node only and are never replicated.
/// </summary>
internal enum CommandKind : byte
{
    None = 0,

    /// <summary>Append a message. Body: SHA-256 of the message body (32), then the Publish frame's body.</summary>
    Publish = 1,

    /// <summary>Make a conversation. Body: <see cref="CreateConversationCommand"/>.</summary>
    CreateConversation = 2,

    /// <summary>Add or remove members. Body: <see cref="ChangeMembersCommand"/>.</summary>
    ChangeMembers = 3,

    /// <summary>Change side-table entries, all or nothing. Body: <see cref="StateWriteCommand"/>.</summary>
    StateWrite = 4,

    /// <summary>Change what somebody is in a conversation. Body: <see cref="ChangeMemberCommand"/>.</summary>
    ChangeMember = 5,

    /// <summary>Make or revoke a join link. Body: <see cref="ChangeLinkCommand"/>.</summary>
    ChangeLink = 6,

    /// <summary>Become a member by a link. Body: <see cref="JoinByLinkCommand"/>.</summary>
    JoinByLink = 7,

    /// <summary>Change what a conversation is. Body: <see cref="ChangeConversationCommand"/>.</summary>
    ChangeConversation = 8,

    /// <summary>End a message whose time has come. Body: <see cref="ExpireCommand"/>.</summary>
    Expire = 9,

    /// <summary>Append a message that the broker has read elsewhere, for a handler that waits. Body: as of <see cref="Publish"/>.</summary>
    Forward = 11,

    /// <summary>Move a member's cursor. Body: <see cref="MoveCursorCommand"/>.</summary>
    MoveCursor = 12,

    /// <summary>Change the acting person's profile or blocks. Body: a <c>PersonCommand</c>.</summary>
    ChangePerson = 10,

    /// <summary>Keep a message to publish it later, or change one that is kept. Body: <see cref="ScheduleCommand"/>.</summary>
    Schedule = 13,

    /// <summary>Forget a kept message. Body: <see cref="ScheduledCommand"/>.</summary>
    CancelScheduled = 14,

    /// <summary>Publish a kept message whose time has come. Body: <see cref="SendScheduledCommand"/>.</summary>
    SendScheduled = 15,

    /// <summary>Hide messages from the acting person, or show them again. Body: <see cref="HideCommand"/>.</summary>
    Hide = 16,

    /// <summary>Erase some messages of an author's. Body: <see cref="EraseMessagesCommand"/>.</summary>
    EraseMessages = 17,

    /// <summary>Forget how far somebody has read who is no member any more. Body: <see cref="ForgetCursorsCommand"/>.</summary>
    ForgetCursors = 18,

    /// <summary>Do something about an attachment. Body: an <c>AttachmentCommand</c>.</summary>
    Attachment = 20,

    /// <summary>Cut a log off at its beginning. Body: <see cref="TruncateCommand"/>.</summary>
    Truncate = 22,

    /// <summary>Erase a conversation: from here on it is not there. Body: conversation (16).</summary>
    EraseConversation = 23,

    /// <summary>Take away some of what an erased conversation has left. Body: <see cref="ClearConversationCommand"/>.</summary>
    ClearConversation = 24,

    /// <summary>The last number of the commands that change state.</summary>
    LastReplicated = 31,

    /// <summary>Body: the Subscribe frame's.</summary>
    Subscribe = 32,

    /// <summary>Body: the Unsubscribe frame's.</summary>
    Unsubscribe = 33,

    /// <summary>The connection has ended: forget what it had in this shard.</summary>
    Detach = 34,

    /// <summary>A pull order has sent everything it could find. Body: subscription u32, next sequence u64.</summary>
    CaughtUp = 35,

    /// <summary>Body: the Fetch frame's.</summary>
    Fetch = 36,

    /// <summary>Which heads are durable. Body: conversations (<see cref="HeadsQuery"/>).</summary>
    Heads = 45,

    /// <summary>Say what the loop and its shards have done (<see cref="LoopReport"/>). Body: none.</summary>
    Report = 46,

    /// <summary>Send a Notice to those who listen to a conversation that is not public. Body: conversation (16), then the Notice's body.</summary>
    Tell = 44,

    /// <summary>Somebody types. Body: the Signal frame's.</summary>
    Signal = 40,
}

/// <summary>
/// The head of every command in a shard's ring. Time and identity were put there by the node that received it, so that applying it is a
/// pure function.
/// <code>
///  0      1        2       4          8             16          24
/// +------+--------+-------+----------+-------------+-----------+
/// | kind | rights | vouch | request  | reply to u64| time i64  |
/// +------+--------+-------+----------+-------------+-----------+
///  24                     40         48
/// +----------------------+----------+----------------+
/// | user (16)            | device   | body           |
/// +----------------------+----------+----------------+
/// </code>
/// </summary>
/// <param name="Kind">What to do.</param>
/// <param name="Actor">Who acts.</param>
/// <param name="Request">The request number that the answer repeats.</param>
/// <param name="ReplyTo">A <see cref="PeerAddress"/>, or the ticket of a waiting handler.</param>
/// <param name="TimeMicros">When the node received it, µs since 1970-01-01 UTC.</param>
internal readonly record struct CommandHeader(CommandKind Kind, Actor Actor, uint Request, ulong ReplyTo, long TimeMicros)
{
    public const int Size = 48;

    /// <summary>
    /// The node has looked at the message's attachments, which lie in other shards: its publisher may attach each of them. Without it a message with attachments is refused, unless it is a retry of what is stored.
    /// </summary>
    public bool AreAttachmentsVouchedFor { get; init; }

    /// <summary><see cref="ReplyTo"/> as a connection's address.</summary>
    public PeerAddress Peer => new((int)(uint)ReplyTo, (uint)(ReplyTo >> 32));

    public static ulong ReplyToPeer(PeerAddress address) => (uint)address.Slot | ((ulong)address.Generation << 32);

    public static CommandHeader Read(ReadOnlySpan<byte> source) => new(
        (CommandKind)source[0],
        new Actor(UserId.Read(source[24..]), new DeviceId(BinaryPrimitives.ReadUInt64LittleEndian(source[40..])), (AccountRights)source[1]),
        BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
        BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
        BinaryPrimitives.ReadInt64LittleEndian(source[16..]))
    {
        AreAttachmentsVouchedFor = source[2] != 0,
    };

    public void Write(Span<byte> target)
    {
        target[0] = (byte)Kind;
        target[1] = (byte)Actor.Rights;
        target[2] = AreAttachmentsVouchedFor ? (byte)1 : (byte)0;
        target[3] = 0;
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Request);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], ReplyTo);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], TimeMicros);
        Actor.User.Write(target[24..]);
        BinaryPrimitives.WriteUInt64LittleEndian(target[40..], Actor.Device.Value);
    }
}
