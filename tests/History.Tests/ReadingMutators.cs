namespace FastChat.History.Tests;

/// <summary>The mutators of what readers and senders are told: delivery, resume, freshness, catching up, membership, outcomes.</summary>
internal static class ReadingMutators
{
    public static IEnumerable<Mutator> All =>
    [
        new("a delivery is missing", Promise.LiveDelivery, draft => SpoilDelivery(draft, (spot, _) => draft.Remove(spot))),
        new("a delivery comes twice", Promise.LiveDelivery, draft => SpoilDelivery(draft, (spot, e) => draft.InsertBehind(spot, e))),
        new("two deliveries change places", Promise.LiveDelivery, SwapDeliveries),
        new("a Lag names another record", Promise.LiveDelivery, ShiftLag) { IsPure = true },
        new("a delivery of another epoch", Promise.LiveDelivery, draft => SpoilDelivery(draft, (spot, e) => draft[spot] = e with { Epoch = e.Epoch + 1 })),
        new("a delivery without a subscription", Promise.LiveDelivery, DeliverUnasked),
        new("a subscription begins one too late", Promise.Resume, draft => SpoilAnswer(draft, e => e with { First = e.First + 1 })),
        new("a subscription begins again", Promise.Resume, draft => SpoilAnswer(draft, e => e with { First = e.First - 1 })),
        new("the first record behind a resume is missing", Promise.Resume, DropFirstDelivery),
        new("the epoch changed and nobody says so", Promise.Resume, draft => SpoilAnswer(draft, e => e with { Epoch = e.Epoch + 1 })),
        new("a client continues behind what it has", Promise.Resume, draft => MoveCursor(draft, forward: true)),
        new("a client continues before what it has", Promise.MonotonicReads, draft => MoveCursor(draft, forward: false)),
        new("a read misses what its user wrote", Promise.ReadYourWrites, draft => LowerHead(draft, static (known, read) =>
            known.Op == HistoryOp.Publish && known.Phase == HistoryPhase.Ok && known.Process == read.Process)),
        new("a read goes back behind what its device saw", Promise.MonotonicReads, draft => LowerHead(draft, static (known, read) =>
            known.Op == HistoryOp.Deliver && known.Process == read.Process)),
        new("a head goes down", Promise.HeadAndEpoch, draft => LowerHead(draft, static (known, read) =>
            (known.Op == HistoryOp.Deliver || (known.Op == HistoryOp.Publish && known.Phase == HistoryPhase.Ok)) && known.Process != read.Process)),
        new("an epoch goes down", Promise.HeadAndEpoch, LowerEpoch),
        new("a reader never reaches the head", Promise.CatchUp, DropTail),
        new("a reader has a hole", Promise.FanOut, DropDeliveryForGood),
        new("a delivery behind the removal", Promise.Membership, DeliverBehindRemoval),
        new("a page for who was removed", Promise.Membership, FetchBehindRemoval),
        new("a delivery to a stranger", Promise.Membership, DeliverToStranger),
        new("a message of who was removed", Promise.Membership, PublishBehindRemoval),
        new("an acknowledged publish is refused as well", Promise.HonestErrors, RefuseAcknowledged) { IsPure = true },
        new("a refused publish is acknowledged as well", Promise.HonestErrors, AcknowledgeTwice) { IsPure = true },
        new("an acknowledgement for what was not sent", Promise.HonestErrors, SpoilInvoke),
        new("a publish is never answered", Promise.Overload, SpoilAck) { IsPure = true },
    ];

    private static bool IsAck(HistoryEvent e) => e.Op == HistoryOp.Publish && e.Phase == HistoryPhase.Ok;

    private static bool IsInside(Draft draft, Spot spot)
    {
        HistoryEvent e = draft[spot];
        List<HistoryEvent> own = [.. draft.Files[spot.File].Where(other => other.Op is HistoryOp.Deliver or HistoryOp.Subscribe or HistoryOp.Close &&
            other.Process == e.Process && (other.Op == HistoryOp.Close || other.Conversation == e.Conversation))];
        int index = own.FindIndex(other => other.Op == HistoryOp.Deliver && other.Epoch == e.Epoch && other.Sequence == e.Sequence && other.TimeNs == e.TimeNs);
        return index > 0 && index + 1 < own.Count && own[index - 1].Op == HistoryOp.Deliver && own[index + 1].Op == HistoryOp.Deliver;
    }

