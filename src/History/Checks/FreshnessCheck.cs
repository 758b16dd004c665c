namespace FastChat.History;

/// <summary>The furthest position that was known strictly before a moment: events of one nanosecond have no order between processes.</summary>
internal sealed class Floor
{
    private (Position Position, Place Place) _older;
    private (Position Position, Place Place) _newest;
    private long _newestAt = -1;

    /// <summary>The position is known from <paramref name="at"/> on.</summary>
    public void Raise(Position position, long at, Place place)
    {
        if (position <= _newest.Position)
        {
            return;
        }

        if (at > _newestAt)
        {
            _older = _newest;
            _newestAt = at;
        }

        _newest = (position, place);
    }

    /// <summary>What was known before <paramref name="at"/>.</summary>
    public (Position Position, Place Place) Before(long at) => at > _newestAt ? _newest : _older;
}

/// <summary>
/// P12: what a user was acknowledged, a later read of that user reaches. P13: what a device has seen, a later read of that device reaches. P20: what a node has shown to anybody, a later
/// read from it reaches, and so neither its heads nor its epochs go down. One rule for three groups: a read that was asked for at a time shows no less than the group's
/// floor at that time.
/// </summary>
internal sealed class FreshnessCheck : Check
{
    private readonly Dictionary<(Promise, int, int), Floor> _floors = [];
    private readonly PerLink<Floors> _floorsOf = new();
    private readonly Dictionary<(int Process, ulong Request), Pending> _pending = [];

    public FreshnessCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        if (seen.Link is not { } link || link.Process.User < 0)
        {
            return;
        }

        switch (e.Op)
        {
            case HistoryOp.Publish when e.Phase == HistoryPhase.Ok:
                Floors floors = FloorsOf(link);
                floors.User!.Raise(new Position(e.Epoch, e.Sequence), e.TimeNs, seen.Place);
                floors.Node!.Raise(new Position(e.Epoch, e.Sequence), e.TimeNs, seen.Place);
                break;

            case HistoryOp.Deliver:
                floors = FloorsOf(link);
                floors.Device!.Raise(new Position(e.Epoch, e.Sequence), e.TimeNs, seen.Place);
                floors.Node!.Raise(new Position(e.Epoch, e.Sequence), e.TimeNs, seen.Place);
                break;

            case HistoryOp.Lag:
                FloorsOf(link).Node!.Raise(new Position(e.Epoch, e.Head), e.TimeNs, seen.Place);
                break;

            case HistoryOp.Subscribe:
                SeeRead(e, seen, link, ref FloorsOf(link).Subscribing);
                break;

            case HistoryOp.Fetch or HistoryOp.ReadLog:
                (int, ulong) key = (link.Process.Index, e.Request);
                Pending? pending = _pending.GetValueOrDefault(key);
                SeeRead(e, seen, link, ref pending);
                if (pending is null)
                {
                    _pending.Remove(key);
                }
                else
                {
                    _pending[key] = pending;
                }

                break;
        }
    }

    private void SeeRead(in HistoryEvent e, in Seen seen, Link link, ref Pending? pending)
    {
        Floors floors = FloorsOf(link);
        if (e.Phase == HistoryPhase.Invoke)
        {
            pending = new Pending(floors.User!.Before(e.TimeNs), floors.Device!.Before(e.TimeNs), floors.Node!.Before(e.TimeNs), seen.Place, e.Cursor, e.Backward);
            return;
        }

        if (e.Phase == HistoryPhase.Ok && pending is not null)
        {
            // A page that says it is complete claims that nothing lies behind its last record.
            bool isClaim = e.Op == HistoryOp.Fetch && e.Complete && !pending.IsBackward;
            ulong shown = isClaim ? Math.Min(e.Head, Math.Max(e.Last, pending.Cursor)) : e.Head;
            Position position = new(e.Epoch, shown);
            Judge(Promise.ReadYourWrites, pending.User, position, "this user was acknowledged at", e, seen, pending);
            Judge(Promise.MonotonicReads, pending.Device, position, "this device had seen", e, seen, pending);
            Judge(Promise.HeadAndEpoch, pending.Node, position, "somebody had been shown", e, seen, pending);
            floors.Device!.Raise(position, e.TimeNs, seen.Place);
            floors.Node!.Raise(position, e.TimeNs, seen.Place);
        }

        pending = null;
    }

    private void Judge(Promise promise, (Position Position, Place Place) floor, Position shown, string what, in HistoryEvent e, in Seen seen, Pending pending)
    {
        if (floor.Position.IsNone)
        {
            return;
        }

        Findings.Judge(promise);
        if (shown < floor.Position)
        {
            Findings.Report(promise, $"conversation {e.Conversation}: {what} {floor.Position} before, and this read ends at {shown}", floor.Place, pending.Invoke, seen.Place);
        }
    }

    private Floors FloorsOf(Link link)
    {
        Floors floors = _floorsOf[link];
        (int, int, int) identity = (link.Process.User, link.Process.Device, link.Process.Node);
        if (floors.Identity != identity || floors.User is null)
        {
            int conversation = link.Conversation.Index;
            floors.Identity = identity;
            floors.User = FloorOf(Promise.ReadYourWrites, link.Process.User, conversation);
            floors.Device = FloorOf(Promise.MonotonicReads, link.Process.Device, conversation);
            floors.Node = FloorOf(Promise.HeadAndEpoch, link.Process.Node, conversation);
        }

        return floors;
    }

    private Floor FloorOf(Promise promise, int group, int conversation)
    {
        if (!_floors.TryGetValue((promise, group, conversation), out Floor? floor))
        {
            _floors[(promise, group, conversation)] = floor = new Floor();
        }

        return floor;
    }

    private sealed class Floors
    {
        public Pending? Subscribing;

        public (int User, int Device, int Node) Identity { get; set; }

        public Floor? User { get; set; }

        public Floor? Device { get; set; }

        public Floor? Node { get; set; }
    }

    private sealed record Pending(
        (Position Position, Place Place) User, (Position Position, Place Place) Device, (Position Position, Place Place) Node, Place Invoke, ulong Cursor, bool IsBackward);
}
