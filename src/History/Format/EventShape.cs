namespace FastChat.History;

/// <summary>Which fields an event must have, so that a check never meets a sequence 0 where the writer forgot one. Pure.</summary>
internal static class EventShape
{
    /// <summary>Why the event cannot be one; null when it can.</summary>
    public static string? ProblemOf(in HistoryEvent e)
    {
        if (e.TimeNs < 0)
        {
            return "t_ns is negative";
        }

        bool isNobodys = e.Op is HistoryOp.Begin or HistoryOp.Conversation or HistoryOp.Member or HistoryOp.Nemesis;
        if (!isNobodys && string.IsNullOrEmpty(e.Process))
        {
            return "process is missing";
        }

        if (HasPhase(e.Op) != (e.Phase != HistoryPhase.None))
        {
            return e.Phase == HistoryPhase.None ? "phase is missing" : "this op has no phase";
        }

        return (e.Op, e.Phase) switch
        {
            (HistoryOp.Begin, _) => Missing(e.Format == 0, "format"),
            (HistoryOp.Conversation, _) => Missing(e.Conversation.IsNone, "conversation"),
            (HistoryOp.Member, _) => Missing(e.Conversation.IsNone, "conversation") ?? Missing(e.Member.Value == 0, "member"),
            (HistoryOp.Connect, HistoryPhase.Ok) => Missing(e.Connection == 0, "connection") ?? Missing(e.User.Value == 0, "user") ?? Missing(e.Device.Value == 0, "device"),
            (HistoryOp.Publish, HistoryPhase.Invoke) => Published(e) ?? Missing(e.Kind == 0, "kind"),
            (HistoryOp.Publish, HistoryPhase.Ok) => Published(e) ?? Position(e),
            (HistoryOp.Publish, _) => Published(e),
            (HistoryOp.Subscribe, HistoryPhase.Ok) => Subscription(e) ?? Missing(e.Status == HistoryStatus.None, "status") ?? Missing(e.Epoch == 0, "epoch"),
            (HistoryOp.Subscribe or HistoryOp.Unsubscribe or HistoryOp.Unsubscribed, _) => Subscription(e),
            (HistoryOp.Deliver, _) => Subscription(e) ?? Position(e) ?? Missing(e.Kind == 0, "kind"),
            (HistoryOp.Lag, _) => Subscription(e) ?? Missing(e.Epoch == 0, "epoch") ?? Missing(e.Next == 0, "next"),
            (HistoryOp.Fetch or HistoryOp.ReadLog, HistoryPhase.Ok) => Read(e) ?? Missing(e.Epoch == 0, "epoch"),
            (HistoryOp.Fetch or HistoryOp.ReadLog, _) => Read(e),
            (HistoryOp.Record, _) => Read(e) ?? Position(e) ?? Missing(e.Kind == 0, "kind"),
            (HistoryOp.AddMember or HistoryOp.RemoveMember, _) => Missing(e.Conversation.IsNone, "conversation") ?? Missing(e.Member.Value == 0, "member"),
            (HistoryOp.ReadStates, HistoryPhase.Ok) => Read(e) ?? Missing(e.Epoch == 0, "epoch"),
            (HistoryOp.ReadStates or HistoryOp.ListCursors, _) => Read(e),
            (HistoryOp.State, _) => Read(e) ?? Position(e),
            (HistoryOp.MoveCursor, _) => Missing(e.Conversation.IsNone, "conversation"),
            (HistoryOp.Cursor, _) => Read(e) ?? Missing(e.Member.Value == 0, "member"),
            (HistoryOp.ReadInbox, _) => Missing(e.Request == 0, "request"),
            (HistoryOp.Inbox, _) => Read(e) ?? Missing(e.Epoch == 0, "epoch"),
            (HistoryOp.Block or HistoryOp.Revoke, _) => Missing(e.Member.Value == 0, "member"),
            (HistoryOp.Nemesis, _) => Missing(e.Fault == HistoryFault.None, "fault"),
            _ => null,
        };
    }

    private static bool HasPhase(HistoryOp op) => op is HistoryOp.Connect or HistoryOp.Publish or HistoryOp.Subscribe or HistoryOp.Unsubscribe or HistoryOp.Fetch
        or HistoryOp.ReadLog or HistoryOp.AddMember or HistoryOp.RemoveMember or HistoryOp.ReadStates or HistoryOp.MoveCursor or HistoryOp.ListCursors or HistoryOp.ReadInbox or HistoryOp.Block or HistoryOp.Revoke;

    private static string? Published(in HistoryEvent e) => Missing(e.Conversation.IsNone, "conversation") ?? Missing(e.ClientMessageId.IsNone, "client_message_id");

    private static string? Position(in HistoryEvent e) => Missing(e.Epoch == 0, "epoch") ?? Missing(e.Sequence == 0, "sequence");

    private static string? Subscription(in HistoryEvent e) => Missing(e.Conversation.IsNone, "conversation") ?? Missing(e.Connection == 0, "connection");

    private static string? Read(in HistoryEvent e) => Missing(e.Conversation.IsNone, "conversation") ?? Missing(e.Request == 0, "request");

    private static string? Missing(bool isMissing, string key) => isMissing ? $"{key} is missing" : null;
}