    private static bool SpoilDelivery(Draft draft, Action<Spot, HistoryEvent> spoil)
    {
        bool isFound = draft.TryPick(static e => e.Op == HistoryOp.Deliver, spot => IsInside(draft, spot), out Spot spot);
        if (isFound)
        {
            spoil(spot, draft[spot]);
        }

        return isFound;
    }

    private static bool SwapDeliveries(Draft draft)
    {
        bool isFound = draft.TryPick(
            static e => e.Op == HistoryOp.Deliver && (byte)e.Kind < MessageKinds.FirstSystemKind,
            spot => IsInside(draft, spot) && draft.Files[spot.File][spot.Index + 1] is { Op: HistoryOp.Deliver } next && next.Process == draft[spot].Process &&
                next.Conversation == draft[spot].Conversation && (byte)next.Kind < MessageKinds.FirstSystemKind,
            out Spot spot);
        if (isFound)
        {
            Spot next = new(spot.File, spot.Index + 1);
            (HistoryEvent first, HistoryEvent second) = (draft[spot], draft[next]);
            draft[spot] = second with { TimeNs = first.TimeNs };
            draft[next] = first with { TimeNs = second.TimeNs };
        }

        return isFound;
    }

    private static bool ShiftLag(Draft draft)
    {
        bool isFound = draft.TryPick(static e => e.Op == HistoryOp.Lag && e.Head >= e.Next, out Spot lag);
        if (isFound)
        {
            draft.Change(lag, static e => e with { Next = e.Next + 1 });
        }

        return isFound;
    }

    private static bool DeliverUnasked(Draft draft)
    {
        if (!draft.TryPick(static e => e is { Op: HistoryOp.Unsubscribe, Phase: HistoryPhase.Ok }, spot => draft.LogOf(draft[spot].Conversation).Records.Count > 0, out Spot spot))
        {
            return false;
        }

        HistoryEvent ended = draft[spot];
        HistoryEvent record = draft[draft.LogOf(ended.Conversation).Records[0]];
        draft.InsertBehind(spot, record with { Op = HistoryOp.Deliver, Request = 0, Connection = ended.Connection, Process = null });
        return true;
    }

    private static bool SpoilAnswer(Draft draft, Func<HistoryEvent, HistoryEvent> spoil)
    {
        bool isFound = draft.TryPick(
            static e => e is { Op: HistoryOp.Subscribe, Phase: HistoryPhase.Ok, Status: HistoryStatus.Resumed, First: > 1 },
            spot => spot.Index > 0 && draft.Files[spot.File][spot.Index - 1].Epoch != 0,
            out Spot answer);
        if (isFound)
        {
            draft.Change(answer, spoil);
        }

        return isFound;
    }

    private static bool DropFirstDelivery(Draft draft)
    {
        bool isFound = draft.TryPick(
            static e => e.Op == HistoryOp.Deliver,
            spot =>
            {
                HistoryEvent e = draft[spot];
                List<HistoryEvent> own = draft.Files[spot.File].FindAll(other => other.Process == e.Process &&
                    (other.Op is HistoryOp.Close or HistoryOp.Connect || (other.Conversation == e.Conversation && other.Op is HistoryOp.Deliver or HistoryOp.Subscribe)));
                int index = own.FindIndex(other => other.Op == HistoryOp.Deliver && other.Sequence == e.Sequence && other.TimeNs == e.TimeNs);
                return index > 0 && index + 1 < own.Count && own[index - 1].Op == HistoryOp.Subscribe && own[index + 1].Op == HistoryOp.Deliver;
            },
            out Spot deliver);
        if (isFound)
        {
            draft.Remove(deliver);
        }

        return isFound;
    }

