namespace FastChat.Protocol;

/// <summary>
/// What a frame is (protocol.md §4). C→S: only clients send it, S→C: only the broker does. Numbers are never reused; 0x80 and above are
/// optional: a peer that does not know one ignores it. An unknown type below 0x80 is answered with the error UNSUPPORTED when it carries
/// a request number and closes the connection when it does not.
/// </summary>
public enum FrameType : byte
{
    /// <summary>Never on the wire: a zero header is always a mistake.</summary>
    None = 0x00,

    /// <summary>C→S, first frame: version and credentials.</summary>
    Hello = 0x01,

    /// <summary>S→C: signed in; limits of this broker.</summary>
    Welcome = 0x02,

    /// <summary>Both: answer with Pong.</summary>
    Ping = 0x03,

    /// <summary>Both: the Ping's body and request number come back.</summary>
    Pong = 0x04,

    /// <summary>Both, last frame: why the connection ends and when to come back.</summary>
    Close = 0x05,

    /// <summary>S→C: the request with this number failed; the connection lives.</summary>
    Error = 0x06,

    /// <summary>C→S: so many more bytes of Deliver and Chunk frames are welcome.</summary>
    Credit = 0x07,

    /// <summary>S→C, between Hello and Welcome: what a proof of the password is to be about.</summary>
    Challenge = 0x08,

    /// <summary>C→S, the answer to Challenge: the proof.</summary>
    Proof = 0x09,

    /// <summary>C→S: post a message.</summary>
    Publish = 0x10,

    /// <summary>S→C: the message is durable, at this position.</summary>
    Published = 0x11,

    /// <summary>C→S: deliver a conversation from a position on.</summary>
    Subscribe = 0x12,

    /// <summary>S→C: where the delivery begins, or why it does not.</summary>
    Subscribed = 0x13,

    /// <summary>C→S: stop delivering.</summary>
    Unsubscribe = 0x14,

    /// <summary>S→C: no Deliver of that conversation follows.</summary>
    Unsubscribed = 0x15,

    /// <summary>S→C: records of a subscribed conversation, in order.</summary>
    Deliver = 0x16,

    /// <summary>S→C: the session fell behind its budget; from here the delivery comes from the log.</summary>
    Lag = 0x17,

    /// <summary>C→S: a page of history.</summary>
    Fetch = 0x18,

    /// <summary>S→C: records of a page, laid out as Deliver.</summary>
    Chunk = 0x19,

    /// <summary>S→C: the page is complete.</summary>
    FetchEnd = 0x1A,

    /// <summary>Reserved. Cursors move by <see cref="MoveCursor"/>.</summary>
    Ack = 0x1B,

    /// <summary>Both, request 0: somebody types or records. Never stored, lossy; a broker sends it only to who said <c>signals</c> in Hello.</summary>
    Signal = 0x1C,

    /// <summary>C→S: make a conversation.</summary>
    CreateConversation = 0x20,

    /// <summary>C→S: find a conversation by name, and make it if asked to.</summary>
    ResolveConversation = 0x21,

    /// <summary>C→S: add members.</summary>
    AddMembers = 0x22,

    /// <summary>C→S: remove a member, or leave.</summary>
    RemoveMember = 0x23,

    /// <summary>C→S: who belongs to a conversation.</summary>
    ListMembers = 0x24,

    /// <summary>C→S: the conversations I belong to.</summary>
    ListConversations = 0x25,

    /// <summary>C→S: users by name or by id.</summary>
    ResolveUsers = 0x26,

    /// <summary>C→S: make users of another system known here (needs the import right).</summary>
    ImportUsers = 0x27,

    /// <summary>C→S: have a backup taken, ask about it, or stop it (operators only).</summary>
    Backup = 0x28,

    /// <summary>S→C: the answer to a control request.</summary>
    Reply = 0x2F,

    /// <summary>C→S: change what a conversation is.</summary>
    ChangeConversation = 0x30,

