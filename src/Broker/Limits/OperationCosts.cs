using FastChat.Protocol;

namespace FastChat.Broker.Limits;

/// <summary>
/// What a control request costs its user (<see cref="Budget.Requests"/>): 1 is about a look at an entry or two, a tenth of a millisecond of one processor with what comes with it. What is not named costs 5: a new request is not free because nobody thought of it.
/// What reads or writes by the page costs as a page does, whatever its limit says: who wants less asks as often for less. Fetch, Subscribe and Ping have no price: they are bounded by how many may be under way, by what the peer takes, and by the bytes of their connection.
/// </summary>
internal static class OperationCosts
{
    /// <summary>The price of a request.</summary>
    public static int Of(FrameType type) => type switch
    {
        // A look at what is there, or a change of one entry. Chunks of attachments have their own bound: four under way, and their bytes.
        FrameType.MoveCursor or FrameType.SetPresence or FrameType.GetUsage or FrameType.PutChunk or FrameType.GetAttachment or FrameType.GetExport or FrameType.ResolveConversation or FrameType.CancelUpload or FrameType.Reauthenticate => 1,

        // A change that is a record or an entry elsewhere as well. What is dear about memberships is other people's, and has budgets of its own (Made, Own, Others).
        FrameType.CreateConversation or FrameType.AddMembers or FrameType.ChangeMember or FrameType.RemoveMember or FrameType.JoinByLink or FrameType.RevokeJoinLink or FrameType.CancelScheduled or FrameType.BeginUpload or FrameType.WatchPresence or FrameType.SetProfile => 2,

        // Pages: up to 500 entries are read.
        FrameType.ListMembers or FrameType.ListConversations or FrameType.ListCursors or FrameType.ListJoinLinks or FrameType.ListScheduled or FrameType.ListHidden or FrameType.ListBlocks or FrameType.GetPins or FrameType.GetThread or FrameType.ListDevices or FrameType.ListUsers or FrameType.GetActivity => 10,

        // An inbox computes what is unread of up to 200 conversations; profiles look for what two people share; annotations read a stretch of a log.
        FrameType.GetInbox or FrameType.GetProfiles or FrameType.GetAnnotations or FrameType.ResolveUsers => 10,

        // Thousands of entries.
        FrameType.SearchUsers => 25,

        // The whole of an attachment is hashed.
        FrameType.FinishUpload => 25,
        FrameType.Backup => 100,
        _ => 5,
    };
}
