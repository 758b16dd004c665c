namespace FastChat.History.Tests;

/// <summary>
/// A seeded run of a correct broker in which people do what can be done with messages: edits, deletions, reactions, pins, answers, cursors, lists, blocks, and a newcomer who may not read what was before. One
/// thing after another, so that what was said at any time is known; what may happen at once is <see cref="GoodHistory"/>'s.
/// </summary>
internal sealed class ChatHistory
{
    private static readonly ulong[] s_reactions = [0xA1, 0xB2, 0xC3];

    private readonly Random _random;
    private readonly ConversationId _group = new(101);
    private readonly ConversationId _direct = new(102);
    private readonly Dictionary<ConversationId, List<HistoryEvent>> _logs = [];
    private readonly Dictionary<ConversationId, LogState> _states = [];
    private readonly Dictionary<(ConversationId, int), (ulong Read, ulong Public, ulong Delivered)> _cursors = [];
    private readonly HashSet<(ulong Target, ulong Reaction, int Who)> _reacted = [];
    private readonly List<HistoryEvent> _events = [];
    private ulong _joinedAt;
    private readonly bool _isReader;
    private bool _isBlocked;
    private long _now = 1_000_000;
    private ulong _next = 1000;

    private ChatHistory(int seed)
    {
        _random = new Random(seed);
        foreach ((ConversationId room, HistoryKind kind) in new[] { (_group, HistoryKind.Group), (_direct, HistoryKind.Direct) })
        {
            _logs[room] = [];
            _states[room] = new LogState();
            Add(new HistoryEvent { Op = HistoryOp.Conversation, Conversation = room, ConversationKind = kind, Epoch = 1, Closed = true });
            Add(new HistoryEvent { Op = HistoryOp.Member, Conversation = room, Member = UserOf(0) });
            Add(new HistoryEvent { Op = HistoryOp.Member, Conversation = room, Member = UserOf(1) });
        }

        for (int who = 0; who < 4; who++)
        {
            Add(Of(who, HistoryOp.Connect) with { Phase = HistoryPhase.Invoke });
            Add(Of(who, HistoryOp.Connect) with { Phase = HistoryPhase.Ok, Connection = 1, User = UserOf(who), Device = DeviceOf(who) });
        }

        Subscribe(0, 0, HistoryStatus.Resumed, 1);
        for (int i = 0; i < 160; i++)
        {
            if (i == 60)
            {
                Join();
            }
            else if (i == 110)
            {
                _isReader = true;
                Append(_group, System(MessageKind.MemberChanged, 2) with { Role = (byte)MemberRole.Reader, VisibleFrom = _joinedAt });
            }

            else if (i == 130)
            {
                Revoke();
            }
            else if (i is 20 or 120)
            {
                Publish(3, _group, new HistoryEvent { Kind = MessageKind.Text }, ErrorCode.None);
            }

            Step();
        }

        Finish();
    }

    /// <summary>The only file.</summary>
    public List<HistoryEvent>[] Events => [_events];

    public static ChatHistory Make(int seed) => new(seed);

    public static UserId UserOf(int who) => new((UInt128)(who + 1));

    private static DeviceId DeviceOf(int who) => new((ulong)who + 11);

    private static HistoryEvent Of(int who, HistoryOp op) => new() { Process = $"person-{who}", Op = op };

    private void Add(HistoryEvent e)
    {
        _now += 10;
        _events.Add(e with { TimeNs = _now });
    }

    private HistoryEvent System(MessageKind kind, int member) => new() { Kind = kind, User = UserOf(0), Member = UserOf(member), ClientMessageId = new ClientMessageId(++_next), Hash = ++_next };

    private bool IsMember(int who) => who < 2 || _joinedAt != 0;

    private void Step()
    {
        int who = _random.Next(3);
        ConversationId room = who < 2 && _random.Next(5) == 0 ? _direct : _group;
        if (!IsMember(who))
        {
            return;
        }

        switch (_random.Next(12))
        {
            case < 4:
                Say(who, room);
                break;
            case < 7:
                Change(who, room);
                break;
            case 7:
                MoveCursor(who, room);
                break;
            case 8:
                ListCursors(who, room);
                break;
            case 9:
                ReadInbox(who, room);
                break;
            case 10:
                Fetch(who, room);
                break;
            default:
                if (_random.Next(3) == 0)
                {
                    Block();
                }
                else
                {
                    ReadStates(who, room);
                }

                break;
        }
    }