    /// <summary>C→S: join, invite, accept, change a role, mute, ban.</summary>
    ChangeMember = 0x31,

    /// <summary>C→S: make a link by which people join.</summary>
    CreateJoinLink = 0x32,

    /// <summary>C→S: the links of a conversation.</summary>
    ListJoinLinks = 0x33,

    /// <summary>C→S: end a link.</summary>
    RevokeJoinLink = 0x34,

    /// <summary>C→S: become a member by a link.</summary>
    JoinByLink = 0x35,

    /// <summary>C→S: what later records made of the messages of a stretch.</summary>
    GetAnnotations = 0x38,

    /// <summary>C→S: a page of a thread.</summary>
    GetThread = 0x39,

    /// <summary>C→S: a page of the pinned messages.</summary>
    GetPins = 0x3A,

    /// <summary>C→S: publish what stands in one conversation in another one.</summary>
    Forward = 0x3B,

    /// <summary>C→S: publish a message later.</summary>
    Schedule = 0x3C,

    /// <summary>C→S: the messages that one has scheduled.</summary>
    ListScheduled = 0x3D,

    /// <summary>C→S: do not publish it after all.</summary>
    CancelScheduled = 0x3E,

    /// <summary>C→S: messages that one does not want to see any more, or again.</summary>
    Hide = 0x3F,

    /// <summary>C→S: how far one has read, and what has arrived.</summary>
    MoveCursor = 0x40,

    /// <summary>C→S: how far the members have come.</summary>
    ListCursors = 0x41,

    /// <summary>C→S: the list of conversations with what has changed in them.</summary>
    GetInbox = 0x42,

    /// <summary>C→S: the messages that one does not want to see.</summary>
    ListHidden = 0x43,

    /// <summary>C→S: how I want to be seen, or whether this device is idle.</summary>
    SetPresence = 0x48,

    /// <summary>C→S: tell me who of a conversation is there, or no longer.</summary>
    WatchPresence = 0x49,

    /// <summary>C→S: change what one says of oneself.</summary>
    SetProfile = 0x50,

    /// <summary>C→S: what others say of themselves, where it is newer than what the client has.</summary>
    GetProfiles = 0x51,

    /// <summary>C→S: people one shares a conversation with, by the beginning of a name.</summary>
    SearchUsers = 0x52,

    /// <summary>C→S: want nothing of somebody any more, or again.</summary>
    Block = 0x53,

    /// <summary>C→S: whom one has blocked.</summary>
    ListBlocks = 0x54,

    /// <summary>C→S: make an account for a program (operators only).</summary>
    CreateService = 0x55,

    /// <summary>C→S: the accounts of programs (operators only).</summary>
    ListServices = 0x56,

    /// <summary>C→S: end the account of a program (operators only).</summary>
    RevokeService = 0x57,

    /// <summary>C→S: begin an upload, or go on with one, or name a message that has the content already.</summary>
    BeginUpload = 0x58,

    /// <summary>C→S: a piece of an attachment.</summary>
    PutChunk = 0x59,

    /// <summary>C→S: everything was sent: check it, and keep it until a message refers to it.</summary>
    FinishUpload = 0x5A,

    /// <summary>C→S: a range of a message's attachment.</summary>
    GetAttachment = 0x5B,

    /// <summary>C→S: how much of one's quota is used.</summary>
    GetUsage = 0x5C,

    /// <summary>C→S: give an upload up, finished or not.</summary>
    CancelUpload = 0x5D,

    /// <summary>C→S: go on with a newer token, on the same connection.</summary>
    Reauthenticate = 0x60,

    /// <summary>C→S: the user's devices.</summary>
    ListDevices = 0x61,

    /// <summary>C→S: give a device a name.</summary>
    NameDevice = 0x62,

    /// <summary>C→S: sign devices out.</summary>
    EndDevices = 0x63,

    /// <summary>C→S: another password; all other devices are ended.</summary>
    ChangePassword = 0x64,