    private static bool MoveCursor(Draft draft, bool forward)
    {
        // A client that continues: it was connected before, and asks for what it has.
        if (!draft.TryPick(static e => e is { Op: HistoryOp.Subscribe, Phase: HistoryPhase.Invoke, Fresh: false, Cursor: > 0 }, out Spot spot))
        {
            return false;
        }

        long step = forward ? 1 : -1;
        draft.Change(spot, e => e with { Cursor = (ulong)((long)e.Cursor + step) });
        draft.Change(new Spot(spot.File, spot.Index + 1), e => e with { First = (ulong)((long)e.First + step), Head = Math.Max(e.Head, (ulong)((long)e.First + step - 1)) });
        return true;
    }

    private static bool LowerHead(Draft draft, Func<HistoryEvent, HistoryEvent, bool> isKnown)
    {
        HistoryEvent known = default;
        bool isFound = draft.TryPick(
            static e => e is { Op: HistoryOp.Fetch, Phase: HistoryPhase.Ok },
            spot =>
            {
                HistoryEvent read = draft[spot];
                long asked = draft[draft.All(e => e is { Op: HistoryOp.Fetch, Phase: HistoryPhase.Invoke } && e.Request == read.Request && e.Process == read.Process)[0]].TimeNs;
                List<Spot> before = draft.All(e => e.Conversation == read.Conversation && e.TimeNs < asked && isKnown(e, read));
                known = before.Count == 0 ? default : before.Select(other => draft[other]).MaxBy(static e => e.Sequence);
                return known.Sequence > 0;
            },
            out Spot spot);
        if (isFound)
        {
            draft.Change(spot, e => e with { Head = known.Sequence - 1, Complete = false });
        }

        return isFound;
    }

    private static bool LowerEpoch(Draft draft)
    {
        bool isFound = draft.TryPick(
            static e => e is { Op: HistoryOp.Fetch, Phase: HistoryPhase.Ok },
            spot =>
            {
                HistoryEvent read = draft[spot];
                long asked = draft[draft.All(e => e is { Op: HistoryOp.Fetch, Phase: HistoryPhase.Invoke } && e.Request == read.Request && e.Process == read.Process)[0]].TimeNs;
                return draft.All(e => e.Conversation == read.Conversation && e.TimeNs < asked && e.Op == HistoryOp.Deliver).Count > 0;
            },
            out Spot spot);
        if (isFound)
        {
            // What was shown before is made to be of a later epoch, for everybody and from the first line on, and only this read is of the old one.
            draft.ChangeAll(static e => e.Epoch > 0, static e => e with { Epoch = e.Epoch + 1 });
            draft.Change(spot, static e => e with { Epoch = e.Epoch - 1 });
        }

        return isFound;
    }

    private static bool DropTail(Draft draft)
    {
        long healed = draft[draft.All(static e => e is { Op: HistoryOp.Nemesis, Fault: HistoryFault.Heal })[0]].TimeNs;
        if (!draft.TryPick(e => e.Op == HistoryOp.Deliver && e.TimeNs > healed, spot => IsLast(draft, spot), out Spot spot))
        {
            return false;
        }

        draft.Remove(spot);
        return true;
    }

    // The last record of a subscription that stands to the end.
    private static bool IsLast(Draft draft, Spot spot)
    {
        HistoryEvent e = draft[spot];
        return draft.Files[spot.File].Skip(spot.Index + 1).All(other => other.Process != e.Process ||
            !(other.Op is HistoryOp.Close or HistoryOp.Connect || (other.Conversation == e.Conversation && other.Op is HistoryOp.Deliver or HistoryOp.Unsubscribed or HistoryOp.Record)));
    }

