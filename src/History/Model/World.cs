using FastChat.Protocol;

namespace FastChat.History;

/// <summary>A process of a history: one logical client.</summary>
internal sealed class ProcessState
{
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>Who is signed in, as numbers of the world; -1 before the first Welcome.</summary>
    public int User { get; set; } = -1;

    public int Author { get; set; } = -1;

    public int Device { get; set; } = -1;

    public int Node { get; set; } = -1;

    public long LastAt { get; set; }

    /// <summary>Where its end stands; none while it runs, and for ever when it was killed.</summary>
    public Place End { get; set; }

    public List<Link> Links { get; } = [];
}

/// <summary>A conversation of a history.</summary>
internal sealed class ConversationState
{
    private readonly Dictionary<uint, RecordTable> _epochs = [];
    private uint _lastEpoch;
    private RecordTable? _lastTable;

    public required int Index { get; init; }

    public required ConversationId Id { get; init; }

    public HistoryKind Kind { get; set; }

    public bool IsClosed { get; set; }

    /// <summary>What stood there before the history: others' records, at least in part.</summary>
    public Position Base { get; set; }

    public bool HasBase { get; set; }

    /// <summary>The furthest position that anybody named so far.</summary>
    public Position Known { get; set; }

    /// <summary><see cref="Known"/> when the faults stopped.</summary>
    public Position KnownAtHeal { get; set; }

    /// <summary>True where only members read.</summary>
    public bool IsClosedToOthers => Kind is HistoryKind.Group or HistoryKind.Direct;

    /// <summary>The records that are no plain messages, as far as anybody saw them.</summary>
    public Dictionary<Position, RecordDetail> Details { get; } = [];

    /// <summary>The readings of the whole log.</summary>
    public List<LogReading> Readings { get; } = [];

    public RecordTable Records(uint epoch)
    {
        if (_lastTable is null || _lastEpoch != epoch)
        {
            if (!_epochs.TryGetValue(epoch, out RecordTable? table))
            {
                _epochs[epoch] = table = new RecordTable();
            }

            _lastTable = table;
            _lastEpoch = epoch;
        }

        return _lastTable;
    }

    /// <summary>True for positions that may be older than the history.</summary>
    public bool IsBefore(Position position) => position.Epoch == Base.Epoch && position.Sequence <= Base.Sequence;
}

/// <summary>A whole log as it was read in the end.</summary>
internal sealed record LogReading(long InvokedAt, uint Epoch, ulong After, ulong Last, IReadOnlyList<(ulong From, ulong To)> Holes, Place Invoke, Place End)
{
    /// <summary>True when the record is missing where the reading passed.</summary>
    public bool Misses(ulong sequence) => sequence > Last || Holes.Any(hole => sequence >= hole.From && sequence <= hole.To);
}

/// <summary>A process and a conversation. Checks keep what they know of the pair under its number.</summary>
internal sealed record Link(int Index, ProcessState Process, ConversationState Conversation);

/// <summary>An event with its names replaced by what they name.</summary>
internal struct Seen
{
    public Place Place;
    public ProcessState? Process;
    public ConversationState? Conversation;
    public Link? Link;

    /// <summary>Number of the message; -1 when the event is about none.</summary>
    public int Message;

    /// <summary>Of a record: everything that observers can compare.</summary>
    public ulong Fingerprint;
}

/// <summary>
/// What the events say together, without judgement. For each event <see cref="Resolve"/> finds what it names, then the checks look at it with the world as it was before,
/// then <see cref="Apply"/> makes it part of the world.
/// </summary>
internal sealed class World
{
    private readonly List<List<ProcessState?>> _processesOfFile = [];
    private readonly Dictionary<ConversationId, ConversationState> _conversations = [];
    private readonly Dictionary<UserId, int> _users = [];
    private readonly Dictionary<DeviceId, int> _devices = [];
    private readonly Dictionary<string, int> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<(UserId User, DeviceId Device), int> _authors = [];
    private readonly Dictionary<long, Link> _links = [];
    private readonly List<int> _userOfAuthor = [];
    private readonly List<bool> _isAuthorRecorded = [];