    private void Say(int who, ConversationId room)
    {
        ulong head = (ulong)_logs[room].Count;
        bool isRich = head > 3 && _random.Next(3) == 0;
        ulong target = isRich ? SomeMessage(room, who) : 0;
        HistoryEvent said = new() { Kind = target == 0 ? MessageKind.Text : MessageKind.Rich, ReplyTo = _random.Next(2) == 0 ? target : 0 };
        said.Thread = said.ReplyTo == 0 ? target : 0;
        bool isRefused = (who == 2 && _isReader) || (room == _direct && who == 1 && _isBlocked);
        Publish(who, room, said, isRefused ? ErrorCode.Forbidden : ErrorCode.None);
    }

    private void Change(int who, ConversationId room)
    {
        ulong target = SomeMessage(room, who);
        if (target == 0 || (room == _direct && _isBlocked && who == 1))
        {
            return;
        }

        bool isOwn = _logs[room][(int)target - 1].User == UserOf(who);
        ulong reaction = s_reactions[_random.Next(s_reactions.Length)];
        switch (_random.Next(8))
        {
            case < 3 when isOwn && !(who == 2 && _isReader):
                Publish(who, room, new HistoryEvent { Kind = MessageKind.Edit, Target = target, Content = ++_next }, ErrorCode.None);
                break;
            case 3 when isOwn:
                Publish(who, room, new HistoryEvent { Kind = MessageKind.Delete, Target = target }, ErrorCode.None);
                break;
            case < 7 when room == _group:
                bool isThere = !_reacted.Add((target, reaction, who));
                _ = isThere && _reacted.Remove((target, reaction, who));
                Publish(who, room, new HistoryEvent { Kind = MessageKind.Reaction, Target = target, Content = reaction, TakenBack = isThere }, ErrorCode.None);
                break;
            default:
                bool isPinned = _states[room].Of(target).PinnedBy != 0;
                Publish(who, room, new HistoryEvent { Kind = MessageKind.Pin, Target = target, TakenBack = isPinned }, ErrorCode.None);
                break;
        }
    }

    private ulong FirstOf(int who, ConversationId room) => who == 2 && room == _group ? _joinedAt : 1;

    /// <summary>A message that is there and that they may read; 0 = none was found.</summary>
    private ulong SomeMessage(ConversationId room, int who)
    {
        for (int i = 0; i < 20 && _logs[room].Count > 0; i++)
        {
            ulong sequence = (ulong)_random.Next(1, _logs[room].Count + 1);
            if (sequence >= FirstOf(who, room) && MessageKinds.IsMessage(_logs[room][(int)sequence - 1].Kind) && _states[room].Of(sequence).DeletedBy == 0)
            {
                return sequence;
            }
        }

        return 0;
    }

    private void Publish(int who, ConversationId room, HistoryEvent body, ErrorCode refusal)
    {
        HistoryEvent asked = Of(who, HistoryOp.Publish) with { Phase = HistoryPhase.Invoke, Conversation = room, ClientMessageId = new ClientMessageId(++_next), Attempt = 1 };
        ulong hash = ++_next;
        Add(asked with { Kind = body.Kind, Hash = hash });
        if (refusal != ErrorCode.None)
        {
            Add(asked with { Phase = HistoryPhase.Fail, Code = (ushort)refusal });
            return;
        }

        Append(room, body with { User = UserOf(who), Device = DeviceOf(who), ClientMessageId = asked.ClientMessageId, Hash = hash });
        Add(asked with { Phase = HistoryPhase.Ok, Epoch = 1, Sequence = (ulong)_logs[room].Count });
    }

