using FastChat.Protocol;

namespace FastChat.History;

/// <summary>What a process follows of a conversation.</summary>
internal sealed class Following
{
    /// <summary>A subscription stands.</summary>
    public bool IsActive { get; set; }

    public uint Connection { get; set; }

    public uint Epoch { get; set; }

    /// <summary>The record that is due.</summary>
    public ulong Next { get; set; }

    public Place Subscribed { get; set; }

    /// <summary>Where the last record or answer of the subscription stands.</summary>
    public Place LastPlace { get; set; }

    /// <summary>A record has come.</summary>
    public bool IsStarted { get; set; }

    /// <summary>The record that removed the reader; 0 = none.</summary>
    public ulong RemovedAt { get; set; }

    /// <summary>The first record that the application wanted, when it last chose a position.</summary>
    public ulong ChosenFirst { get; set; }

    /// <summary>The furthest record that the process has; none before the first subscription.</summary>
    public Position Has { get; set; }

    public bool HasBegun { get; set; }

    public HistoryEvent Asked { get; set; }

    public Place AskedPlace { get; set; }

    /// <summary>The head when the subscription began: what stands up to it is history, old removals of the reader included.</summary>
    public ulong HeadAtStart { get; set; }

    public bool IsAsked { get; set; }
}

/// <summary>
/// P9: on a connection the records of a subscription are contiguous, in order, once, and a Lag stands where delivery goes on. P10: a subscription continues exactly where it was asked to,
/// or says TRUNCATED or EPOCH_CHANGED and means it; and a client that continues asks for what it does not have. The part of P13 about subscriptions: it does not ask again
/// for what it has. The part of P15 that one subscription shows: nothing follows the record that removed its reader.
/// </summary>
internal sealed class DeliveryCheck : Check
{
    private readonly PerLink<Following> _followings = new();

    public DeliveryCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    /// <summary>What a process follows of a conversation, as of the last event.</summary>
    public Following Of(Link link) => _followings[link];

    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.Subscribe when e.Phase == HistoryPhase.Invoke:
                Ask(e, seen, _followings[seen.Link!]);
                break;

            case HistoryOp.Subscribe when e.Phase == HistoryPhase.Ok:
                Answer(e, seen, _followings[seen.Link!]);
                break;

            case HistoryOp.Subscribe:
                _followings[seen.Link!].IsAsked = false;
                break;

            case HistoryOp.Deliver:
                Deliver(e, seen, _followings[seen.Link!]);
                break;

            case HistoryOp.Lag:
                Lag(e, seen, _followings[seen.Link!]);
                break;

            case HistoryOp.Unsubscribed:
            case HistoryOp.Unsubscribe when e.Phase == HistoryPhase.Ok:
                _followings[seen.Link!].IsActive = false;
                break;

            case HistoryOp.Connect or HistoryOp.Close or HistoryOp.End:
                foreach (Link link in seen.Process!.Links)
                {
                    _followings[link].IsActive = false;
                    _followings[link].IsAsked = false;
                    _followings[link].RemovedAt = 0;
                }

