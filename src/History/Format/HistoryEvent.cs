using System.Diagnostics.CodeAnalysis;

using FastChat.Protocol;

namespace FastChat.History;

/// <summary>What an event is about (docs/history-format.md). The text form is the name in snake_case.</summary>
public enum HistoryOp : byte
{
    /// <summary>Never in a file.</summary>
    None = 0,

    /// <summary>First line of every file: the format's number.</summary>
    Begin,

    /// <summary>What is known of a conversation before this history: its kind, its head.</summary>
    Conversation,

    /// <summary>A member from the beginning, whom no record in the log names.</summary>
    Member,

    /// <summary>Signing in: invoke, then ok (Welcome), fail or info.</summary>
    Connect,

    /// <summary>A connection ended.</summary>
    Close,

    /// <summary>A publish: invoke, then ok (Published), fail (refused, nothing was done) or info (outcome unknown).</summary>
    Publish,

    /// <summary>Subscribe and its answer.</summary>
    Subscribe,

    /// <summary>Unsubscribe and its answer.</summary>
    Unsubscribe,

    /// <summary>The broker ended a subscription by itself.</summary>
    Unsubscribed,

    /// <summary>A record that a subscription brought.</summary>
    Deliver,

    /// <summary>The broker said that the session fell behind.</summary>
    Lag,

    /// <summary>A page of history and its end; its records stand between as <see cref="Record"/>.</summary>
    Fetch,

    /// <summary>The reading of a whole log when nothing happens any more; its records stand between as <see cref="Record"/>.</summary>
    ReadLog,

    /// <summary>A record of a <see cref="Fetch"/> or <see cref="ReadLog"/>.</summary>
    Record,

    /// <summary>Making somebody a member.</summary>
    AddMember,

    /// <summary>Removing a member.</summary>
    RemoveMember,

    /// <summary>Asking what became of messages; what the answer says of each stands between as <see cref="State"/>.</summary>
    ReadStates,

    /// <summary>What became of one message, of a <see cref="ReadStates"/>.</summary>
    State,

    /// <summary>Saying how far one has come.</summary>
    MoveCursor,

    /// <summary>Asking how far the members have come; they stand between as <see cref="Cursor"/>.</summary>
    ListCursors,

    /// <summary>How far a member has come, of a <see cref="ListCursors"/>.</summary>
    Cursor,

    /// <summary>Asking for the own list of conversations; they stand between as <see cref="Inbox"/>.</summary>
    ReadInbox,

    /// <summary>A conversation of a <see cref="ReadInbox"/>.</summary>
    Inbox,

    /// <summary>Blocking somebody, or taking that back.</summary>
    Block,

    /// <summary>Ending an account or a token.</summary>
    Revoke,

    /// <summary>What was done to the system: a fault began or ended.</summary>
    Nemesis,

    /// <summary>The process ended in order: every answer that it got is written above.</summary>
    End,
}

/// <summary>Which part of an operation an event is.</summary>
public enum HistoryPhase : byte
{
    /// <summary>An observation: nobody asked for it.</summary>
    None = 0,

    /// <summary>About to be sent.</summary>
    Invoke,

    /// <summary>Answered: done.</summary>
    Ok,

    /// <summary>Answered: surely not done.</summary>
    Fail,

    /// <summary>Unknown whether done.</summary>
    Info,
}

/// <summary>Which kind of conversation; decides what membership means.</summary>
public enum HistoryKind : byte
{
    /// <summary>Not said: nothing is judged that depends on it.</summary>
    Unknown = 0,

    /// <summary>Everyone may read and write.</summary>
    Public,

    /// <summary>Members only.</summary>
    Group,

    /// <summary>Two people's own.</summary>
    Direct,

    /// <summary>Everyone may read, members write.</summary>
    Channel,
}

/// <summary>What the operator or a test did to the system.</summary>
public enum HistoryFault : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>A broker was killed.</summary>
    Kill,

    /// <summary>A broker was started again.</summary>
    Restart,

    /// <summary>Another fault began.</summary>
    Fault,

    /// <summary>Faults and load have stopped; from now on everyone must catch up.</summary>
    Heal,

    /// <summary>A backup was restored: what was acknowledged after it was made may be gone, under a new epoch.</summary>
    Restore,
}

/// <summary>
/// One line of a history. Which fields an operation has is written in docs/history-format.md; a field that is zero, none, false or null is absent from the line and
/// the other way round, so the two never differ in meaning.
/// </summary>
[SuppressMessage("Design", "CA1051", Justification = "A row of plain values that parsers fill in place; it has nothing to protect.")]
public struct HistoryEvent
{
    /// <summary>Nanoseconds of one monotonic clock for all files. For an invoke no later than the request left, for an answer no earlier than it came.</summary>
    public long TimeNs;

    /// <summary>The logical client (it survives reconnects), unique in its file.</summary>
    public string? Process;

    /// <summary>What it is about.</summary>
    public HistoryOp Op;

    /// <summary>Which part of it.</summary>
    public HistoryPhase Phase;

    /// <summary>Number of the connection in its process, from 1.</summary>
    public uint Connection;

    /// <summary>Number of the fetch or read_log, unique in its process.</summary>
    public ulong Request;

    /// <summary>Number of the attempt at a publish, from 1; 0 is read as 1.</summary>
    public uint Attempt;

