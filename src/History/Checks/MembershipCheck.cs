using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// P15 in groups and direct conversations, by positions in the log: who was removed at r and not made a member again gets nothing behind r, by whatever request, and writes nothing there; who never was a member
/// gets nothing. A new member may read the whole history (protocol.md §5.3), so somebody who comes back may also read what lies between: then the time decides, and only what
/// was received before the request to add him was sent is a violation.
/// </summary>
internal sealed class MembershipCheck : Check
{
    // By epoch, for after a restore a removal may never have been; who reads the log again sees what is left of them.
    private readonly Dictionary<(int Conversation, int User, uint Epoch), Standing> _standings = [];
    private readonly HashSet<(int Conversation, int User)> _everMembers = [];
    private readonly Dictionary<(int Conversation, int User), long> _firstAddRequests = [];
    private readonly Dictionary<int, bool> _hasBeginning = [];
    private readonly Dictionary<(int Process, ulong Request), bool> _isLogReading = [];
    private readonly PerLink<Runs> _runs = new();
    private readonly List<Link> _links = [];

    public MembershipCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.Member:
                _everMembers.Add((seen.Conversation!.Index, World.NumberOf(e.Member)));
                _hasBeginning[seen.Conversation!.Index] = true;
                break;

            case HistoryOp.ReadLog when e.Phase == HistoryPhase.Invoke:
                _isLogReading[(seen.Process!.Index, e.Request)] = true;
                break;

            case HistoryOp.AddMember or HistoryOp.RemoveMember:
                SeeRequest(e, seen);
                break;

            case HistoryOp.Deliver or HistoryOp.Record:
                // Roles, mutes, invitations and the end of a ban (kind 130) make nobody a member, and end nobody's membership.
                if (e.Kind is MessageKind.MemberAdded or MessageKind.MemberRemoved && e.Member.Value != 0)
                {
                    StandingOf(seen.Conversation!, World.NumberOf(e.Member), e.Epoch).Change(e.Sequence, e.Kind == MessageKind.MemberAdded, seen.Place);
                }

                bool isOperators = e.Op == HistoryOp.Record && _isLogReading.ContainsKey((seen.Process!.Index, e.Request));
                if (!isOperators && seen.Process!.User >= 0)
                {
                    Receive(e, seen.Link!, seen.Place);
                }

