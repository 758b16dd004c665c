namespace FastChat.History.Tests;

/// <summary>The mutators of what is stored: loss, repetition, forgery, holes, disagreement, order.</summary>
internal static class StorageMutators
{
    public static IEnumerable<Mutator> All =>
    [
        new("an acknowledged message is missing from the log", Promise.Durable, DropStored),
        new("the log lost its tail", Promise.Durable, LoseTail),
        new("the body was changed in the store", Promise.Durable, ChangeStoredBody) { IsPure = true },
        new("another message stands where one was acknowledged", Promise.Durable, MoveAcknowledgement),
        new("a message is stored twice", Promise.ExactlyOnce, StoreTwice) { IsPure = true },
        new("a retry is answered with another position", Promise.ExactlyOnce, MoveRetry) { IsPure = true },
        new("a retry is not called a duplicate", Promise.ExactlyOnce, DenyDuplicate) { IsPure = true },
        new("the same id is accepted with another body", Promise.ExactlyOnce, AcceptConflict) { IsPure = true },
        new("a record that nobody sent", Promise.NoPhantom, Forge) { IsPure = true },
        new("a record stamped with another user", Promise.NoPhantom, ForgeSender) { IsPure = true },
        new("a message appears in another conversation", Promise.NoPhantom, CrossConversations) { IsPure = true },
        new("a message is seen before it was sent", Promise.NoPhantom, SeeTooEarly),
        new("a refused message is stored", Promise.NoAborted, draft => RefuseStored(draft, ErrorCode.InvalidText)) { IsPure = true },
        new("a message refused as too much is stored", Promise.Overload, draft => RefuseStored(draft, ErrorCode.Overloaded)) { IsPure = true },
        new("a hole in a page", Promise.Dense, HoleInPage),
        new("a record comes twice in the log", Promise.Dense, RepeatInLog) { IsPure = true },
        new("two readers see different bytes", Promise.Agreement, Disagree),
        new("a later message stands before one that was acknowledged before it", Promise.RealTimeOrder, draft => SwapPlaces(draft, isSameProcess: false)),
        new("two messages of a session stand the wrong way round", Promise.SenderOrder, draft => SwapPlaces(draft, isSameProcess: true)),
    ];

    private static bool IsUserRecord(HistoryEvent e) => e.Op is HistoryOp.Record or HistoryOp.Deliver && (byte)e.Kind < MessageKinds.FirstSystemKind;

    private static bool IsShown(HistoryEvent e, HistoryEvent message) =>
        IsUserRecord(e) && e.Conversation == message.Conversation && e.ClientMessageId == message.ClientMessageId;

    private static bool IsAck(HistoryEvent e) => e.Op == HistoryOp.Publish && e.Phase == HistoryPhase.Ok;

    private static bool DropStored(Draft draft)
    {
        if (!draft.TryPick(IsAck, out Spot ack))
        {
            return false;
        }

        HistoryEvent message = draft[ack];
        draft.Remove(draft.LogOf(message.Conversation).Records.Single(spot => draft[spot].Sequence == message.Sequence));
        return true;
    }

    private static bool LoseTail(Draft draft)
    {
        if (!draft.TryPick(IsAck, out Spot ack))
        {
            return false;
        }

        HistoryEvent message = draft[ack];
        (List<Spot> records, Spot end) = draft.LogOf(message.Conversation);
        draft.Change(end, e => e with { Head = message.Sequence - 1 });
        for (int i = records.Count - 1; i >= 0 && draft[records[i]].Sequence >= message.Sequence; i--)
        {
            draft.Remove(records[i]);
        }

        return true;
    }

    private static bool ChangeStoredBody(Draft draft)
    {
        if (!draft.TryPick(IsAck, spot => draft.HasOneAttempt(draft[spot]), out Spot ack))
        {
            return false;
        }

        HistoryEvent message = draft[ack];
        return draft.ChangeAll(e => IsShown(e, message), e => e with { Hash = e.Hash ^ 2 }) > 0;
    }

    private static bool MoveAcknowledgement(Draft draft)
    {
        bool isFound = draft.TryPick(e => IsAck(e) && e.Sequence > 1, spot => draft.HasOneAttempt(draft[spot]), out Spot ack);
        if (isFound)
        {
            draft.Change(ack, e => e with { Sequence = e.Sequence - 1 });
        }

        return isFound;
    }

    private static bool StoreTwice(Draft draft)
    {
        if (!draft.TryPick(e => e.Op == HistoryOp.Record && IsUserRecord(e), out Spot spot))
        {
            return false;
        }

        HistoryEvent record = draft[spot];
        draft.AppendRecord(record.Conversation, e => record with { Request = e.Request, Sequence = e.Sequence, Process = null });
        return true;
    }

