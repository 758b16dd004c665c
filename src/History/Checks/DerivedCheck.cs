using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// What a broker keeps beside a log is what the log says. P6 for what became of messages (<see cref="LogState"/>): the state that was read at a head is that of the records up to it. P14 for unread counts:
/// the messages of others between the cursor and the head that are not deleted. Only reads behind whose head nothing can have come before their answer are judged: an answer may know more than its head.
/// </summary>
internal sealed class DerivedCheck : Check
{
    private readonly Dictionary<(int Process, ulong Request), List<HistoryEvent>> _open = [];
    private readonly List<List<Claim>> _claims = [];

    public DerivedCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.ReadStates or HistoryOp.ReadInbox when e.Phase == HistoryPhase.Invoke:
                _open[(seen.Process!.Index, e.Request)] = [];
                break;

            case HistoryOp.State or HistoryOp.Inbox when _open.TryGetValue((seen.Process!.Index, e.Request), out List<HistoryEvent>? states):
                states.Add(e);
                if (e.Op == HistoryOp.Inbox)
                {
                    ClaimsOf(seen.Conversation!).Add(new Claim(e.Epoch, e.Head, e.TimeNs, seen.Place, [e], seen.Process!.User, 0, 0));
                }

                break;

            case HistoryOp.ReadStates or HistoryOp.ReadInbox when _open.Remove((seen.Process!.Index, e.Request), out List<HistoryEvent>? ended) &&
                e is { Op: HistoryOp.ReadStates, Phase: HistoryPhase.Ok }:
                ClaimsOf(seen.Conversation!).Add(new Claim(e.Epoch, e.Head, e.TimeNs, seen.Place, ended, -1, e.First, e.Last));
                break;
        }
    }

    public override void Finish()
    {
        foreach (ConversationState conversation in World.Conversations)
        {
            if (conversation.Index < _claims.Count && conversation.Readings.FindLast(static reading => reading.After == 0 && reading.Holes.Count == 0) is { } log)
            {
                Walk(conversation, log, [.. _claims[conversation.Index].Where(claim => claim.Epoch == log.Epoch && claim.Head <= log.Last).OrderBy(static claim => claim.Head)]);
            }
        }
    }

    private List<Claim> ClaimsOf(ConversationState conversation)
    {
        while (_claims.Count <= conversation.Index)
        {
            _claims.Add([]);
        }

        return _claims[conversation.Index];
    }

    private void Walk(ConversationState conversation, LogReading log, Claim[] claims)
    {
        LogState state = new();
        Waiting waiting = new(log.Last);
        HashSet<ulong> blind = [];
        int next = 0;
        for (ulong sequence = 0; next < claims.Length; sequence++)
        {
            if (sequence > 0)
            {
                Apply(conversation, new Position(log.Epoch, sequence), state, waiting, blind);
            }

            for (; next < claims.Length && claims[next].Head == sequence; next++)
            {
                if (IsStill(conversation, log, claims[next]))
                {
                    Judge(conversation, claims[next], state, waiting, isBlind: blind.Count > 0 && sequence < log.Last);
                }
            }
        }
    }

    private void Apply(ConversationState conversation, Position position, LogState state, Waiting waiting, HashSet<ulong> blind)
    {
        if (!conversation.Details.TryGetValue(position, out RecordDetail? record))
        {
            int message = conversation.Records(position.Epoch)[position.Sequence].Message;
            if (message >= 0)
            {
                waiting.Add(position.Sequence, World.Messages[message].RecordSender);
            }

            return;
        }

        state.Apply(position.Sequence, record);
        if (MessageKinds.IsMessage(record.Kind))
        {
            waiting.Add(position.Sequence, record.User);
        }

        if (record.IsBlind)
        {
            blind.Add(position.Sequence);
        }
        else if (record.Kind is MessageKind.Delete or MessageKind.Expired)
        {
            waiting.Remove(record.Target);
            blind.Remove(record.Target);
        }
        else if (record.Kind == MessageKind.Erased)
        {
            foreach (ulong erased in record.Erases)
            {
                waiting.Remove(erased);
                blind.Remove(erased);
            }
        }
    }

    /// <summary>True when the record behind the head was sent after the answer: then nothing of it is in the answer. Of records that the broker writes nobody knows when.</summary>
    private bool IsStill(ConversationState conversation, LogReading log, Claim claim)
    {
        if (claim.Head == log.Last)
        {
            return true;
        }

        int message = conversation.Records(log.Epoch)[claim.Head + 1].Message;
        return message >= 0 && World.Messages[message].Invoked > 0 && World.Messages[message].InvokedAt > claim.At;
    }

    private void Judge(ConversationState conversation, Claim claim, LogState state, Waiting waiting, bool isBlind)
    {
        if (claim.User >= 0)
        {
            JudgeUnread(conversation, claim, waiting);
            return;
        }

        if (isBlind)
        {
            // Somebody's answer or edit was never seen with its body, and its deletion may stand behind this head. In the end it does not: what was erased was deleted.
            return;
        }

        Findings.Judge(Promise.Agreement);
        HashSet<ulong> told = [];
        foreach (HistoryEvent shown in claim.Shown)
        {
            told.Add(shown.Sequence);
            MessageNote note = state.Of(shown.Sequence);
            MessageNote read = new()
            {
                DeletedBy = shown.DeletedBy,
                PinnedBy = shown.PinnedBy,
                Edits = shown.Edits,
                EditedBy = shown.EditedBy,
                Content = shown.Content,
                Replies = shown.Replies,
                InThread = shown.InThread,
                Reactions = shown.Reactions,
            };
            if (note != read)
            {
                Findings.Report(
                    Promise.Agreement, $"message {claim.Epoch}:{shown.Sequence} of conversation {conversation.Id} at head {claim.Head} is {read}, and its log makes it {note}", claim.Place);
            }
        }

        foreach ((ulong sequence, MessageNote note) in state.Notes)
        {
            if (sequence >= claim.First && sequence <= claim.Last && !told.Contains(sequence) && note != new MessageNote())
            {
                Findings.Report(
                    Promise.Agreement, $"nothing is said of message {claim.Epoch}:{sequence} of conversation {conversation.Id} at head {claim.Head}, and its log makes it {note}", claim.Place);
            }
        }
    }

    private void JudgeUnread(ConversationState conversation, Claim claim, Waiting waiting)
    {
        HistoryEvent shown = claim.Shown[0];
        ulong after = Math.Max(shown.Read, Math.Max(shown.VisibleFrom, 1) - 1);
        ulong due = waiting.Count(after, claim.User);
        Findings.Judge(Promise.Cursors);
        if (due != shown.Unread)
        {
            Findings.Report(
                Promise.Cursors, $"{World.Users[claim.User]} has read {conversation.Id} up to {after} of {claim.Epoch}:{claim.Head}: {due} messages wait, and {shown.Unread} are said to", claim.Place);
        }
    }

    /// <summary>What was said, at which head. First and last: which messages were asked about.</summary>
    private sealed record Claim(uint Epoch, ulong Head, long At, Place Place, List<HistoryEvent> Shown, int User, ulong First, ulong Last);

    /// <summary>The messages that are there, as a tree of sums: adding, taking away and counting take as many steps as the length has digits.</summary>
    private sealed class Waiting(ulong length)
    {
        private readonly int[] _sums = new int[length + 2];
        private readonly Dictionary<ulong, int> _senders = [];
        private readonly Dictionary<int, List<ulong>> _own = [];

        public void Add(ulong sequence, int sender)
        {
            _senders[sequence] = sender;
            if (!_own.TryGetValue(sender, out List<ulong>? own))
            {
                _own[sender] = own = [];
            }

            own.Add(sequence);
            Change(sequence, 1);
        }

        public void Remove(ulong sequence)
        {
            if (_senders.Remove(sequence))
            {
                Change(sequence, -1);
            }
        }

        /// <summary>Those of others behind a sequence.</summary>
        public ulong Count(ulong after, int reader)
        {
            int count = SumTo((ulong)_sums.Length - 1) - SumTo(Math.Min(after, (ulong)_sums.Length - 2) + 1);
            int own = _own.TryGetValue(reader, out List<ulong>? sequences) ? sequences.Count(sequence => sequence > after && _senders.ContainsKey(sequence)) : 0;
            return (ulong)(count - own);
        }

        private void Change(ulong sequence, int change)
        {
            for (ulong i = sequence + 1; i < (ulong)_sums.Length; i += i & (~i + 1))
            {
                _sums[i] += change;
            }
        }

        private int SumTo(ulong end)
        {
            int sum = 0;
            for (ulong i = end; i > 0; i -= i & (~i + 1))
            {
                sum += _sums[i];
            }

            return sum;
        }
    }
}