    private void Append(ConversationId room, HistoryEvent record)
    {
        record.Conversation = room;
        record.Epoch = 1;
        record.Sequence = (ulong)_logs[room].Count + 1;
        _logs[room].Add(record);
        _states[room].Apply(record);
        if (room == _group)
        {
            Add(record with { Process = "person-0", Op = HistoryOp.Deliver, Connection = 1 });
        }
    }

    /// <summary>A record as it is read now.</summary>
    private HistoryEvent Shown(ConversationId room, ulong sequence)
    {
        HistoryEvent record = _logs[room][(int)sequence - 1];
        ulong message = record.Kind == MessageKind.Edit ? record.Target : sequence;
        bool isGone = (MessageKinds.IsMessage(record.Kind) || record.Kind == MessageKind.Edit) && _states[room].Of(message).DeletedBy != 0;
        return isGone ? record with { Erased = true, Target = 0, ReplyTo = 0, Thread = 0, Content = 0 } : record;
    }

    private void Subscribe(int who, ulong after, HistoryStatus status, ulong first)
    {
        HistoryEvent asked = Of(who, HistoryOp.Subscribe) with { Phase = HistoryPhase.Invoke, Conversation = _group, Connection = 1, Cursor = after, Fresh = true };
        Add(asked);
        Add(asked with { Phase = HistoryPhase.Ok, Cursor = 0, Fresh = false, Status = status, Epoch = 1, First = first, Head = (ulong)_logs[_group].Count });
    }

    private void Join()
    {
        HistoryEvent add = Of(0, HistoryOp.AddMember) with { Phase = HistoryPhase.Invoke, Request = ++_next, Conversation = _group, Member = UserOf(2) };
        Add(add);
        _joinedAt = (ulong)_logs[_group].Count + 1;
        Append(_group, System(MessageKind.MemberAdded, 2) with { Role = (byte)MemberRole.Member, VisibleFrom = _joinedAt });
        Add(add with { Phase = HistoryPhase.Ok, Sequence = _joinedAt });
    }

    private void Fetch(int who, ConversationId room)
    {
        ulong head = (ulong)_logs[room].Count;
        ulong after = Math.Max(FirstOf(who, room) - 1, (ulong)_random.Next((int)head + 1));
        Read(who, room, HistoryOp.Fetch, after, head);
    }

    private void Read(int who, ConversationId room, HistoryOp op, ulong after, ulong head)
    {
        HistoryEvent asked = Of(who, op) with { Phase = HistoryPhase.Invoke, Conversation = room, Request = ++_next, Cursor = after };
        Add(asked);
        for (ulong sequence = after + 1; sequence <= head; sequence++)
        {
            Add(Shown(room, sequence) with { Process = asked.Process, Op = HistoryOp.Record, Request = asked.Request });
        }

        bool isPage = op == HistoryOp.Fetch && after < head;
        Add(asked with { Phase = HistoryPhase.Ok, Cursor = 0, Epoch = 1, First = isPage ? after + 1 : 0, Last = isPage ? head : 0, Head = head, Complete = true });
    }

    private void MoveCursor(int who, ConversationId room)
    {
        (ulong read, ulong known, ulong delivered) = _cursors.GetValueOrDefault((room, who));
        ulong goal = (ulong)_random.Next(1, _logs[room].Count + 2);
        bool isPrivate = _random.Next(3) == 0;
        HistoryEvent asked = Of(who, HistoryOp.MoveCursor) with { Phase = HistoryPhase.Invoke, Request = ++_next, Conversation = room, Read = goal, Private = isPrivate };
        Add(asked);
        if (goal > (ulong)_logs[room].Count)
        {
            Add(asked with { Phase = HistoryPhase.Fail, Private = false, Code = (ushort)ErrorCode.PositionAhead });
            return;
        }

        (ulong Read, ulong Public, ulong Delivered) moved = (Math.Max(read, goal), isPrivate ? known : Math.Max(known, goal), Math.Max(delivered, goal));
        _cursors[(room, who)] = moved;
        Add(asked with { Phase = HistoryPhase.Ok, Private = false, Read = moved.Read, Delivered = moved.Delivered });
    }

