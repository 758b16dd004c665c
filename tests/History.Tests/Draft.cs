namespace FastChat.History.Tests;

/// <summary>Where an event stands in a draft.</summary>
internal readonly record struct Spot(int File, int Index);

/// <summary>A copy of a good history that a mutator spoils.</summary>
internal sealed class Draft
{
    private readonly Random _random;

    public Draft(IReadOnlyList<IReadOnlyList<HistoryEvent>> files, int seed)
    {
        Files = [.. files.Select(static file => file.ToList())];
        _random = new Random(seed);
    }

    public List<HistoryEvent>[] Files { get; }

    public HistoryEvent this[Spot spot]
    {
        get => Files[spot.File][spot.Index];
        set => Files[spot.File][spot.Index] = value;
    }

    /// <summary>Every spot whose event is of a kind, file by file.</summary>
    public List<Spot> All(Func<HistoryEvent, bool> predicate)
    {
        List<Spot> spots = [];
        for (int file = 0; file < Files.Length; file++)
        {
            for (int index = 0; index < Files[file].Count; index++)
            {
                if (predicate(Files[file][index]))
                {
                    spots.Add(new Spot(file, index));
                }
            }
        }

        return spots;
    }

    /// <summary>A random one of them that also holds in its place.</summary>
    public bool TryPick(Func<HistoryEvent, bool> predicate, Func<Spot, bool> isFit, out Spot spot)
    {
        List<Spot> spots = All(predicate);
        for (int start = _random.Next(spots.Count + 1), i = 0; i < spots.Count; i++)
        {
            spot = spots[(start + i) % spots.Count];
            if (isFit(spot))
            {
                return true;
            }
        }

        spot = default;
        return false;
    }

    public bool TryPick(Func<HistoryEvent, bool> predicate, out Spot spot) => TryPick(predicate, static _ => true, out spot);

    public void Change(Spot spot, Func<HistoryEvent, HistoryEvent> change) => this[spot] = change(this[spot]);

    /// <summary>Changes every event of a kind; how many there were.</summary>
    public int ChangeAll(Func<HistoryEvent, bool> predicate, Func<HistoryEvent, HistoryEvent> change)
    {
        List<Spot> spots = All(predicate);
        spots.ForEach(spot => Change(spot, change));
        return spots.Count;
    }

    public void Remove(Spot spot) => Files[spot.File].RemoveAt(spot.Index);

    /// <summary>Puts events behind a spot, at its time and for its process.</summary>
    public void InsertBehind(Spot spot, params HistoryEvent[] events)
    {
        HistoryEvent before = this[spot];
        Files[spot.File].InsertRange(spot.Index + 1, events.Select(e => e with { TimeNs = before.TimeNs, Process = e.Process ?? before.Process }));
    }

    /// <summary>The last reading of a conversation's log: its records and its end, in the file that holds them.</summary>
    public (List<Spot> Records, Spot End) LogOf(ConversationId conversation)
    {
        Spot end = All(e => e.Op == HistoryOp.ReadLog && e.Phase == HistoryPhase.Ok && e.Conversation == conversation)[^1];
        HistoryEvent last = this[end];
        return ([.. All(e => IsRecordOf(e, last)).Where(spot => spot.File == end.File)], end);
    }

    /// <summary>True when the message was sent once.</summary>
    public bool HasOneAttempt(HistoryEvent e) => All(other => other.Op == HistoryOp.Publish && other.Phase == HistoryPhase.Invoke && other.ClientMessageId == e.ClientMessageId).Count == 1;

    /// <summary>Appends a record to the log as the last reader saw it.</summary>
    public void AppendRecord(ConversationId conversation, Func<HistoryEvent, HistoryEvent> make)
    {
        (List<Spot> records, Spot end) = LogOf(conversation);
        HistoryEvent last = this[end];
        HistoryEvent record = make(new HistoryEvent
        {
            Op = HistoryOp.Record,
            Conversation = conversation,
            Request = last.Request,
            Epoch = last.Epoch,
            Sequence = last.Head + 1,
            Kind = MessageKind.Text,
            Hash = 77,
        });
        Change(end, e => e with { Head = e.Head + 1 });
        InsertBehind(records.Count > 0 ? records[^1] : new Spot(end.File, end.Index - 1), record);
    }

    private static bool IsRecordOf(HistoryEvent e, HistoryEvent reading) =>
        e.Op == HistoryOp.Record && e.Conversation == reading.Conversation && e.Request == reading.Request && e.Process == reading.Process;
}