    private static bool MoveRetry(Draft draft)
    {
        bool isFound = draft.TryPick(
            e => IsAck(e) && e.Duplicate,
            spot => draft.All(e => IsAck(e) && e.ClientMessageId == draft[spot].ClientMessageId && e.TimeNs < draft[spot].TimeNs).Count > 0,
            out Spot retry);
        if (isFound)
        {
            draft.Change(retry, e => e with { Sequence = e.Sequence + 1 });
        }

        return isFound;
    }

    private static bool DenyDuplicate(Draft draft)
    {
        bool isFound = draft.TryPick(
            e => IsAck(e) && e.Duplicate,
            spot =>
            {
                HistoryEvent retry = draft[spot];
                long sent = draft[draft.All(e => IsInvoke(e, retry))[0]].TimeNs;
                return draft.All(e => IsAck(e) && e.ClientMessageId == retry.ClientMessageId && e.TimeNs < sent).Count > 0;
            },
            out Spot retry);
        if (isFound)
        {
            draft.Change(retry, e => e with { Duplicate = false });
        }

        return isFound;
    }

    private static bool IsInvoke(HistoryEvent e, HistoryEvent answer) =>
        e.Op == HistoryOp.Publish && e.Phase == HistoryPhase.Invoke && e.ClientMessageId == answer.ClientMessageId && e.Attempt == answer.Attempt;

    private static bool AcceptConflict(Draft draft)
    {
        if (!draft.TryPick(
            e => e is { Op: HistoryOp.Publish, Phase: HistoryPhase.Fail, Code: (ushort)ErrorCode.IdConflict },
            spot => draft.All(e => IsAck(e) && e.ClientMessageId == draft[spot].ClientMessageId).Count > 0,
            out Spot refusal))
        {
            return false;
        }

        HistoryEvent stored = draft[draft.All(e => IsAck(e) && e.ClientMessageId == draft[refusal].ClientMessageId)[0]];
        draft.Change(refusal, e => e with { Phase = HistoryPhase.Ok, Code = 0, Epoch = stored.Epoch, Sequence = stored.Sequence, Duplicate = true });
        return true;
    }

    private static bool Forge(Draft draft)
    {
        HistoryEvent author = draft[draft.All(e => e.Op == HistoryOp.Connect && e.Phase == HistoryPhase.Ok)[0]];
        draft.AppendRecord(
            draft[draft.All(e => e.Op == HistoryOp.Conversation)[0]].Conversation,
            e => e with { User = author.User, Device = author.Device, ClientMessageId = new ClientMessageId(4711) });
        return true;
    }

    private static bool ForgeSender(Draft draft)
    {
        if (!draft.TryPick(e => e.Op == HistoryOp.Record && IsUserRecord(e) && e.Publisher.Value == 0, out Spot spot))
        {
            return false;
        }

        // The broker says that the real publisher wrote it on behalf of somebody who was never named.
        HistoryEvent record = draft[spot];
        return draft.ChangeAll(e => IsShown(e, record), e => e with { Publisher = e.User, User = new UserId(4711) }) > 0;
    }

    private static bool CrossConversations(Draft draft)
    {
        ConversationId[] all = [.. draft.All(e => e.Op == HistoryOp.Conversation).Select(spot => draft[spot].Conversation)];

        // Into the public one, where membership has nothing to say.
        if (!draft.TryPick(e => e.Op == HistoryOp.Record && IsUserRecord(e) && e.Conversation != all[0], out Spot spot))
        {
            return false;
        }

        HistoryEvent record = draft[spot];
        draft.AppendRecord(all[0], e => record with { Conversation = e.Conversation, Request = e.Request, Sequence = e.Sequence, Epoch = e.Epoch, Process = null });
        return true;
    }

    private static bool SeeTooEarly(Draft draft)
    {
        // The sender's request and everything before its last sighting change places in time.
        bool isFound = draft.TryPick(
            e => e.Op == HistoryOp.Deliver && IsUserRecord(e),
            spot => draft.HasOneAttempt(draft[spot]) && draft.All(e => IsInvoke(e, draft[spot] with { Attempt = 1 })).TrueForAll(invoke => invoke.File != spot.File),
            out Spot deliver);
        if (!isFound)
        {
            return false;
        }

        HistoryEvent record = draft[deliver];
        Spot sent = draft.All(e => IsInvoke(e, record with { Attempt = 1 }))[0];
        HistoryEvent invoke = draft[sent];
        draft.Remove(sent);
        int index = draft.Files[sent.File].FindIndex(e => e.TimeNs > record.TimeNs + 2000);
        index = index < 0 ? draft.Files[sent.File].Count : index;
        draft.Files[sent.File].Insert(index, invoke with { TimeNs = record.TimeNs + 2000 });
        return draft.All(e => IsShown(e, record) && e.TimeNs < record.TimeNs + 2000).Count > 0;
    }

