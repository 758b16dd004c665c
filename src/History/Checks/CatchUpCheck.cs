namespace FastChat.History;

/// <summary>
/// P11: ten seconds after the faults stopped (or after it subscribed, if that was later) every subscription has brought what was known when they stopped. P18: a process that ends in
/// order after that time has, of every conversation it still follows, each record from the first that it wanted to that head, delivered or fetched.
/// </summary>
internal sealed class CatchUpCheck : Check
{
    private const long PatienceNs = 10_000_000_000;

    private readonly DeliveryCheck _deliveries;
    private readonly PerLink<Progress> _progress = new();
    private readonly List<Link> _links = [];

    public CatchUpCheck(World world, Findings findings, DeliveryCheck deliveries)
        : base(world, findings) => _deliveries = deliveries;

    /// <summary>Comes before <see cref="DeliveryCheck"/> in the line, so that a subscription's end still finds it standing.</summary>
    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.Deliver:
                Progress progress = ProgressOf(seen.Link!);
                progress.Have.Add(e.Epoch, e.Sequence);
                if (progress.Goal != 0 && e.Sequence >= progress.Goal && e.Epoch == progress.GoalEpoch)
                {
                    Settle(progress, e.TimeNs, isReached: true, seen.Place);
                }

                break;

            case HistoryOp.Record when seen.Link is { } link:
                ProgressOf(link).Have.Add(e.Epoch, e.Sequence);
                break;

            case HistoryOp.Subscribe when e.Phase == HistoryPhase.Ok && e.Status != HistoryStatus.EpochChanged:
                ProgressOf(seen.Link!);
                if (World.HealedAt != 0)
                {
                    SetGoal(seen.Link!, e.Epoch, e.First, e.TimeNs, seen.Place, seen.Conversation!.KnownAtHeal);
                }

                break;

            case HistoryOp.Nemesis:
                SeeFault(e, seen);
                break;

            case HistoryOp.Unsubscribed or HistoryOp.Unsubscribe when seen.Link is { } link:
                Settle(ProgressOf(link), e.TimeNs, isReached: false, seen.Place);
                break;

            case HistoryOp.Connect or HistoryOp.Close:
                foreach (Link link in seen.Process!.Links)
                {
                    Settle(ProgressOf(link), e.TimeNs, isReached: false, seen.Place);
                }

                break;

            case HistoryOp.End:
                JudgeEnd(e, seen);
                break;
        }
    }

    public override void Finish()
    {
        foreach (Link link in _links)
        {
            Settle(_progress[link], link.Process.LastAt, isReached: false, default);
        }
    }

    private Progress ProgressOf(Link link)
    {
        Progress progress = _progress[link];
        if (!progress.IsListed)
        {
            progress.IsListed = true;
            progress.Name = link.Process.Name;
            _links.Add(link);
        }

        return progress;
    }

    private void SeeFault(in HistoryEvent e, in Seen seen)
    {
        foreach (Link link in _links)
        {
            Progress progress = _progress[link];
            progress.Goal = 0;
            Following following = _deliveries.Of(link);
            if (e.Fault == HistoryFault.Heal && following.IsActive)
            {
                SetGoal(link, following.Epoch, following.Next, e.TimeNs, seen.Place, link.Conversation.Known);
            }
        }
    }

    private void SetGoal(Link link, uint epoch, ulong next, long at, Place since, Position goal)
    {
        Progress progress = ProgressOf(link);
        progress.Goal = 0;
        if (goal.Epoch != epoch || goal.Sequence == 0)
        {
            return;
        }

        if (next > goal.Sequence)
        {
            Findings.Judge(Promise.CatchUp);
            return;
        }

        progress.Goal = goal.Sequence;
        progress.GoalEpoch = goal.Epoch;
        progress.Deadline = at + PatienceNs;
        progress.Since = since;
    }

    private void Settle(Progress progress, long at, bool isReached, Place place)
    {
        if (progress.Goal != 0 && (isReached || at >= progress.Deadline))
        {
            Findings.Judge(Promise.CatchUp);
            if (at > progress.Deadline)
            {
                string what = isReached ? "reached" : "had not reached";
                Findings.Report(Promise.CatchUp, $"{progress.Name} {what} {progress.GoalEpoch}:{progress.Goal} more than ten seconds after it was time to", progress.Since, place);
            }
        }

        progress.Goal = 0;
    }

    private void JudgeEnd(in HistoryEvent e, in Seen seen)
    {
        bool isAtRest = World.HealedAt != 0 && e.TimeNs >= World.HealedAt + PatienceNs;
        foreach (Link link in seen.Process!.Links)
        {
            Progress progress = ProgressOf(link);
            Settle(progress, e.TimeNs, isReached: false, seen.Place);
            Following following = _deliveries.Of(link);
            Position goal = link.Conversation.KnownAtHeal;
            if (!isAtRest || !following.IsActive || goal.Epoch != following.Epoch || goal.Sequence < following.ChosenFirst)
            {
                continue;
            }

            Findings.Judge(Promise.FanOut);
            ulong missing = progress.Have.FirstMissing(following.Epoch, following.ChosenFirst);
            if (missing <= goal.Sequence)
            {
                Findings.Report(
                    Promise.FanOut,
                    $"{e.Process} follows conversation {link.Conversation.Id} from {following.ChosenFirst} to {goal} and never got {following.Epoch}:{missing}",
                    following.Subscribed,
                    seen.Place);
            }
        }
    }

    private sealed class Progress
    {
        public bool IsListed { get; set; }

        public string Name { get; set; } = string.Empty;

        public Intervals Have { get; } = new();

        public ulong Goal { get; set; }

        public uint GoalEpoch { get; set; }

        public long Deadline { get; set; }

        public Place Since { get; set; }
    }
}

/// <summary>A set of sequences of one epoch, as intervals: readers get runs, so it stays a handful however long they are. A new epoch empties it.</summary>
internal sealed class Intervals
{
    private readonly List<(ulong From, ulong To)> _intervals = [];
    private uint _epoch;

    /// <summary>Adds a sequence.</summary>
    public void Add(uint epoch, ulong sequence)
    {
        if (epoch != _epoch)
        {
            _intervals.Clear();
            _epoch = epoch;
        }

        int last = _intervals.Count - 1;
        if (last >= 0 && sequence == _intervals[last].To + 1)
        {
            _intervals[last] = (_intervals[last].From, sequence);
        }
        else if (last < 0 || sequence < _intervals[last].From || sequence > _intervals[last].To)
        {
            _intervals.Add((sequence, sequence));
        }
    }

    /// <summary>The first sequence from <paramref name="from"/> on that is not in the set.</summary>
    public ulong FirstMissing(uint epoch, ulong from)
    {
        if (epoch != _epoch)
        {
            return from;
        }

        foreach ((ulong start, ulong end) in _intervals.OrderBy(static interval => interval.From))
        {
            from = start <= from && end >= from ? end + 1 : from;
        }

        return from;
    }
}
