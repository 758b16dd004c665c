namespace FastChat.History.Tests;

/// <summary>The mutators of what can be done with messages: what is gone, what became of it, how far people have come, what they have a right to.</summary>
internal static class ChatMutators
{
    public static IEnumerable<Mutator> All => ((Mutator[])
    [
        new("a page brings the body of a deleted message", Promise.Erasure, draft => ShowErased(draft, static e => MessageKinds.IsMessage(e.Kind))) { IsPure = true },
        new("a page brings the body of an edit of a deleted message", Promise.Erasure, draft => ShowErased(draft, static e => e.Kind == MessageKind.Edit)) { IsPure = true },
        new("a body is gone that nobody deleted", Promise.Durable, EraseUnasked) { IsPure = true },
        new("a reaction is not counted", Promise.Agreement, draft => SpoilState(draft, static e => e.Reactions != 0, static e => e with { Reactions = e.Reactions + 2 })) { IsPure = true },
        new("an edit is not counted", Promise.Agreement, draft => SpoilState(draft, static e => e.Edits > 0, static e => e with { Edits = e.Edits - 1 })) { IsPure = true },
        new("an older edit is shown", Promise.Agreement, draft => SpoilState(draft, static e => e.Content != 0, static e => e with { Content = e.Content + 1 })) { IsPure = true },
        new("an answer is counted twice", Promise.Agreement, draft => SpoilState(draft, static e => e.Replies > 0, static e => e with { Replies = e.Replies + 1 })) { IsPure = true },
        new("a thread has one message less", Promise.Agreement, draft => SpoilState(draft, static e => e.InThread > 0, static e => e with { InThread = e.InThread - 1 })) { IsPure = true },
        new("a pin is forgotten", Promise.Agreement, draft => SpoilState(draft, static e => e.PinnedBy != 0, static e => e with { PinnedBy = 0 })) { IsPure = true },
        new("a deletion is not told", Promise.Agreement, draft => RemoveState(draft, static e => e.DeletedBy != 0)) { IsPure = true },
        new("a cursor goes back", Promise.Cursors, LowerCursor) { IsPure = true },
        new("a cursor is where nobody moved it", Promise.Cursors, draft => Spoil(draft, static e => e.Op == HistoryOp.Cursor, static e => e with { Read = 5000 })) { IsPure = true },
        new("a private cursor is told to others", Promise.Cursors, TellPrivate) { IsPure = true },
        new("a cursor is answered with less than was asked", Promise.Cursors, draft => Spoil(draft, static e => IsMove(e) && e.Read > 1, static e => e with { Read = e.Read - 1 })),
        new("a cursor passes the head", Promise.Cursors, PassHead),
        new("somebody who was removed moves a cursor", Promise.Cursors, MoveRemoved),
        new("a message is not counted as unread", Promise.Cursors, draft =>
            Spoil(draft, static e => e.Op == HistoryOp.Inbox && e.Unread > 0, static e => e with { Unread = e.Unread - 1 }, onlyLast: true)) { IsPure = true },
        new("a newcomer reads what was before", Promise.Membership, ReadBefore),
        new("a reader writes", Promise.Membership, WriteAsReader),
        new("somebody blocked writes", Promise.Membership, WriteBlocked),
        new("an account that has ended publishes", Promise.Revocation, static draft => AppendAs(draft, 3, new ConversationId(101))),
        new("an account that has ended signs in", Promise.Revocation, SignInRevoked) { IsPure = true },
        new("an account that has ended is sent a message", Promise.Revocation, DeliverRevoked),
    ]).Select(static mutator => mutator with { Source = static seed => ChatHistory.Make(seed).Events });

    private static bool IsMove(HistoryEvent e) => e is { Op: HistoryOp.MoveCursor, Phase: HistoryPhase.Ok };

    private static bool Spoil(Draft draft, Func<HistoryEvent, bool> isFit, Func<HistoryEvent, HistoryEvent> spoil, bool onlyLast = false)
    {
        List<Spot> spots = draft.All(isFit);
        if (spots.Count == 0)
        {
            return false;
        }

        Spot spot = spots[^1];
        bool isFound = onlyLast || draft.TryPick(isFit, out spot);
        if (isFound)
        {
            draft.Change(spot, spoil);
        }

        return isFound;
    }