    private static bool RefuseStored(Draft draft, ErrorCode code)
    {
        bool isFound = draft.TryPick(IsAck, spot => draft.HasOneAttempt(draft[spot]), out Spot ack);
        if (isFound)
        {
            draft.Change(ack, e => e with { Phase = HistoryPhase.Fail, Code = (ushort)code, Epoch = 0, Sequence = 0 });
        }

        return isFound;
    }

    private static bool HoleInPage(Draft draft)
    {
        bool isFound = draft.TryPick(
            e => e.Op == HistoryOp.Record,
            spot => spot.Index > 0 && draft.Files[spot.File][spot.Index - 1].Op == HistoryOp.Record && draft.Files[spot.File][spot.Index + 1].Op == HistoryOp.Record,
            out Spot record);
        if (isFound)
        {
            draft.Remove(record);
        }

        return isFound;
    }

    private static bool RepeatInLog(Draft draft)
    {
        ConversationId conversation = draft[draft.All(e => e.Op == HistoryOp.Conversation)[0]].Conversation;
        (List<Spot> records, Spot _) = draft.LogOf(conversation);
        if (records.Count == 0)
        {
            return false;
        }

        Spot spot = records[records.Count / 2];
        draft.InsertBehind(spot, draft[spot]);
        return true;
    }

    private static bool Disagree(Draft draft)
    {
        bool isFound = draft.TryPick(
            e => e.Op == HistoryOp.Deliver && IsUserRecord(e),
            spot => draft.All(e => IsShown(e, draft[spot])).Count > 1,
            out Spot deliver);
        if (isFound)
        {
            draft.Change(deliver, e => e with { Hash = e.Hash ^ 2 });
        }

        return isFound;
    }

    // Both change places for everybody, so that nothing but the order is wrong (and who saw one of them early saw it before it was sent).
    private static bool SwapPlaces(Draft draft, bool isSameProcess)
    {
        List<Spot> acks = draft.All(e => IsAck(e) && !e.Duplicate);
        foreach (Spot early in acks)
        {
            HistoryEvent first = draft[early];
            if (!draft.HasOneAttempt(first))
            {
                continue;
            }

            foreach (Spot late in acks)
            {
                HistoryEvent second = draft[late];
                bool isNext = second.Conversation == first.Conversation && second.Sequence == first.Sequence + 1 && draft.HasOneAttempt(second);
                if (!isNext || (first.Process == second.Process && early.File == late.File) != isSameProcess)
                {
                    continue;
                }

                // Whose sender became a member in between may have been refused first: that order proves nothing.
                if (isSameProcess && draft.All(e => e.Kind == MessageKind.MemberAdded && e.Conversation == first.Conversation).Count > 0)
                {
                    continue;
                }

                // Sent while the other was under way: then only the session's own order forbids the change. Sent behind its end: then real time does.
                HistoryEvent sent = draft[draft.All(e => IsInvoke(e, second))[0]];
                if (isSameProcess ? sent.TimeNs > first.TimeNs : sent.TimeNs <= first.TimeNs)
                {
                    continue;
                }

                Exchange(draft, first, second);
                return true;
            }
        }

        return false;
    }

    private static void Exchange(Draft draft, HistoryEvent first, HistoryEvent second)
    {
        HistoryEvent Content(HistoryEvent message) => draft[draft.All(e => e.Op == HistoryOp.Record && IsShown(e, message))[^1]];
        HistoryEvent firstRecord = Content(first);
        HistoryEvent secondRecord = Content(second);
        draft.ChangeAll(
            e => e.Op is HistoryOp.Deliver or HistoryOp.Record && e.Conversation == first.Conversation && (e.Sequence == first.Sequence || e.Sequence == second.Sequence),
            e =>
            {
                HistoryEvent content = e.Sequence == first.Sequence ? secondRecord : firstRecord;
                return e with { User = content.User, Publisher = content.Publisher, Device = content.Device, ClientMessageId = content.ClientMessageId, Hash = content.Hash };
            });
        draft.ChangeAll(
            e => IsAck(e) && e.Conversation == first.Conversation && (e.Sequence == first.Sequence || e.Sequence == second.Sequence),
            e => e with { Sequence = e.Sequence == first.Sequence ? second.Sequence : first.Sequence });
    }
}