    private void ListCursors(int who, ConversationId room)
    {
        HistoryEvent asked = Of(who, HistoryOp.ListCursors) with { Phase = HistoryPhase.Invoke, Request = ++_next, Conversation = room };
        Add(asked);
        for (int member = 0; member < 3; member++)
        {
            if (_cursors.TryGetValue((room, member), out (ulong Read, ulong Public, ulong Delivered) cursor))
            {
                Add(Of(who, HistoryOp.Cursor) with
                {
                    Request = asked.Request,
                    Conversation = room,
                    Member = UserOf(member),
                    Read = member == who ? cursor.Read : cursor.Public,
                    Delivered = cursor.Delivered,
                });
            }
        }

        Add(asked with { Phase = HistoryPhase.Ok });
    }

    private void ReadInbox(int who, ConversationId room)
    {
        (ulong read, ulong _, ulong delivered) = _cursors.GetValueOrDefault((room, who));
        ulong first = FirstOf(who, room);
        HistoryEvent asked = Of(who, HistoryOp.ReadInbox) with { Phase = HistoryPhase.Invoke, Request = ++_next };
        Add(asked);
        Add(Of(who, HistoryOp.Inbox) with
        {
            Request = asked.Request,
            Conversation = room,
            Epoch = 1,
            Head = (ulong)_logs[room].Count,
            Read = read,
            Delivered = delivered,
            VisibleFrom = first == 1 ? 0 : first,
            Unread = (ulong)_logs[room].Count(record =>
                record.Sequence > Math.Max(read, first - 1) && record.User != UserOf(who) && MessageKinds.IsMessage(record.Kind) && !Shown(room, record.Sequence).Erased),
        });
        Add(asked with { Phase = HistoryPhase.Ok });
    }

    private void ReadStates(int who, ConversationId room)
    {
        ulong first = FirstOf(who, room);
        HistoryEvent asked = Of(who, HistoryOp.ReadStates) with { Phase = HistoryPhase.Invoke, Request = ++_next, Conversation = room };
        Add(asked);
        foreach ((ulong sequence, MessageNote note) in _states[room].Notes.Where(note => note.Key >= first && note.Value != new MessageNote()).OrderBy(static note => note.Key))
        {
            Add(Of(who, HistoryOp.State) with
            {
                Request = asked.Request,
                Conversation = room,
                Epoch = 1,
                Sequence = sequence,
                DeletedBy = note.DeletedBy,
                PinnedBy = note.PinnedBy,
                Edits = note.Edits,
                EditedBy = note.EditedBy,
                Content = note.Content,
                Replies = note.Replies,
                InThread = note.InThread,
                Reactions = note.Reactions,
            });
        }

        Add(asked with { Phase = HistoryPhase.Ok, Epoch = 1, Head = (ulong)_logs[room].Count, First = first, Last = ulong.MaxValue });
    }

    private void Block()
    {
        HistoryEvent block = Of(0, HistoryOp.Block) with { Phase = HistoryPhase.Invoke, Member = UserOf(1), TakenBack = _isBlocked };
        Add(block);
        _isBlocked = !_isBlocked;
        Add(block with { Phase = HistoryPhase.Ok });
    }

    /// <summary>The account of a program, who belongs to nobody, ends.</summary>
    private void Revoke()
    {
        HistoryEvent revoke = Of(0, HistoryOp.Revoke) with { Phase = HistoryPhase.Invoke, Member = UserOf(3) };
        Add(revoke);
        Add(revoke with { Phase = HistoryPhase.Ok });
        Add(Of(3, HistoryOp.Close) with { Connection = 1, Code = (ushort)CloseCode.TokenInvalid });
        _now += 2_000_000_000;
    }

    private void Finish()
    {
        Add(new HistoryEvent { Op = HistoryOp.Nemesis, Fault = HistoryFault.Heal });
        _now += 11_000_000_000;
        foreach (ConversationId room in _logs.Keys)
        {
            Read(0, room, HistoryOp.ReadLog, 0, (ulong)_logs[room].Count);
            ReadStates(1, room);
            ReadInbox(1, room);
            ListCursors(0, room);
        }

        for (int who = 0; who < 3; who++)
        {
            Add(Of(who, HistoryOp.End));
        }
    }
}