                break;
        }
    }

    public override void Finish()
    {
        foreach (Standing standing in _standings.Values)
        {
            standing.Sort();
        }

        foreach (Link link in _links)
        {
            if (link.Conversation.IsClosedToOthers)
            {
                foreach (Run run in _runs[link].All)
                {
                    JudgeReceived(link, run);
                }
            }
        }

        JudgeSent();
    }

    private Standing StandingOf(ConversationState conversation, int user, uint epoch)
    {
        if (!_standings.TryGetValue((conversation.Index, user, epoch), out Standing? standing))
        {
            _standings[(conversation.Index, user, epoch)] = standing = new Standing();
            _everMembers.Add((conversation.Index, user));
        }

        return standing;
    }

    private void SeeRequest(in HistoryEvent e, in Seen seen)
    {
        if (e.Op == HistoryOp.AddMember && e.Phase == HistoryPhase.Invoke)
        {
            _firstAddRequests.TryAdd((seen.Conversation!.Index, World.NumberOf(e.Member)), e.TimeNs);
        }

        // The answer to a change of members names no epoch; it is the one that everybody knows. Behind a restore nobody may know the new one yet, and then the record itself has to be seen.
        if (e.Epoch == 0 && World.WasRestored)
        {
            return;
        }

        uint epoch = e.Epoch == 0 ? Math.Max(1, seen.Conversation!.Known.Epoch) : e.Epoch;
        Standing standing = StandingOf(seen.Conversation!, World.NumberOf(e.Member), epoch);
        if (e.Op == HistoryOp.AddMember)
        {
            standing.SeeAddition(e.Phase, e.TimeNs, seen.Process!.Index, e.Sequence);
        }

        if (e.Phase == HistoryPhase.Ok && e.Sequence != 0)
        {
            standing.Change(e.Sequence, e.Op == HistoryOp.AddMember, seen.Place);
        }
    }

    private void Receive(in HistoryEvent e, Link link, Place place)
    {
        Runs runs = _runs[link];
        if (runs.All.Count == 0)
        {
            _links.Add(link);
        }

        Run? run = runs.Current;
        bool continues = run is not null && run.IsFetched == (e.Op == HistoryOp.Record) && e.Sequence == run.To + 1 && e.Epoch == run.Epoch;
        if (!continues)
        {
            run = new Run { Epoch = e.Epoch, From = e.Sequence, StartAt = e.TimeNs, StartPlace = place, User = link.Process.User, IsFetched = e.Op == HistoryOp.Record };
            runs.All.Add(run);
            runs.Current = run;
        }

        run!.To = e.Sequence;
        run.EndAt = e.TimeNs;
        run.EndPlace = place;
        if (e.Kind == MessageKind.MemberRemoved)
        {
            // What follows gets a time of its own: that is what a removal is judged by.
            runs.Current = null;
        }
    }

    private void JudgeReceived(Link link, Run run)
    {
        if (!_standings.TryGetValue((link.Conversation.Index, run.User, run.Epoch), out Standing? standing))
        {
            if (_hasBeginning.ContainsKey(link.Conversation.Index) && !run.IsFetched && !_everMembers.Contains((link.Conversation.Index, run.User)))
            {
                Findings.Judge(Promise.Membership);
                Findings.Report(
                    Promise.Membership,
                    $"{link.Process.Name} got {run.Epoch}:{run.From} to {run.To} of group {link.Conversation.Id} and never was a member",
                    run.StartPlace,
                    run.EndPlace);
            }

            return;
        }

        foreach ((ulong removed, Place place, ulong added) in standing.Removals())
        {
            Findings.Judge(Promise.Membership);
            long allowedAt = added == 0 ? long.MaxValue : standing.RequestOf(added);
            bool isWhole = run.From > removed;
            long receivedAt = isWhole ? run.StartAt : run.EndAt;
            if (run.To > removed && receivedAt < allowedAt && !(added == 0 && MayBeUnseen(link.Conversation, run.User, run.Epoch, receivedAt)))
            {
                Findings.Report(
                    Promise.Membership,
                    $"{link.Process.Name} got {run.Epoch}:{Math.Max(run.From, removed + 1)} of group {link.Conversation.Id}, whose record {removed} removed it",
                    place,
                    isWhole ? run.StartPlace : run.EndPlace);
            }
        }
    }

    private void JudgeSent()
    {
        for (int i = 0; i < World.Messages.Count; i++)
        {
            ref Message message = ref World.Messages[i];
            ConversationState conversation = World.Conversations[message.Conversation];
            int user = World.UserOf(message.Author);
            if (message.Record.IsNone || !conversation.IsClosedToOthers || message.RecordSender != user ||
                !_standings.TryGetValue((message.Conversation, user, message.RecordPosition.Epoch), out Standing? standing))
            {
                continue;
            }

            ulong sequence = message.RecordPosition.Sequence;
            foreach ((ulong removed, Place place, ulong added) in standing.Removals())
            {
                Findings.Judge(Promise.Membership);
                if (sequence > removed && (added == 0 ? !MayBeUnseen(conversation, user, message.RecordPosition.Epoch, long.MaxValue) : sequence < added))
                {
                    Findings.Report(
                        Promise.Membership, $"message {message.Id} stands at {message.RecordPosition} of group {conversation.Id}, behind its sender's removal at {removed}", place, message.Record);
                }
            }
        }
    }

    /// <summary>Somebody asked to add them, and the record that did so may have stood in a log that a restored backup has replaced before anybody saw it there.</summary>
    private bool MayBeUnseen(ConversationState conversation, int user, uint epoch, long time) =>
        World.WasRestored && epoch < conversation.Known.Epoch && _firstAddRequests.TryGetValue((conversation.Index, user), out long requested) && requested < time;

    /// <summary>When somebody was a member, by positions.</summary>
    private sealed class Standing
    {
        private readonly List<(ulong Sequence, bool IsAdded, Place Place)> _changes = [];
        private readonly Dictionary<ulong, long> _addRequests = [];
        private readonly Dictionary<int, long> _open = [];
        private long _unknownSince = long.MaxValue;

        /// <summary>
        /// A request to add them. Several may be under way, some never answered, and who asks for what is done already is answered with the record that did it: what wrote a record was sent no earlier than the
        /// first of those that may have.
        /// </summary>
        public void SeeAddition(HistoryPhase phase, long time, int process, ulong sequence)
        {
            if (phase == HistoryPhase.Invoke)
            {
                _open.TryAdd(process, time);
                return;
            }

            if (phase == HistoryPhase.Ok && sequence != 0)
            {
                long first = _open.Values.Append(_unknownSince).Min();
                _addRequests.TryAdd(sequence, first == long.MaxValue ? 0 : first);
            }

            if (_open.Remove(process, out long sent) && phase == HistoryPhase.Info)
            {
                _unknownSince = Math.Min(_unknownSince, sent);
            }
        }

        /// <summary>The earliest time at which the request may have been sent that wrote an added record; 0 = nobody's history says.</summary>
        public long RequestOf(ulong added) => _addRequests.GetValueOrDefault(added);

        public void Change(ulong sequence, bool isAdded, Place place)
        {
            foreach ((ulong known, bool _, Place _) in _changes)
            {
                if (known == sequence)
                {
                    return;
                }
            }

            _changes.Add((sequence, isAdded, place));
        }

        public void Sort() => _changes.Sort(static (left, right) => left.Sequence.CompareTo(right.Sequence));

        /// <summary>Each removal with the record that made him a member again; 0 = none did.</summary>
        public IEnumerable<(ulong Removed, Place Place, ulong Added)> Removals()
        {
            for (int i = 0; i < _changes.Count; i++)
            {
                if (!_changes[i].IsAdded)
                {
                    int next = _changes.FindIndex(i, static change => change.IsAdded);
                    yield return (_changes[i].Sequence, _changes[i].Place, next < 0 ? 0 : _changes[next].Sequence);
                }
            }
        }
    }

    /// <summary>Consecutive records that a process received.</summary>
    private sealed class Run
    {
        public uint Epoch { get; init; }

        public ulong From { get; init; }

        public ulong To { get; set; }

        public long StartAt { get; init; }

        public Place StartPlace { get; init; }

        public long EndAt { get; set; }

        public Place EndPlace { get; set; }

        public int User { get; init; }

        public bool IsFetched { get; init; }
    }

    private sealed class Runs
    {
        public List<Run> All { get; } = [];

        public Run? Current { get; set; }
    }
}