    public MessageTable Messages { get; } = new();

    public List<ProcessState> Processes { get; } = [];

    public List<ConversationState> Conversations { get; } = [];

    public List<UserId> Users { get; } = [];

    public int LinkCount => _links.Count;

    /// <summary>The operator brought an old state back: what was acknowledged after it may be gone.</summary>
    public bool WasRestored { get; private set; }

    /// <summary>When the faults stopped; 0 while there may be some.</summary>
    public long HealedAt { get; private set; }

    public long Events { get; private set; }

    public long Operations { get; private set; }

    public long Publishes { get; private set; }

    public long UnknownOutcomes { get; private set; }

    /// <summary>Which user an author is.</summary>
    public int UserOf(int author) => _userOfAuthor[author];

    /// <summary>True when the author's own publishes are in the history.</summary>
    public bool IsRecorded(int author) => _isAuthorRecorded[author];

    public int NumberOf(UserId user)
    {
        if (!_users.TryGetValue(user, out int number))
        {
            _users[user] = number = Users.Count;
            Users.Add(user);
        }

        return number;
    }

    public Seen Resolve(in HistoryEvent e, Place place)
    {
        Seen seen = new() { Place = place, Message = -1, Process = e.ProcessIndex < 0 ? null : ProcessOf(place.File, e) };
        if (!e.Conversation.IsNone)
        {
            seen.Conversation = ConversationOf(e.Conversation);
            seen.Link = seen.Process is { } process ? LinkOf(process, seen.Conversation) : null;
        }

        switch (e.Op)
        {
            case HistoryOp.Publish:
                int author = seen.Process!.Author;
                seen.Message = author < 0 ? -1 : Messages.Find(seen.Conversation!.Index, author, e.ClientMessageId);
                break;

            case HistoryOp.Deliver or HistoryOp.Record:
                seen.Fingerprint = FingerprintOf(e);
                if ((byte)e.Kind < MessageKinds.FirstSystemKind)
                {
                    UserId publisher = e.Publisher.Value == 0 ? e.User : e.Publisher;
                    seen.Message = Messages.Find(seen.Conversation!.Index, AuthorOf(publisher, e.Device), e.ClientMessageId);
                }

                break;
        }

        return seen;
    }

    public void Apply(in HistoryEvent e, in Seen seen)
    {
        Events++;
        Operations += e.Phase == HistoryPhase.Invoke ? 1 : 0;
        if (seen.Process is { } process)
        {
            process.LastAt = e.TimeNs;
        }

        switch (e.Op)
        {
            case HistoryOp.Connect when e.Phase == HistoryPhase.Ok:
                SignIn(seen.Process!, e);
                break;

            case HistoryOp.Conversation:
                seen.Conversation!.Kind = e.ConversationKind;
                seen.Conversation.IsClosed |= e.Closed;
                if (!seen.Conversation.HasBase)
                {
                    // A later file of the run finds what the earlier one wrote: only the first word is about what was there before.
                    seen.Conversation.HasBase = true;
                    seen.Conversation.Base = new Position(e.Epoch, e.Head);
                }

                break;

            case HistoryOp.Publish:
                ApplyPublish(e, seen);
                break;

            case HistoryOp.Deliver or HistoryOp.Record:
                ApplyRecord(e, seen);
                break;

            case HistoryOp.Subscribe or HistoryOp.Fetch or HistoryOp.ReadLog when e.Phase == HistoryPhase.Ok:
                Raise(seen.Conversation!, new Position(e.Epoch, e.Head));
                break;

            case HistoryOp.Nemesis:
                ApplyFault(e);
                break;

            case HistoryOp.End:
                seen.Process!.End = seen.Place;
                break;
        }
    }

    private static void Raise(ConversationState conversation, Position position) =>
        conversation.Known = position > conversation.Known ? position : conversation.Known;