    /// <summary>In a list of the end, when nothing comes any more: then every count is certain.</summary>
    private static long HealedAt(Draft draft) => draft[draft.All(static e => e is { Op: HistoryOp.Nemesis, Fault: HistoryFault.Heal })[0]].TimeNs;

    private static bool SpoilState(Draft draft, Func<HistoryEvent, bool> isFit, Func<HistoryEvent, HistoryEvent> spoil)
    {
        long healed = HealedAt(draft);
        return Spoil(draft, e => e.Op == HistoryOp.State && e.TimeNs > healed && isFit(e), spoil);
    }

    private static bool RemoveState(Draft draft, Func<HistoryEvent, bool> isFit)
    {
        long healed = HealedAt(draft);
        bool isFound = draft.TryPick(e => e.Op == HistoryOp.State && e.TimeNs > healed && isFit(e), out Spot spot);
        if (isFound)
        {
            draft.Remove(spot);
        }

        return isFound;
    }

    private static bool ShowErased(Draft draft, Func<HistoryEvent, bool> isFit)
    {
        // In the group everybody saw it whole before: what it was about is known.
        bool isFound = draft.TryPick(e => e is { Op: HistoryOp.Record, Erased: true } && e.Conversation == new ConversationId(101) && isFit(e), out Spot spot);
        if (isFound)
        {
            draft.Change(spot, static e => e with { Erased = false });
        }

        return isFound;
    }

    private static bool EraseUnasked(Draft draft)
    {
        HashSet<(ConversationId, ulong)> deleted = [.. draft.All(static e => e.Erased).Select(spot => (draft[spot].Conversation, draft[spot].Sequence))];
        long healed = HealedAt(draft);
        bool isFound = draft.TryPick(
            e => e.Op == HistoryOp.Record && e.TimeNs > healed && e.Kind == MessageKind.Text && !deleted.Contains((e.Conversation, e.Sequence)), out Spot spot);
        if (isFound)
        {
            draft.Change(spot, static e => e with { Erased = true });
        }

        return isFound;
    }

    private static bool LowerCursor(Draft draft)
    {
        bool isFound = draft.TryPick(
            static e => e.Op == HistoryOp.Cursor && e.Read > 1,
            spot => draft.All(e => e.Op == HistoryOp.Cursor && e.Process == draft[spot].Process && e.Member == draft[spot].Member && e.Conversation == draft[spot].Conversation &&
                e.TimeNs < draft[spot].TimeNs && e.Read == draft[spot].Read).Count > 0,
            out Spot spot);
        if (isFound)
        {
            draft.Change(spot, static e => e with { Read = e.Read - 1 });
        }

        return isFound;
    }

    private static bool TellPrivate(Draft draft)
    {
        HistoryEvent hidden = default;
        bool isFound = draft.TryPick(
            static e => e.Op == HistoryOp.Cursor,
            spot =>
            {
                HistoryEvent shown = draft[spot];
                hidden = draft.All(e => e is { Op: HistoryOp.MoveCursor, Phase: HistoryPhase.Ok } && e.TimeNs < shown.TimeNs && e.Conversation == shown.Conversation &&
                    e.Process == $"person-{(int)shown.Member.Value - 1}" && e.Process != shown.Process && e.Read > shown.Read).Select(other => draft[other]).LastOrDefault();
                ulong told = draft.All(e => e is { Op: HistoryOp.MoveCursor, Phase: HistoryPhase.Invoke, Private: false } && e.TimeNs < shown.TimeNs &&
                    e.Process == hidden.Process && e.Conversation == shown.Conversation).Select(other => draft[other].Read).DefaultIfEmpty(0ul).Max();
                return hidden.Read > told;
            },
            out Spot spot);
        if (isFound)
        {
            draft.Change(spot, e => e with { Read = hidden.Read });
        }

        return isFound;
    }

    private static bool PassHead(Draft draft)
    {
        bool isFound = draft.TryPick(static e => IsMove(e), out Spot spot);
        if (isFound)
        {
            HistoryEvent moved = draft[spot];
            Spot asked = draft.All(e => e is { Op: HistoryOp.MoveCursor, Phase: HistoryPhase.Invoke } && e.Request == moved.Request)[0];
            draft.Change(asked, static e => e with { Read = 4000 });
            draft.Change(spot, static e => e with { Read = 4000, Delivered = 4000 });
        }

        return isFound;
    }

