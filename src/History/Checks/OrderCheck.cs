using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// P7 and P8. The log gives the order, so neither needs a search: in the order of positions, from the last to the first, keep the earliest acknowledgement (P8: the earliest last
/// attempt of the same process) of what stands behind; a message that was sent later than that stands too early. A message that nobody acknowledged counts with its record,
/// for it was sent too. What stands below the head that the history began with is left out: it may have been stored by an earlier run.
/// </summary>
internal sealed class OrderCheck : Check
{
    private const int None = -1;

    /// <summary>Records that made somebody a member.</summary>
    private readonly Dictionary<(int Conversation, int User), HashSet<Position>> _additions = [];

    /// <summary>Of messages to groups: what anybody knew of the conversation when they were sent first.</summary>
    private readonly Dictionary<int, Position> _knownAtInvoke = [];

    public OrderCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        if (e.Op == HistoryOp.Publish && e.Phase == HistoryPhase.Invoke && seen.Conversation!.Kind == HistoryKind.Group)
        {
            _knownAtInvoke.TryAdd(seen.Message, seen.Conversation.Known);
        }
        else if (e.Op is HistoryOp.Deliver or HistoryOp.Record && e.Kind == MessageKind.MemberAdded && e.Member.Value != 0)
        {
            (int Conversation, int User) key = (seen.Conversation!.Index, World.NumberOf(e.Member));
            if (!_additions.TryGetValue(key, out HashSet<Position>? known))
            {
                _additions[key] = known = [];
            }

            known.Add(new Position(e.Epoch, e.Sequence));
        }
    }

    public override void Finish()
    {
        (int[] starts, int[] messages) = ByConversation();
        int[] ofProcess = new int[World.Processes.Count];
        Position[] positions = [];
        for (int conversation = 0; conversation < World.Conversations.Count; conversation++)
        {
            Span<int> own = messages.AsSpan(starts[conversation], starts[conversation + 1] - starts[conversation]);
            if (positions.Length < own.Length)
            {
                positions = new Position[own.Length];
            }

            for (int i = 0; i < own.Length; i++)
            {
                positions[i] = PositionOf(World.Messages[own[i]]);
            }

            positions.AsSpan(0, own.Length).Sort(own);
            Judge(own, positions, ofProcess);
        }
    }

    private static Position PositionOf(in Message message) => message.Ack.IsNone ? message.RecordPosition : message.AckPosition;

    /// <summary>The messages that were sent here and have a position, conversation by conversation.</summary>
    private (int[] Starts, int[] Messages) ByConversation()
    {
        int[] starts = new int[World.Conversations.Count + 1];
        for (int i = 0; i < World.Messages.Count; i++)
        {
            ref Message message = ref World.Messages[i];
            starts[message.Conversation + 1] += IsJudged(message) ? 1 : 0;
        }

        for (int i = 1; i < starts.Length; i++)
        {
            starts[i] += starts[i - 1];
        }

        int[] next = [.. starts];
        int[] messages = new int[starts[^1]];
        for (int i = 0; i < World.Messages.Count; i++)
        {
            ref Message message = ref World.Messages[i];
            if (IsJudged(message))
            {
                messages[next[message.Conversation]++] = i;
            }
        }

        return (starts, messages);
    }

    private bool IsJudged(in Message message)
    {
        Position position = PositionOf(message);
        return message.Invoked > 0 && !position.IsNone && !World.Conversations[message.Conversation].IsBefore(position);
    }

    private void Judge(ReadOnlySpan<int> messages, ReadOnlySpan<Position> positions, int[] ofProcess)
    {
        int earliestAck = None;
        Array.Fill(ofProcess, None);
        for (int i = messages.Length - 1; i >= 0; i--)
        {
            ref Message message = ref World.Messages[messages[i]];
            bool isPair = i + 1 < messages.Length && positions[i].Epoch == positions[i + 1].Epoch;
            if (!isPair)
            {
                // Epochs are different logs: after a restore the order begins anew.
                earliestAck = None;
                Array.Fill(ofProcess, None);
            }

            JudgeRealTime(message, positions[i], earliestAck);
            if (message.Process >= 0)
            {
                JudgeSender(message, positions[i], ofProcess[message.Process]);
                int before = ofProcess[message.Process];
                if (before < 0 || message.LastInvoke.Line < World.Messages[before].LastInvoke.Line)
                {
                    ofProcess[message.Process] = messages[i];
                }
            }

            if (!message.Ack.IsNone && (earliestAck < 0 || message.AckedAt < World.Messages[earliestAck].AckedAt))
            {
                earliestAck = messages[i];
            }
        }
    }

    private void JudgeRealTime(in Message message, Position position, int earliestAck)
    {
        if (earliestAck < 0)
        {
            return;
        }

        Findings.Judge(Promise.RealTimeOrder);
        ref Message later = ref World.Messages[earliestAck];
        if (later.AckedAt < message.InvokedAt)
        {
            Findings.Report(
                Promise.RealTimeOrder,
                $"message {message.Id} stands at {position}, before {later.Id} at {PositionOf(later)}, which was acknowledged before it was sent",
                later.Ack,
                message.Invoke,
                message.Ack.IsNone ? message.Record : message.Ack);
        }
    }

    /// <summary>
    /// Its sender was made a member between its sending and <paramref name="position"/>: a first attempt may have been refused before that, the refusal lost with the connection, and the repeated one
    /// was decided anew (protocol.md §6.1).
    /// </summary>
    private bool MayHaveBeenRefused(int number, Position position)
    {
        ref Message message = ref World.Messages[number];
        if (!_knownAtInvoke.TryGetValue(number, out Position known) || !_additions.TryGetValue((message.Conversation, World.UserOf(message.Author)), out HashSet<Position>? additions))
        {
            return false;
        }

        foreach (Position addition in additions)
        {
            if (addition.Epoch == position.Epoch && addition.Sequence < position.Sequence && addition > known)
            {
                return true;
            }
        }

        return false;
    }

    private void JudgeSender(in Message message, Position position, int earliestLater)
    {
        if (earliestLater < 0)
        {
            return;
        }

        Findings.Judge(Promise.SenderOrder);
        ref Message later = ref World.Messages[earliestLater];
        if (later.LastInvoke.Line < message.Invoke.Line && !MayHaveBeenRefused(earliestLater, position))
        {
            Findings.Report(
                Promise.SenderOrder,
                $"{World.Processes[message.Process].Name} sent {later.Id} before {message.Id}, and they stand at {PositionOf(later)} and {position}",
                later.LastInvoke,
                message.Invoke,
                later.Ack.IsNone ? later.Record : later.Ack);
        }
    }
}