    private static ulong FingerprintOf(in HistoryEvent e)
    {
        // Not what the observer knows (time, connection) and not the tombstone: a hash is that of the message before and after it was erased.
        ulong print = e.Hash;
        print = Mix(print, (ulong)e.User.Value);
        print = Mix(print, (ulong)(e.User.Value >> 64));
        print = Mix(print, (ulong)e.Publisher.Value ^ (ulong)(e.Publisher.Value >> 64));
        print = Mix(print, (ulong)e.ClientMessageId.Value);
        print = Mix(print, (ulong)(e.ClientMessageId.Value >> 64));
        print = Mix(print, (ulong)e.Member.Value ^ (ulong)(e.Member.Value >> 64));
        return Mix(print, e.Device.Value ^ ((ulong)e.Kind << 56)) | 1;
    }

    private static ulong Mix(ulong print, ulong value)
    {
        print = (print ^ value) * 0x9E3779B97F4A7C15;
        return print ^ (print >> 29);
    }

    private ProcessState ProcessOf(int file, in HistoryEvent e)
    {
        while (_processesOfFile.Count <= file)
        {
            _processesOfFile.Add([]);
        }

        List<ProcessState?> processes = _processesOfFile[file];
        while (processes.Count <= e.ProcessIndex)
        {
            processes.Add(null);
        }

        if (processes[e.ProcessIndex] is not { } process)
        {
            process = new ProcessState { Index = Processes.Count, Name = e.Process! };
            processes[e.ProcessIndex] = process;
            Processes.Add(process);
        }

        return process;
    }

    private ConversationState ConversationOf(ConversationId id)
    {
        if (!_conversations.TryGetValue(id, out ConversationState? conversation))
        {
            conversation = new ConversationState { Index = Conversations.Count, Id = id };
            _conversations[id] = conversation;
            Conversations.Add(conversation);
        }

        return conversation;
    }

    private Link LinkOf(ProcessState process, ConversationState conversation)
    {
        long key = ((long)process.Index << 32) | (uint)conversation.Index;
        if (!_links.TryGetValue(key, out Link? link))
        {
            _links[key] = link = new Link(_links.Count, process, conversation);
            process.Links.Add(link);
        }

        return link;
    }

    private int AuthorOf(UserId user, DeviceId device)
    {
        if (!_authors.TryGetValue((user, device), out int author))
        {
            _authors[(user, device)] = author = _authors.Count;
            _userOfAuthor.Add(NumberOf(user));
            _isAuthorRecorded.Add(false);
        }

        return author;
    }

    private void SignIn(ProcessState process, in HistoryEvent e)
    {
        process.User = NumberOf(e.User);
        process.Author = AuthorOf(e.User, e.Device);
        process.Device = NumberIn(_devices, e.Device);
        process.Node = NumberIn(_nodes, e.Node ?? string.Empty);
        _isAuthorRecorded[process.Author] = true;
    }

    private void ApplyPublish(in HistoryEvent e, in Seen seen)
    {
        if (seen.Message < 0)
        {
            return;
        }

        ref Message message = ref Messages[seen.Message];
        Attempt? attempt = Messages.AttemptOf(seen.Message, Math.Max(1, e.Attempt));
        switch (e.Phase)
        {
            case HistoryPhase.Invoke:
                Publishes++;
                ApplyInvoke(ref message, e, seen);
                break;

            case HistoryPhase.Ok:
                message.Succeeded++;
                if (attempt is not null)
                {
                    attempt.Succeeded++;
                    attempt.AckEpoch = e.Epoch;
                    attempt.Answer = seen.Place;
                }

                if (message.Ack.IsNone)
                {
                    message.Ack = seen.Place;
                    message.AckedAt = e.TimeNs;
                    message.AckPosition = new Position(e.Epoch, e.Sequence);
                }

                Raise(seen.Conversation!, new Position(e.Epoch, e.Sequence));
                break;

            case HistoryPhase.Fail:
                message.Failed++;
                message.Refusal = seen.Place;
                message.RefusalCode = e.Code;
                if (attempt is not null)
                {
                    attempt.Failed++;
                    attempt.RefusalCode = e.Code;
                    attempt.Answer = attempt.Answer.IsNone ? seen.Place : attempt.Answer;
                }

                break;

            default:
                message.Unknown++;
                UnknownOutcomes++;
                break;
        }
    }

