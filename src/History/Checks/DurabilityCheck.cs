namespace FastChat.History;

/// <summary>
/// P1: every publish that was acknowledged before a log was read in the end is in it, at the acknowledged position, with the same bytes. P5: a page and a whole log are dense, and a
/// whole log reaches its head. After a restored backup a loss is no violation: the operator chose it and the epoch says so.
/// </summary>
internal sealed class DurabilityCheck : Check
{
    private readonly Dictionary<(int Process, ulong Request), Reading> _readings = [];

    public DurabilityCheck(World world, Findings findings)
        : base(world, findings)
    {
    }

    public override void See(in HistoryEvent e, in Seen seen)
    {
        switch (e.Op)
        {
            case HistoryOp.Fetch or HistoryOp.ReadLog when e.Phase == HistoryPhase.Invoke:
                _readings[(seen.Process!.Index, e.Request)] = new Reading(e, seen.Place);
                break;

            case HistoryOp.Record when _readings.TryGetValue((seen.Process!.Index, e.Request), out Reading? reading):
                Findings.Judge(Promise.Dense);
                Take(e, seen, reading);
                break;

            case HistoryOp.Record:
                Findings.Report(Promise.Dense, $"record {e.Epoch}:{e.Sequence} belongs to request {e.Request}, which was not made", seen.Place);
                break;

            case HistoryOp.Fetch or HistoryOp.ReadLog when _readings.Remove((seen.Process!.Index, e.Request), out Reading? ended) && e.Phase == HistoryPhase.Ok:
                End(e, seen, ended);
                break;
        }
    }

    public override void Finish()
    {
        for (int i = 0; i < World.Messages.Count; i++)
        {
            ref Message message = ref World.Messages[i];
            if (message.Ack.IsNone)
            {
                continue;
            }

            ConversationState conversation = World.Conversations[message.Conversation];
            foreach (LogReading reading in conversation.Readings)
            {
                if (message.AckedAt < reading.InvokedAt && message.AckPosition.Sequence > reading.After)
                {
                    JudgeStored(i, message, conversation, reading);
                }
            }
        }
    }

    private void JudgeStored(int index, in Message message, ConversationState conversation, LogReading reading)
    {
        ulong sequence = message.AckPosition.Sequence;
        if (message.AckPosition.Epoch != reading.Epoch && World.WasRestored)
        {
            return;
        }

        Findings.Judge(Promise.Durable);
        if (reading.Misses(sequence))
        {
            Findings.Report(
                Promise.Durable,
                $"publish {message.Id} was acknowledged at {message.AckPosition} and is not in the log of conversation {conversation.Id}, which was read to {reading.Epoch}:{reading.Last}",
                message.Invoke,
                message.Ack,
                reading.End);
            return;
        }

        RecordEntry entry = conversation.Records(reading.Epoch)[sequence];
        if (entry.Message != index)
        {
            Findings.Report(
                Promise.Durable, $"publish {message.Id} was acknowledged at {message.AckPosition}, where another message stands", message.Invoke, message.Ack, entry.Place);
        }
        else if (message.Hash != 0 && message.RecordHash != message.Hash && !World.Messages.Retried.ContainsKey(index))
        {
            Findings.Report(Promise.Durable, $"publish {message.Id} was acknowledged and is stored with other bytes", message.Invoke, message.Ack, message.Record);
        }
    }

    private void Take(in HistoryEvent e, in Seen seen, Reading reading)
    {
        if (seen.Conversation!.Id != reading.Start.Conversation)
        {
            Findings.Report(Promise.NoPhantom, $"a reading of conversation {reading.Start.Conversation} brings a record of {e.Conversation}", reading.Invoke, seen.Place);
            return;
        }

        if (reading.Epoch != 0 && reading.Epoch != e.Epoch)
        {
            Findings.Report(Promise.Dense, $"two records of one reading are of the epochs {reading.Epoch} and {e.Epoch}", reading.LastPlace, seen.Place);
        }
        else if (reading.Next != 0 && e.Sequence != reading.Next)
        {
            string what = e.Sequence > reading.Next ? "is missing" : "comes again";
            ulong which = e.Sequence > reading.Next ? reading.Next : e.Sequence;
            Findings.Report(Promise.Dense, $"record {e.Epoch}:{which} of conversation {e.Conversation} {what}: {e.Sequence} follows {reading.Next - 1}", reading.LastPlace, seen.Place);
        }

        if (e.Sequence > reading.Next && reading.Next != 0)
        {
            reading.Holes.Add((reading.Next, e.Sequence - 1));
        }

        reading.First = reading.First == 0 ? e.Sequence : reading.First;
        reading.Next = Math.Max(reading.Next, e.Sequence + 1);
        reading.Epoch = e.Epoch;
        reading.LastPlace = seen.Place;
    }

    private void End(in HistoryEvent e, in Seen seen, Reading reading)
    {
        Findings.Judge(Promise.Dense);
        bool isLog = e.Op == HistoryOp.ReadLog;
        ulong after = reading.Start.Cursor;
        ulong last = reading.First == 0 ? (isLog ? after : 0) : reading.Next - 1;
        if (!isLog && (e.First != reading.First || e.Last != last))
        {
            Findings.Report(Promise.Dense, $"a page of {e.First} to {e.Last} brought {reading.First} to {last}", reading.Invoke, seen.Place);
        }
        else if (!isLog && reading.First != 0 && (reading.Start.Backward ? last >= after : reading.First <= after))
        {
            string side = reading.Start.Backward ? "before" : "behind";
            Findings.Report(Promise.Dense, $"a page {side} {after} holds {reading.First} to {last}", reading.Invoke, seen.Place);
        }

        if (!isLog)
        {
            return;
        }

        // What a log keeps no longer is not missing, if it says so; what it begins with then is what it said.
        ulong kept = e.Status == HistoryStatus.Truncated ? Math.Max(e.First, after + 1) : after + 1;
        after = kept - 1;
        last = reading.First == 0 ? after : last;
        if (reading.First > after + 1)
        {
            Findings.Report(Promise.Dense, $"the log of conversation {e.Conversation} begins with {reading.First}, not with {kept}", reading.Invoke, seen.Place);
            reading.Holes.Add((after + 1, reading.First - 1));
        }

        if (last != Math.Max(e.Head, after))
        {
            Findings.Report(Promise.Dense, $"the log of conversation {e.Conversation} ends with {last}, and its head is {e.Head}", reading.Invoke, seen.Place);
        }

        seen.Conversation!.Readings.Add(new LogReading(reading.Start.TimeNs, e.Epoch, after, last, reading.Holes, reading.Invoke, seen.Place));
    }

    private sealed class Reading
    {
        public Reading(in HistoryEvent start, Place place)
        {
            Start = start;
            Invoke = place;
            LastPlace = place;
        }

        public HistoryEvent Start { get; }

        public Place Invoke { get; }

        public uint Epoch { get; set; }

        public ulong First { get; set; }

        public ulong Next { get; set; }

        public Place LastPlace { get; set; }

        public List<(ulong From, ulong To)> Holes { get; } = [];
    }
}
