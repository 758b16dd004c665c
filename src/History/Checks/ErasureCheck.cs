using FastChat.Protocol;

namespace FastChat.History;

/// <summary>
/// P17: once anybody was told that a message is deleted (by the acknowledgement, or by reading the record that says so), no read that is asked for afterwards brings its body, nor that of an edit of it. What was
/// under way before may. The other way round, a part of P1: a body that is gone was deleted by a record of its log.
/// </summary>
internal sealed class ErasureCheck : Check
{
    private readonly PerLink<Asked> _subscribed = new();
    private readonly Dictionary<(int Process, ulong Request), long> _asked = [];

    public ErasureCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.Subscribe when e.Phase == HistoryPhase.Invoke:
                _subscribed[seen.Link!].At = e.TimeNs;
                break;

            case HistoryOp.Fetch or HistoryOp.ReadLog when e.Phase == HistoryPhase.Invoke:
                _asked[(seen.Process!.Index, e.Request)] = e.TimeNs;
                break;

            case HistoryOp.Fetch or HistoryOp.ReadLog:
                _asked.Remove((seen.Process!.Index, e.Request));
                break;

            case HistoryOp.Deliver when !e.Erased:
                Note(e, seen, _subscribed[seen.Link!].At);
                break;

            case HistoryOp.Record when !e.Erased && _asked.TryGetValue((seen.Process!.Index, e.Request), out long asked):
                Note(e, seen, asked);
                break;
        }
    }

    public override void Finish()
    {
        foreach (ConversationState conversation in World.Conversations)
        {
            Dictionary<Position, Position> deletions = [];
            foreach ((Position position, RecordDetail record) in conversation.Details)
            {
                if (record.Kind is MessageKind.Delete or MessageKind.Expired && record.Target != 0)
                {
                    deletions[new Position(position.Epoch, record.Target)] = position;
                    Judge(conversation, position, record.Target, record);
                }

                foreach (ulong erased in record.Erases)
                {
                    deletions.TryAdd(new Position(position.Epoch, erased), position);
                    Judge(conversation, position, erased, record);
                }
            }

            foreach ((Position position, RecordDetail record) in conversation.Details)
            {
                // Edits that came before the deletion go with the message; behind it there is none.
                if (record.Kind == MessageKind.Edit && record.Target != 0 && deletions.TryGetValue(new Position(position.Epoch, record.Target), out Position by) && position < by)
                {
                    Judge(conversation, by, position.Sequence, conversation.Details[by]);
                }
            }

            JudgeErased(conversation, deletions);
        }
    }

    private static void Note(ConversationState conversation, in HistoryEvent e, Place place, long asked)
    {
        ref RecordEntry entry = ref conversation.Records(e.Epoch)[e.Sequence];
        if (asked > entry.WholeAskedAt)
        {
            entry.WholeAskedAt = asked;
            entry.WholePlace = place;
        }
    }

    private static void Note(in HistoryEvent e, in Seen seen, long asked) => Note(seen.Conversation!, e, seen.Place, asked);

    private void Judge(ConversationState conversation, Position by, ulong sequence, RecordDetail deletion)
    {
        RecordTable records = conversation.Records(by.Epoch);
        int message = records[by.Sequence].Message;
        (long knownAt, Place known) = (deletion.SeenAt, deletion.Place);
        if (message >= 0 && World.Messages[message] is { Ack.IsNone: false } deleting && deleting.AckPosition == by && deleting.AckedAt < knownAt)
        {
            (knownAt, known) = (deleting.AckedAt, deleting.Ack);
        }

        RecordEntry entry = records[sequence];
        if (entry.Fingerprint == 0)
        {
            return;
        }

        Findings.Judge(Promise.Erasure);
        if (entry.WholeAskedAt > knownAt)
        {
            Findings.Report(
                Promise.Erasure,
                $"record {by.Epoch}:{sequence} of conversation {conversation.Id} was deleted by {by.Sequence}, and a read that was asked for later brings its body",
                known,
                entry.WholePlace);
        }
    }

    /// <summary>In a log that was read from its first record on, every deletion is known.</summary>
    private void JudgeErased(ConversationState conversation, Dictionary<Position, Position> deletions)
    {
        LogReading? whole = conversation.Readings.FindLast(static reading => reading.After == 0 && reading.Holes.Count == 0);
        for (ulong sequence = 1; whole is not null && sequence <= whole.Last; sequence++)
        {
            RecordEntry entry = conversation.Records(whole.Epoch)[sequence];
            Position position = new(whole.Epoch, sequence);
            if (entry.ErasedPlace.IsNone || deletions.ContainsKey(position))
            {
                continue;
            }

            bool isEdit = conversation.Details.TryGetValue(position, out RecordDetail? record) && record.Kind == MessageKind.Edit;
            if (!isEdit || (!record!.IsBlind && !deletions.ContainsKey(new Position(whole.Epoch, record.Target))))
            {
                Findings.Judge(Promise.Durable);
                Findings.Report(Promise.Durable, $"the body of record {position} of conversation {conversation.Id} is gone, and no record deleted it", entry.Place, entry.ErasedPlace);
            }
        }
    }

    private sealed class Asked
    {
        public long At { get; set; }
    }
}