    /// <summary>The conversation.</summary>
    public ConversationId Conversation;

    /// <summary>Epoch of the position; for subscribe and fetch invokes the epoch asked for.</summary>
    public uint Epoch;

    /// <summary>Sequence of the position.</summary>
    public ulong Sequence;

    /// <summary>Connect: who signed in. Publish, deliver, record: the stamped sender. A publish without it is sent as oneself.</summary>
    public UserId User;

    /// <summary>Connect: the device. Deliver, record: the publishing device.</summary>
    public DeviceId Device;

    /// <summary>Deliver, record: who published, when it was not the sender.</summary>
    public UserId Publisher;

    /// <summary>The publisher's id of the message.</summary>
    public ClientMessageId ClientMessageId;

    /// <summary>Kind of the message, as on the wire.</summary>
    public MessageKind Kind;

    /// <summary><see cref="BodyHash"/> of the body.</summary>
    public ulong Hash;

    /// <summary>Published said: an earlier attempt had been stored.</summary>
    public bool Duplicate;

    /// <summary>The record is a tombstone.</summary>
    public bool Erased;

    /// <summary>The member concerned.</summary>
    public UserId Member;

    /// <summary>Subscribe, fetch and read_log invokes: behind which sequence (fetch backward: before which).</summary>
    public ulong Cursor;

    /// <summary>Fetch: from <see cref="Cursor"/> to smaller sequences.</summary>
    public bool Backward;

    /// <summary>Subscribe invoke: the application chose the position, it does not continue an earlier subscription.</summary>
    public bool Fresh;

    /// <summary>Subscribe ok: the answer's status, as on the wire plus one so that RESUMED is not absent.</summary>
    public HistoryStatus Status;

    /// <summary>First sequence of what is answered.</summary>
    public ulong First;

    /// <summary>Last sequence of what is answered.</summary>
    public ulong Last;

    /// <summary>Head that the answer names.</summary>
    public ulong Head;

    /// <summary>Lag: the next record.</summary>
    public ulong Next;

    /// <summary>Fetch ok: nothing lies further in this direction.</summary>
    public bool Complete;

    /// <summary>Error or close code.</summary>
    public ushort Code;

    /// <summary>Connect ok: the session was taken up again.</summary>
    public bool Resumed;

    /// <summary>Which broker; absent = the only one.</summary>
    public string? Node;

    /// <summary>Nemesis: what was done.</summary>
    public HistoryFault Fault;

    /// <summary>Conversation: its kind.</summary>
    public HistoryKind ConversationKind;

    /// <summary>Conversation: everyone who publishes there writes into these files, so a record that none of them sent is a forgery.</summary>
    public bool Closed;

    /// <summary>Record of an edit, a deletion, an expiry, a reaction, a pin: the message that it changes.</summary>
    public ulong Target;

    /// <summary>Record that takes bodies away (kind 133): <see cref="ErasedBody"/>, which names the records; null for every other.</summary>
    public byte[]? Erases;

    /// <summary>Record: the message that it answers.</summary>
    public ulong ReplyTo;

    /// <summary>Record: the message whose thread it is in. Cursors: the thread; 0 = the conversation itself.</summary>
    public ulong Thread;

    /// <summary>Record of a reaction or a pin: it ends. Block: it is taken back.</summary>
    public bool TakenBack;

    /// <summary><see cref="BodyHash"/> of the content of an edit, of a reaction; state: of what the message says since.</summary>
    public ulong Content;

    /// <summary>Membership record: what the member is from here on, as on the wire.</summary>
    public byte Role;

    /// <summary>Membership record, inbox: the first sequence that the member may read; 0 = all.</summary>
    public ulong VisibleFrom;

    /// <summary>Cursors, inbox: up to here it is read.</summary>
    public ulong Read;

    /// <summary>Cursors, inbox: up to here it has arrived.</summary>
    public ulong Delivered;

    /// <summary>Move_cursor: others are not to know.</summary>
    public bool Private;

    /// <summary>Inbox: messages that wait.</summary>
    public ulong Unread;

    /// <summary>State: the record that deleted the message.</summary>
    public ulong DeletedBy;

    /// <summary>State: the record that pinned it.</summary>
    public ulong PinnedBy;

    /// <summary>State: how often it was edited.</summary>
    public uint Edits;

    /// <summary>State: the last edit.</summary>
    public ulong EditedBy;

    /// <summary>State: messages that answer it.</summary>
    public uint Replies;

    /// <summary>State: messages in its thread.</summary>
    public uint InThread;

    /// <summary>State: <see cref="ReactionDigest"/> of its reactions.</summary>
    public ulong Reactions;

    /// <summary>Begin: number of the format.</summary>
    public uint Format;

    /// <summary>The reader's number for <see cref="Process"/> in its file, from 0; the writer ignores it.</summary>
    internal int ProcessIndex;
}

/// <summary>Answers to Subscribe (protocol.md §6.2).</summary>
public enum HistoryStatus : byte
{
    /// <summary>Not an answer to Subscribe.</summary>
    None = 0,

    /// <summary>Continues behind the position.</summary>
    Resumed,

    /// <summary>Older records are no longer kept.</summary>
    Truncated,

    /// <summary>The log is another one.</summary>
    EpochChanged,
}