    private static bool DropDeliveryForGood(Draft draft)
    {
        bool isFound = draft.TryPick(
            static e => e.Op == HistoryOp.Deliver,
            spot =>
            {
                // The subscription stands to the end, and the process got the record in no other way.
                HistoryEvent e = draft[spot];
                List<HistoryEvent> rest = draft.Files[spot.File].Skip(spot.Index + 1).Where(other => other.Process == e.Process).ToList();
                return rest.Any(other => other.Op == HistoryOp.Deliver && other.Conversation == e.Conversation) &&
                    rest.All(other => other.Op is not (HistoryOp.Close or HistoryOp.Connect) && (other.Conversation != e.Conversation ||
                        other.Op is not (HistoryOp.Subscribe or HistoryOp.Unsubscribe or HistoryOp.Unsubscribed))) &&
                    rest.Any(static other => other.Op == HistoryOp.End) &&
                    draft.All(other => other.Process == e.Process && other.Conversation == e.Conversation && other.Sequence == e.Sequence &&
                        other.Op is HistoryOp.Deliver or HistoryOp.Record).Count == 1;
            },
            out Spot spot);
        if (isFound)
        {
            draft.Remove(spot);
        }

        return isFound;
    }

    private static bool DeliverBehindRemoval(Draft draft)
    {
        bool isFound = draft.TryPick(
            static e => e.Op == HistoryOp.Unsubscribed,
            spot => draft.LogOf(draft[spot].Conversation).Records.Count > (int)draft.Files[spot.File][spot.Index - 1].Sequence,
            out Spot spot);
        if (isFound)
        {
            HistoryEvent removal = draft.Files[spot.File][spot.Index - 1];
            HistoryEvent next = draft[draft.LogOf(removal.Conversation).Records[(int)removal.Sequence]];
            draft.InsertBehind(spot, next with { Op = HistoryOp.Deliver, Request = 0, Connection = removal.Connection, Process = null });
        }

        return isFound;
    }

    /// <summary>A removal that nothing took back, with records behind it, and a client of the removed user that is there to the end.</summary>
    private static bool TryFindRemoval(Draft draft, out HistoryEvent removal, out Spot end, out HistoryEvent behind)
    {
        foreach (Spot spot in draft.All(static e => e is { Op: HistoryOp.Record, Kind: MessageKind.MemberRemoved }))
        {
            HistoryEvent candidate = removal = draft[spot];
            List<Spot> log = draft.LogOf(candidate.Conversation).Records;
            bool isLast = log.TrueForAll(other => draft[other].Sequence <= candidate.Sequence || draft[other].Member != candidate.Member);
            string?[] clients = [.. draft.All(e => e.Op == HistoryOp.Connect && e.User == candidate.Member).Select(other => draft[other].Process)];
            List<Spot> ends = draft.All(e => e.Op == HistoryOp.End && clients.Contains(e.Process));
            if (isLast && ends.Count > 0 && log.Count > (int)candidate.Sequence)
            {
                end = ends[0];
                behind = draft[log[(int)candidate.Sequence]];
                return true;
            }
        }

        removal = behind = default;
        end = default;
        return false;
    }

    private static bool FetchBehindRemoval(Draft draft)
    {
        if (!TryFindRemoval(draft, out HistoryEvent removal, out Spot end, out HistoryEvent behind))
        {
            return false;
        }

        HistoryEvent request = new()
        {
            Op = HistoryOp.Fetch,
            Phase = HistoryPhase.Invoke,
            Conversation = removal.Conversation,
            Request = 100_000,
            Cursor = removal.Sequence,
            Process = draft[end].Process,
        };
        ulong head = (ulong)draft.LogOf(removal.Conversation).Records.Count;
        HistoryEvent answer = request with { Phase = HistoryPhase.Ok, Cursor = 0, Epoch = removal.Epoch, First = behind.Sequence, Last = behind.Sequence, Head = head };
        draft.InsertBehind(new Spot(end.File, end.Index - 1), request, behind with { Request = request.Request, Process = request.Process }, answer);
        return true;
    }