    private void ApplyInvoke(ref Message message, in HistoryEvent e, in Seen seen)
    {
        if (message.Invoked == 0)
        {
            message.Process = seen.Process!.Index;
            message.Hash = e.Hash;
            message.Sender = e.User.Value == 0 ? seen.Process.User : NumberOf(e.User);
        }
        else
        {
            message.Process = message.Process == seen.Process!.Index ? message.Process : -1;
            Messages.AddAttempt(seen.Message, e, seen.Place);
        }

        if (message.Invoked == 0 || (message.Invoked == message.Failed && message.Succeeded == 0))
        {
            // The attempts so far did nothing: the message's life begins here.
            message.InvokedAt = e.TimeNs;
            message.Invoke = seen.Place;
        }

        message.LastInvoke = seen.Place;
        message.Invoked++;
    }

    private void ApplyRecord(in HistoryEvent e, in Seen seen)
    {
        Position position = new(e.Epoch, e.Sequence);
        Raise(seen.Conversation!, position);
        ref RecordEntry entry = ref seen.Conversation!.Records(e.Epoch)[e.Sequence];
        if (entry.Fingerprint == 0)
        {
            entry.Fingerprint = seen.Fingerprint;
            entry.Place = seen.Place;
            entry.Message = seen.Message;
        }

        if (e.Erased && entry.ErasedPlace.IsNone)
        {
            entry.ErasedPlace = seen.Place;
        }

        NoteDetail(e, seen, position);
        if (seen.Message < 0)
        {
            return;
        }

        ref Message message = ref Messages[seen.Message];
        if (message.Record.IsNone)
        {
            message.Record = seen.Place;
            message.RecordAt = e.TimeNs;
            message.RecordPosition = position;
            message.RecordHash = e.Hash;
            message.RecordSender = NumberOf(e.User);
        }
    }

    /// <summary>A record that was erased tells nothing more: what was seen of it before stays.</summary>
    private void NoteDetail(in HistoryEvent e, in Seen seen, Position position)
    {
        if (e.Kind is MessageKind.Text or MessageKind.Opaque)
        {
            return;
        }

        Dictionary<Position, RecordDetail> details = seen.Conversation!.Details;
        bool isKnown = details.TryGetValue(position, out RecordDetail? known);
        if (!isKnown || (known!.IsBlind && !e.Erased))
        {
            details[position] = new RecordDetail
            {
                Kind = e.Kind,
                User = NumberOf(e.User),
                Target = e.Target,
                Erases = e.Erases is { } body && ErasedBody.TryRead(body, out IReadOnlyList<ulong> erased) ? erased : [],
                ReplyTo = e.ReplyTo,
                Thread = e.Thread,
                IsTakenBack = e.TakenBack,
                Content = e.Content,
                Member = e.Member.Value == 0 ? -1 : NumberOf(e.Member),
                Role = (MemberRole)e.Role,
                VisibleFrom = e.VisibleFrom,
                SeenAt = known?.SeenAt ?? e.TimeNs,
                Place = known?.Place ?? seen.Place,
                IsBlind = e.Erased,
            };
        }
    }

    private void ApplyFault(in HistoryEvent e)
    {
        WasRestored |= e.Fault == HistoryFault.Restore;
        HealedAt = e.Fault == HistoryFault.Heal ? e.TimeNs : 0;
        foreach (ConversationState conversation in Conversations)
        {
            conversation.KnownAtHeal = conversation.Known;
        }
    }

    private static int NumberIn<TKey>(Dictionary<TKey, int> numbers, TKey key)
        where TKey : notnull
    {
        if (!numbers.TryGetValue(key, out int number))
        {
            numbers[key] = number = numbers.Count;
        }

        return number;
    }
}
