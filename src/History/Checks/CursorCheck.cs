using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// P14: a cursor never goes back (what was answered or seen before a read was asked for is not more than what it shows), is never where nobody asked it to be, nor where others were not to know, never passes
/// the head, and is moved by members only. One thing moves it without being asked: who becomes a member has read, in private, up to the record that says so. After a restored backup cursors are as old as the backup, and nothing is judged.
/// </summary>
internal sealed class CursorCheck : Check
{
    private readonly Dictionary<(int Conversation, int User, ulong Thread), Cursors> _cursors = [];
    private readonly Dictionary<(int Process, ulong Request), Asked> _asked = [];
    private readonly Dictionary<(int Conversation, int User), Belonging> _belongings = [];
    private readonly List<(int Conversation, ulong Sequence, long At, Place Place)> _moved = [];
    private readonly List<(int Conversation, int User, ulong Sequence, FormattableString Problem, Place Place)> _joined = [];

    public CursorCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        if (seen.Process is not { User: >= 0 } process)
        {
            return;
        }

        switch (e.Op)
        {
            case HistoryOp.MoveCursor or HistoryOp.ListCursors or HistoryOp.ReadInbox when e.Phase == HistoryPhase.Invoke:
                _asked[(process.Index, e.Request)] = new Asked(e, seen.Place, e.Op == HistoryOp.MoveCursor ? BelongingOf(seen.Conversation!.Index, process.User).Changes : 0);
                if (e.Op == HistoryOp.MoveCursor)
                {
                    CursorsOf(seen.Conversation!, process.User, e.Thread).Ask(e);
                }

                break;

            case HistoryOp.MoveCursor when _asked.Remove((process.Index, e.Request), out Asked? asked) && e.Phase == HistoryPhase.Ok && !World.WasRestored:
                SeeMoved(e, seen, asked);
                break;

            case HistoryOp.Cursor when _asked.TryGetValue((process.Index, e.Request), out Asked? asked) && !World.WasRestored:
                int member = World.NumberOf(e.Member);
                See(e, seen, asked, CursorsOf(seen.Conversation!, member, asked.Event.Thread), member);
                break;

            case HistoryOp.Inbox when _asked.TryGetValue((process.Index, e.Request), out Asked? asked) && !World.WasRestored:
                See(e, seen, asked, CursorsOf(seen.Conversation!, process.User, 0), process.User);
                break;

            case HistoryOp.ListCursors or HistoryOp.ReadInbox:
                _asked.Remove((process.Index, e.Request));
                break;

            case HistoryOp.AddMember:
                BelongingOf(seen.Conversation!.Index, World.NumberOf(e.Member)).SeeAddition(e.Phase);
                break;

            case HistoryOp.RemoveMember:
                BelongingOf(seen.Conversation!.Index, World.NumberOf(e.Member)).SeeRemoval(e, (process.Index, e.Request), seen.Place);
                break;
        }
    }

    public override void Finish()
    {
        JudgeJoined();
        foreach ((int index, ulong sequence, long at, Place place) in _moved)
        {
            ConversationState conversation = World.Conversations[index];
            if (conversation.Readings.Count == 0 || sequence == 0)
            {
                continue;
            }

            LogReading log = conversation.Readings[^1];
            Findings.Judge(Promise.Cursors);
            int message = sequence > log.Last ? -1 : conversation.Records(log.Epoch)[sequence].Message;
            bool isSentLater = message >= 0 && World.Messages[message] is { Invoked: > 0 } sent && sent.InvokedAt > at;
            if (sequence > log.Last || isSentLater)
            {
                Findings.Report(Promise.Cursors, $"a cursor of conversation {conversation.Id} was at {sequence} before there was such a record", place, log.End);
            }
        }
    }

    /// <summary>Where a cursor was that nobody had moved there, the member must have become one.</summary>
    private void JudgeJoined()
    {
        foreach ((int index, int user, ulong sequence, FormattableString problem, Place place) in _joined)
        {
            ConversationState conversation = World.Conversations[index];
            bool hasJoined = conversation.Details.Any(one => one.Key.Sequence == sequence && one.Value.Kind == MessageKind.MemberAdded && one.Value.Member == user);
            if (!hasJoined)
            {
                Findings.Report(Promise.Cursors, problem, place);
            }
        }
    }

    private void SeeMoved(in HistoryEvent e, in Seen seen, Asked asked)
    {
        ConversationState conversation = seen.Conversation!;
        int user = seen.Process!.User;
        Cursors cursors = CursorsOf(conversation, user, asked.Event.Thread);
        See(e, seen, asked, cursors, user);
        if (e.Read < asked.Event.Read || e.Delivered < Math.Max(asked.Event.Delivered, asked.Event.Read))
        {
            Findings.Report(Promise.Cursors, $"{e.Process} moved its cursor in {e.Conversation} to {asked.Event.Read} and was told {e.Read}", asked.Place, seen.Place);
        }

        if (!asked.Event.Private)
        {
            cursors.Public.Raise(asked.Event.Read, e.TimeNs, seen.Place);
        }

        _moved.Add((conversation.Index, Math.Max(e.Read, e.Delivered), e.TimeNs, seen.Place));
        Belonging belonging = BelongingOf(conversation.Index, user);
        if (belonging.IsOut && belonging.Changes == asked.Changes)
        {
            Findings.Report(Promise.Cursors, $"{e.Process} moved a cursor in {e.Conversation}, from which it had been removed", belonging.RemovedPlace, seen.Place);
        }
    }

    private void See(in HistoryEvent e, in Seen seen, Asked asked, Cursors cursors, int member)
    {
        bool isOwn = member == seen.Process!.User;
        Findings.Judge(Promise.Cursors);
        (ulong read, Place readPlace) = (isOwn ? cursors.Own : cursors.Public).Before(asked.Event.TimeNs);
        (ulong delivered, Place deliveredPlace) = cursors.Delivered.Before(asked.Event.TimeNs);
        if (e.Read < read)
        {
            Findings.Report(Promise.Cursors, $"a cursor of conversation {e.Conversation} was at {read} and is at {e.Read}", readPlace, seen.Place);
        }
        else if (e.Delivered < delivered)
        {
            Findings.Report(Promise.Cursors, $"conversation {e.Conversation} had arrived up to {delivered} and has up to {e.Delivered}", deliveredPlace, seen.Place);
        }
        else if (!isOwn && e.Read > cursors.PublicAsked)
        {
            Findings.Report(Promise.Cursors, $"a cursor of conversation {e.Conversation} is at {e.Read}, where others were not to know of it", seen.Place);
        }
        else if ((isOwn && e.Read > cursors.ReadAsked) || e.Delivered > cursors.DeliveredAsked)
        {
            FormattableString problem = $"a cursor of conversation {e.Conversation} is at {e.Read}, arrived {e.Delivered}, where nobody moved it";
            if (isOwn && e.Read > cursors.ReadAsked)
            {
                _joined.Add((seen.Conversation!.Index, member, e.Read, problem, seen.Place));
            }

            if (e.Delivered > cursors.DeliveredAsked)
            {
                _joined.Add((seen.Conversation!.Index, member, e.Delivered, problem, seen.Place));
            }
        }

        (isOwn ? cursors.Own : cursors.Public).Raise(e.Read, e.TimeNs, seen.Place);
        cursors.Delivered.Raise(e.Delivered, e.TimeNs, seen.Place);
    }

    private Cursors CursorsOf(ConversationState conversation, int user, ulong thread)
    {
        if (!_cursors.TryGetValue((conversation.Index, user, thread), out Cursors? cursors))
        {
            _cursors[(conversation.Index, user, thread)] = cursors = new Cursors();
        }

        return cursors;
    }

    private Belonging BelongingOf(int conversation, int user)
    {
        if (!_belongings.TryGetValue((conversation, user), out Belonging? belonging))
        {
            _belongings[(conversation, user)] = belonging = new Belonging();
        }

        return belonging;
    }

    private sealed record Asked(HistoryEvent Event, Place Place, int Changes);

    /// <summary>What is known of a cursor.</summary>
    private sealed class Cursors
    {
        public Rises Own { get; } = new();

        public Rises Public { get; } = new();

        public Rises Delivered { get; } = new();

        public ulong ReadAsked { get; private set; }

        public ulong PublicAsked { get; private set; }

        public ulong DeliveredAsked { get; private set; }

        public void Ask(in HistoryEvent e)
        {
            ReadAsked = Math.Max(ReadAsked, e.Read);
            PublicAsked = e.Private ? PublicAsked : Math.Max(PublicAsked, e.Read);
            DeliveredAsked = Math.Max(DeliveredAsked, Math.Max(e.Read, e.Delivered));
        }
    }

    /// <summary>When a value that only rises was known to be how much.</summary>
    private sealed class Rises
    {
        private readonly List<(long At, ulong Value, Place Place)> _rises = [];

        public void Raise(ulong value, long at, Place place)
        {
            if (_rises.Count == 0 || value > _rises[^1].Value)
            {
                _rises.Add((at, value, place));
            }
        }

        /// <summary>What was known strictly before a moment.</summary>
        public (ulong Value, Place Place) Before(long at)
        {
            int low = 0;
            int high = _rises.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                (low, high) = _rises[middle].At < at ? (middle + 1, high) : (low, middle);
            }

            return low == 0 ? (0, default) : (_rises[low - 1].Value, _rises[low - 1].Place);
        }
    }

    /// <summary>
    /// Whether somebody is certainly no member: a removal was answered, and from before it was asked for until now nobody has asked to make them one. A request of which nobody knows what became may be done at
    /// any time later, and then nothing is certain any more.
    /// </summary>
    private sealed class Belonging
    {
        private readonly Dictionary<(int Process, ulong Request), int> _removals = [];
        private int _open;

        public bool IsOut { get; private set; }

        /// <summary>Counts the requests to make them a member, and the removals.</summary>
        public int Changes { get; private set; }

        public Place RemovedPlace { get; private set; }

        public void SeeAddition(HistoryPhase phase)
        {
            if (phase == HistoryPhase.Invoke)
            {
                _open++;
                Changes++;
                IsOut = false;
            }
            else if (phase != HistoryPhase.Info)
            {
                _open--;
            }
        }

        public void SeeRemoval(in HistoryEvent e, (int Process, ulong Request) request, Place place)
        {
            if (e.Phase == HistoryPhase.Invoke)
            {
                _removals[request] = _open == 0 ? Changes : -1;
            }
            else if (_removals.Remove(request, out int changes) && e.Phase == HistoryPhase.Ok && changes == Changes)
            {
                Changes++;
                IsOut = true;
                RemovedPlace = place;
            }
        }
    }
}