    private static bool PublishBehindRemoval(Draft draft)
    {
        if (!TryFindRemoval(draft, out HistoryEvent removal, out Spot end, out _))
        {
            return false;
        }

        HistoryEvent connect = draft[draft.All(e => e is { Op: HistoryOp.Connect, Phase: HistoryPhase.Ok } && e.Process == draft[end].Process)[0]];
        Spot healed = draft.All(static e => e is { Op: HistoryOp.Nemesis, Fault: HistoryFault.Heal })[0];
        HistoryEvent sent = new()
        {
            Op = HistoryOp.Publish,
            Phase = HistoryPhase.Invoke,
            Conversation = removal.Conversation,
            ClientMessageId = new ClientMessageId(4712),
            Kind = MessageKind.Text,
            Hash = 77,
            Process = connect.Process,
            TimeNs = draft[healed].TimeNs + 1,
        };
        draft.AppendRecord(removal.Conversation, e => e with { User = connect.User, Device = connect.Device, ClientMessageId = sent.ClientMessageId });
        int index = draft.Files[end.File].FindIndex(e => e.TimeNs > sent.TimeNs);
        draft.Files[end.File].Insert(index, sent);
        draft.Files[end.File].Insert(index + 1, sent with
        {
            Phase = HistoryPhase.Ok,
            Kind = MessageKind.None,
            Hash = 0,
            Epoch = removal.Epoch,
            Sequence = (ulong)draft.LogOf(removal.Conversation).Records.Count,
        });
        return true;
    }

    private static bool DeliverToStranger(Draft draft)
    {
        // Whoever is no member from the beginning and is named by no record.
        List<Spot> groups = draft.All(static e => e is { Op: HistoryOp.Conversation, ConversationKind: HistoryKind.Group });
        foreach (Spot spot in draft.All(e => e is { Op: HistoryOp.Connect, Phase: HistoryPhase.Ok }))
        {
            HistoryEvent connect = draft[spot];
            foreach (ConversationId group in groups.Select(other => draft[other].Conversation))
            {
                List<Spot> log = draft.LogOf(group).Records;
                bool isMember = draft.All(e => e.Conversation == group && e.Member == connect.User).Count > 0;
                if (isMember || log.Count == 0)
                {
                    continue;
                }

                HistoryEvent request = new() { Op = HistoryOp.Subscribe, Phase = HistoryPhase.Invoke, Conversation = group, Connection = connect.Connection, Fresh = true };
                HistoryEvent answer = request with { Phase = HistoryPhase.Ok, Fresh = false, Status = HistoryStatus.Resumed, Epoch = 1, First = 1, Head = (ulong)log.Count };
                HistoryEvent first = draft[log[0]] with { Op = HistoryOp.Deliver, Request = 0, Connection = connect.Connection, Process = null };
                draft.InsertBehind(spot, request, answer, first);
                return true;
            }
        }

        return false;
    }

    private static bool RefuseAcknowledged(Draft draft)
    {
        bool isFound = draft.TryPick(IsAck, out Spot ack);
        if (isFound)
        {
            draft.InsertBehind(ack, draft[ack] with { Phase = HistoryPhase.Fail, Epoch = 0, Sequence = 0, Duplicate = false, Code = (ushort)ErrorCode.InvalidText });
        }

        return isFound;
    }

    private static bool AcknowledgeTwice(Draft draft)
    {
        bool isFound = draft.TryPick(IsAck, out Spot ack);
        if (isFound)
        {
            draft.InsertBehind(ack, draft[ack]);
            draft.Change(ack, static e => e with { Phase = HistoryPhase.Fail, Epoch = 0, Sequence = 0, Duplicate = false, Code = (ushort)ErrorCode.InvalidText });
        }

        return isFound;
    }

    private static bool SpoilInvoke(Draft draft)
    {
        bool isFound = draft.TryPick(IsAck, spot => draft.HasOneAttempt(draft[spot]), out Spot ack);
        if (isFound)
        {
            HistoryEvent message = draft[ack];
            draft.Remove(draft.All(e => e is { Op: HistoryOp.Publish, Phase: HistoryPhase.Invoke } && e.ClientMessageId == message.ClientMessageId)[0]);
        }

        return isFound;
    }

    private static bool SpoilAck(Draft draft)
    {
        bool isFound = draft.TryPick(
            IsAck,
            spot => draft.HasOneAttempt(draft[spot]) && draft.All(e => e.Op == HistoryOp.End && e.Process == draft[spot].Process).Count > 0,
            out Spot ack);
        if (isFound)
        {
            draft.Remove(ack);
        }

        return isFound;
    }
}