    private static bool MoveRemoved(Draft draft)
    {
        if (!draft.TryPick(
            static e => e is { Op: HistoryOp.MoveCursor, Phase: HistoryPhase.Invoke } && e.Process == "person-2", spot => IsMove(draft[new Spot(spot.File, spot.Index + 1)]), out Spot spot))
        {
            return false;
        }

        HistoryEvent asked = draft[spot];
        HistoryEvent removal = new() { Process = "person-0", Op = HistoryOp.RemoveMember, Phase = HistoryPhase.Invoke, Conversation = asked.Conversation, Member = ChatHistory.UserOf(2), Request = 9 };
        draft.InsertBehind(new Spot(spot.File, spot.Index - 1), removal, removal with { Phase = HistoryPhase.Ok });
        return true;
    }

    private static bool ReadBefore(Draft draft)
    {
        // The newcomer's page begins one record too early.
        bool isFound = draft.TryPick(
            static e => e is { Op: HistoryOp.Record, Kind: MessageKind.MemberAdded } && e.Process == "person-2", static spot => spot.Index > 1, out Spot spot);
        if (!isFound)
        {
            return false;
        }

        HistoryEvent first = draft[spot];
        Spot before = draft.All(e => e.Op == HistoryOp.Deliver && e.Sequence == first.Sequence - 1 && e.Conversation == first.Conversation)[0];
        draft.InsertBehind(new Spot(spot.File, spot.Index - 1), draft[before] with { Process = first.Process, Op = HistoryOp.Record, Request = first.Request, Connection = 0 });
        return true;
    }

    private static bool WriteAsReader(Draft draft) => AppendAs(draft, 2, new ConversationId(101));

    /// <summary>What was refused to who was blocked is acknowledged, and stands in the log.</summary>
    private static bool WriteBlocked(Draft draft)
    {
        bool isFound = draft.TryPick(static e => e is { Op: HistoryOp.Publish, Phase: HistoryPhase.Fail } && e.Process == "person-1", out Spot spot);
        if (isFound)
        {
            ulong head = draft[draft.LogOf(draft[spot].Conversation).End].Head;
            draft.Change(spot, e => e with { Phase = HistoryPhase.Ok, Code = 0, Epoch = 1, Sequence = head + 1 });
        }

        return isFound;
    }

    private static bool SignInRevoked(Draft draft)
    {
        Spot healed = draft.All(static e => e is { Op: HistoryOp.Nemesis, Fault: HistoryFault.Heal })[0];
        HistoryEvent connect = draft[draft.All(static e => e is { Op: HistoryOp.Connect, Phase: HistoryPhase.Ok, Process: "person-3" })[0]];
        draft.InsertBehind(
            new Spot(healed.File, healed.Index - 1), new HistoryEvent { Process = connect.Process, Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke }, connect with { Connection = 2 });
        return true;
    }

    private static bool DeliverRevoked(Draft draft)
    {
        long revoked = draft[draft.All(static e => e is { Op: HistoryOp.Revoke, Phase: HistoryPhase.Ok })[0]].TimeNs;
        bool isFound = draft.TryPick(e => e is { Op: HistoryOp.Deliver, Kind: MessageKind.Text } && e.TimeNs > revoked + 1_000_000_000, out Spot spot);
        if (isFound)
        {
            draft.InsertBehind(spot, draft[spot] with { Process = "person-3" });
        }

        return isFound;
    }

    /// <summary>A message in the end of a log, sent and acknowledged.</summary>
    private static bool AppendAs(Draft draft, int who, ConversationId room)
    {
        ulong head = draft[draft.LogOf(room).End].Head;
        Spot healed = draft.All(static e => e is { Op: HistoryOp.Nemesis, Fault: HistoryFault.Heal })[0];
        HistoryEvent publish = new()
        {
            Process = $"person-{who}",
            Op = HistoryOp.Publish,
            Phase = HistoryPhase.Invoke,
            Conversation = room,
            ClientMessageId = new ClientMessageId(77777),
            Kind = MessageKind.Text,
            Hash = 77,
            Attempt = 1,
        };
        draft.InsertBehind(new Spot(healed.File, healed.Index - 1), publish, publish with { Phase = HistoryPhase.Ok, Kind = 0, Hash = 0, Epoch = 1, Sequence = head + 1 });
        draft.AppendRecord(room, record => record with { User = ChatHistory.UserOf(who), Device = new DeviceId((ulong)who + 11), ClientMessageId = publish.ClientMessageId });
        return true;
    }
}