    /// <summary>C→S: let somebody in no longer, or again (operators only).</summary>
    SuspendUser = 0x65,

    /// <summary>C→S: the accounts (operators only).</summary>
    ListUsers = 0x66,

    /// <summary>C→S: who is connected (operators only).</summary>
    ListSessions = 0x67,

    /// <summary>C→S: a challenge, for a proof of the password on a connection that is signed in.</summary>
    BeginProof = 0x68,

    /// <summary>C→S: another public key of a service account, or one less (operators only).</summary>
    ChangeServiceKeys = 0x6A,

    /// <summary>C→S: have everything that is one's own, or as an operator another's, put into an archive; or how that goes.</summary>
    ExportPerson = 0x70,

    /// <summary>C→S: a range of that archive.</summary>
    GetExport = 0x71,

    /// <summary>C→S: erase oneself, or as an operator somebody else; or how that goes.</summary>
    ErasePerson = 0x72,

    /// <summary>C→S: erase a conversation, as its owner or an operator; or how that goes.</summary>
    EraseConversation = 0x73,

    /// <summary>C→S: what the broker counts (operators only).</summary>
    GetStats = 0x78,

    /// <summary>C→S: answer what was accepted, send everybody elsewhere, and end the process (operators only).</summary>
    Drain = 0x79,

    /// <summary>C→S: the limits that are in force (operators only).</summary>
    GetLimits = 0x7A,

    /// <summary>C→S: put other limits in force, until the broker ends (operators only).</summary>
    SetLimits = 0x7B,

    /// <summary>Client: what the broker has been busy with of late. Map; operators only.</summary>
    GetActivity = 0x7C,

    /// <summary>S→C, optional: something happened that no request asked about.</summary>
    Notice = 0x80,

    /// <summary>S→C, optional: what changed among the members of a watched conversation.</summary>
    Presence = 0x81,
}

/// <summary>Directions of the frame types.</summary>
public static class FrameTypes
{
    /// <summary>True for the frames that a client may send.</summary>
    public static bool IsFromClient(FrameType type) => type is
        FrameType.Hello or FrameType.Proof or FrameType.Ping or FrameType.Pong or FrameType.Close or FrameType.Credit or
        FrameType.Publish or FrameType.Subscribe or FrameType.Unsubscribe or FrameType.Fetch or FrameType.Signal ||
        IsControlRequest(type);

    /// <summary>True for the requests whose body is a map and whose answer is a Reply.</summary>
    public static bool IsControlRequest(FrameType type) => type is
        >= FrameType.CreateConversation and <= FrameType.Backup or
        >= FrameType.ChangeConversation and <= FrameType.JoinByLink or
        >= FrameType.GetAnnotations and <= FrameType.Hide or
        >= FrameType.MoveCursor and <= FrameType.ListHidden or
        FrameType.SetPresence or FrameType.WatchPresence or
        >= FrameType.SetProfile and <= FrameType.RevokeService or
        >= FrameType.BeginUpload and <= FrameType.CancelUpload or
        >= FrameType.Reauthenticate and <= FrameType.BeginProof or
        FrameType.ChangeServiceKeys or
        >= FrameType.ExportPerson and <= FrameType.EraseConversation or
        >= FrameType.GetStats and <= FrameType.GetActivity;

    /// <summary>True for the frames that a broker may send.</summary>
    public static bool IsFromServer(FrameType type) => type is
        FrameType.Welcome or FrameType.Challenge or FrameType.Ping or FrameType.Pong or FrameType.Close or FrameType.Error or
        FrameType.Published or FrameType.Subscribed or FrameType.Unsubscribed or FrameType.Deliver or FrameType.Lag or
        FrameType.Chunk or FrameType.FetchEnd or FrameType.Signal or FrameType.Reply or FrameType.Notice or FrameType.Presence;

    /// <summary>True when an unknown frame of this number is ignored rather than refused.</summary>
    public static bool IsOptional(FrameType type) => (byte)type >= 0x80;
}