                break;
        }
    }

    private void Ask(in HistoryEvent e, in Seen seen, Following following)
    {
        following.Asked = e;
        following.AskedPlace = seen.Place;
        following.IsAsked = true;
        if (e.Fresh || !following.HasBegun || e.Cursor == LogPosition.Latest || (e.Epoch != 0 && e.Epoch != following.Has.Epoch))
        {
            return;
        }

        Findings.Judge(Promise.Resume);
        Findings.Judge(Promise.MonotonicReads);
        if (e.Cursor > following.Has.Sequence)
        {
            Findings.Report(
                Promise.Resume, $"{e.Process} continues behind {e.Cursor} and has only {following.Has} of conversation {e.Conversation}", following.LastPlace, seen.Place);
        }
        else if (e.Cursor < following.Has.Sequence)
        {
            Findings.Report(
                Promise.MonotonicReads, $"{e.Process} continues behind {e.Cursor} and has {following.Has} of conversation {e.Conversation} already", following.LastPlace, seen.Place);
        }
    }

    private void Answer(in HistoryEvent e, in Seen seen, Following following)
    {
        Findings.Judge(Promise.Resume);
        if (!following.IsAsked)
        {
            Findings.Report(Promise.Resume, $"conversation {e.Conversation}: Subscribed answers no Subscribe", seen.Place);
            return;
        }

        HistoryEvent asked = following.Asked;
        following.IsAsked = false;
        following.RemovedAt = 0;
        string? problem = ProblemOf(asked, e);
        if (problem is not null)
        {
            Findings.Report(Promise.Resume, $"conversation {e.Conversation}, asked for {asked.Epoch}:{asked.Cursor}: {problem}", following.AskedPlace, seen.Place);
        }

        bool isActive = e.Status != HistoryStatus.EpochChanged && e.First > 0;
        following.IsActive = isActive;
        following.IsStarted = false;
        following.HasBegun = isActive;
        if (!isActive)
        {
            return;
        }

        bool isChosen = asked.Fresh || following.ChosenFirst == 0 || following.Epoch != e.Epoch || asked.Cursor == LogPosition.Latest || e.Status == HistoryStatus.Truncated;
        following.ChosenFirst = isChosen ? e.First : following.ChosenFirst;
        following.Connection = e.Connection;
        following.Epoch = e.Epoch;
        following.Next = e.First;
        following.Has = new Position(e.Epoch, e.First - 1);
        following.HeadAtStart = e.Head;
        following.Subscribed = seen.Place;
        following.LastPlace = seen.Place;
    }

    private static string? ProblemOf(in HistoryEvent asked, in HistoryEvent answer)
    {
        bool isOtherEpoch = asked.Epoch != 0 && asked.Epoch != answer.Epoch;
        ulong due = asked.Cursor == LogPosition.Latest ? answer.Head + 1 : asked.Cursor + 1;
        return answer.Status switch
        {
            HistoryStatus.EpochChanged => isOtherEpoch ? null : "EPOCH_CHANGED, and it did not",
            _ when isOtherEpoch => $"the log has epoch {answer.Epoch} now, and the answer does not say EPOCH_CHANGED",
            HistoryStatus.Truncated => answer.First > due ? null : $"TRUNCATED, and first is {answer.First}",
            _ when answer.First != due => $"first is {answer.First} where {due} is due",
            _ when answer.First > answer.Head + 1 => $"first is {answer.First} and the head {answer.Head}",
            _ => null,
        };
    }

    private void Deliver(in HistoryEvent e, in Seen seen, Following following)
    {
        if (following.RemovedAt != 0 && e.Sequence > following.RemovedAt && e.Connection == following.Connection)
        {
            Findings.Judge(Promise.Membership);
            Findings.Report(
                Promise.Membership, $"{e.Process} got record {e.Epoch}:{e.Sequence} of conversation {e.Conversation} behind {following.RemovedAt}, which removed it", following.LastPlace, seen.Place);
            return;
        }

        // Each subscription's first record is what Resume is about, every other one is live delivery.
        Promise promise = following.IsStarted ? Promise.LiveDelivery : Promise.Resume;
        Findings.Judge(promise);
        if (!following.IsActive || e.Connection != following.Connection)
        {
            Findings.Report(Promise.LiveDelivery, $"record {e.Epoch}:{e.Sequence} of conversation {e.Conversation} came without a subscription", seen.Place);
            return;
        }

        if (e.Epoch != following.Epoch || e.Sequence != following.Next)
        {
            Findings.Report(
                promise, $"record {e.Epoch}:{e.Sequence} of conversation {e.Conversation} came where {following.Epoch}:{following.Next} was due", following.LastPlace, seen.Place);
        }

        following.IsStarted = true;
        following.Epoch = e.Epoch;
        following.Next = e.Sequence + 1;
        following.Has = new Position(e.Epoch, e.Sequence);
        following.LastPlace = seen.Place;
        if (e.Kind == MessageKind.MemberRemoved && e.Sequence > following.HeadAtStart && seen.Process!.User >= 0 && World.Users[seen.Process.User] == e.Member)
        {
            Findings.Judge(Promise.Membership);
            following.RemovedAt = e.Sequence;
            following.IsActive = false;
        }
    }

    private void Lag(in HistoryEvent e, in Seen seen, Following following)
    {
        Findings.Judge(Promise.LiveDelivery);
        bool isOwn = following.IsActive && e.Connection == following.Connection;

        // Records that are kept no longer are left out, and it says so: then what comes is behind what was due.
        bool isDue = e.Status == HistoryStatus.Truncated ? e.Next > following.Next : e.Next == following.Next;
        if (isOwn && (e.Epoch != following.Epoch || !isDue || e.Head + 1 < e.Next))
        {
            Findings.Report(
                Promise.LiveDelivery,
                $"conversation {e.Conversation}: Lag says that {e.Epoch}:{e.Next} of {e.Head} is next where {following.Epoch}:{following.Next} was due",
                following.LastPlace,
                seen.Place);
        }

        if (isOwn && e.Status == HistoryStatus.Truncated)
        {
            following.Next = e.Next;
            following.ChosenFirst = e.Next;
            following.Has = new Position(e.Epoch, e.Next - 1);
            following.LastPlace = seen.Place;
        }
    }
}
