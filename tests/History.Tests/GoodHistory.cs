namespace FastChat.History.Tests;

/// <summary>What a generated history contains, so that a seed that exercises nothing is noticed.</summary>
internal sealed class Coverage
{
    public int Retries { get; set; }

    public int Reconnects { get; set; }

    public int Joins { get; set; }

    public int Leaves { get; set; }

    public int Pipelined { get; set; }

    public int Crashes { get; set; }

    public bool IsWhole => Retries > 0 && Reconnects > 0 && Joins > 0 && Leaves > 0 && Pipelined > 0 && Crashes > 0;
}

/// <summary>
/// A seeded run of a correct broker and its clients, as their histories: everything that may legally happen, in an arbitrary order. Files hold one or two clients; the first
/// also what was done to the broker.
/// </summary>
internal sealed class GoodHistory
{
    private const int Files = 3;

    private readonly Random _random;
    private readonly List<ModelLog> _logs = [];
    private readonly List<ModelClient> _clients = [];
    private readonly bool _hasRestore;
    private long _now = 1_000_000;
    private ulong _bodies;

    private GoodHistory(int seed, int steps)
    {
        _random = new Random(seed);
        _hasRestore = seed % 5 == 0;
        Events = [.. Enumerable.Range(0, Files).Select(static _ => new List<HistoryEvent>())];
        Prepare();
        for (int i = 0; i < steps; i++)
        {
            Step();
        }

        Crash(HistoryFault.Kill);
        for (int i = 0; i < steps / 4; i++)
        {
            Step();
        }

        Finish();
    }

    /// <summary>The events of each file, without the first line.</summary>
    public List<HistoryEvent>[] Events { get; }

    public Coverage Coverage { get; } = new();

    public static GoodHistory Make(int seed, int steps = 600) => new(seed, steps);

    private void Add(int file, HistoryEvent e)
    {
        // Some events share a nanosecond, as they do where the clock is coarse or simulated.
        _now += _random.Next(8) == 0 ? 0 : _random.Next(1, 2000);
        e.TimeNs = _now;
        Events[file].Add(e);
    }

    private void Add(ModelClient client, HistoryEvent e)
    {
        e.Process = client.Name;
        Add(client.File, e);
    }

    private UInt128 NextId() => new((ulong)_random.NextInt64() | 1, (ulong)_random.NextInt64() | 1);

    private T Pick<T>(IReadOnlyList<T> list) => list[_random.Next(list.Count)];

    private void Prepare()
    {
        UserId[] users = [.. Enumerable.Range(0, 4).Select(_ => new UserId(NextId()))];
        for (int i = 0; i < 6; i++)
        {
            // Two clients of one user; each has a device of its own.
            _clients.Add(new ModelClient { Name = $"client-{i}", File = i % Files, User = users[i % users.Length], Device = new DeviceId((ulong)_random.NextInt64() | 1) });
        }

        for (int i = 0; i < 3; i++)
        {
            ModelLog log = new() { Conversation = new ConversationId(NextId()), IsGroup = i != 0 };
            _logs.Add(log);
            Add(0, new HistoryEvent { Op = HistoryOp.Conversation, Conversation = log.Conversation, ConversationKind = log.IsGroup ? HistoryKind.Group : HistoryKind.Public, Closed = true });
            foreach (UserId user in log.IsGroup ? users.Take(3) : [])
            {
                log.Members.Add(user);
                Add(0, new HistoryEvent { Op = HistoryOp.Member, Conversation = log.Conversation, Member = user });
            }
        }

        _clients.ForEach(Connect);
    }

    private void Step()
    {
        ModelClient client = Pick(_clients);
        if (client.IsDead)
        {
            return;
        }

        if (!client.IsConnected)
        {
            if (_random.Next(3) == 0)
            {
                Connect(client);
            }

            return;
        }

        switch (_random.Next(100))
        {
            case < 22:
                Publish(client);
                break;
            case < 44:
                Take(client);
                break;
            case < 60:
                Answer(client);
                break;
            case < 82:
                DeliverSome(client);
                break;
            case < 87:
                SubscribeSomewhere(client);
                break;
            case < 91:
                Fetch(client);
                break;
            case < 93:
                ChangeMembers(client);
                break;
            case < 95:
                Again(client);
                break;
            case < 97:
                Lag(client);
                break;
            case < 98:
                Disconnect(client);
                break;
            case 98 when _random.Next(4) == 0:
                Crash(_hasRestore && _random.Next(2) == 0 ? HistoryFault.Restore : HistoryFault.Kill);
                break;
            case 99 when _random.Next(20) == 0 && client != _clients[0]:
                client.IsDead = true;
                client.IsConnected = false;
                client.Subscriptions.Clear();
                break;
        }
    }

    private bool CanRead(ModelClient client, ModelLog log) => !log.IsGroup || log.Members.Contains(client.User);

    private void Publish(ModelClient client)
    {
        ModelLog log = Pick(_logs);
        if (!CanRead(client, log))
        {
            return;
        }

        bool isForAnother = client.File == 0 && !log.IsGroup && _random.Next(4) == 0;
        Send(client, new ModelPublish
        {
            Log = log,
            Id = new ClientMessageId(NextId()),
            Hash = (++_bodies * 0x9E3779B97F4A7C15) | 1,
            OnBehalfOf = isForAnother ? Pick(_clients).User : default,
        });
    }

    private void Send(ModelClient client, ModelPublish publish)
    {
        Coverage.Pipelined += client.Pipe.Count > 0 ? 1 : 0;
        client.Pipe.Add(publish);
        Add(client, Of(publish, HistoryPhase.Invoke) with { Kind = MessageKind.Text, Hash = publish.Hash, User = publish.OnBehalfOf });
    }

    private static HistoryEvent Of(ModelPublish publish, HistoryPhase phase) => new()
    {
        Op = HistoryOp.Publish,
        Phase = phase,
        Conversation = publish.Log.Conversation,
        ClientMessageId = publish.Id,
        Attempt = publish.Attempt,
    };

    private void Take(ModelClient client)
    {
        if (client.Pipe.Count == 0)
        {
            return;
        }

        ModelPublish publish = client.Pipe[0];
        client.Pipe.RemoveAt(0);
        client.Answers.Add((publish, AnswerTo(client, publish)));
    }

    private HistoryEvent AnswerTo(ModelClient client, ModelPublish publish)
    {
        ModelLog log = publish.Log;
        if (log.Dedupe.TryGetValue((client.Device, publish.Id), out ulong known))
        {
            return log.Records[(int)known - 1].Hash == publish.Hash
                ? Of(publish, HistoryPhase.Ok) with { Epoch = log.Epoch, Sequence = known, Duplicate = true }
                : Of(publish, HistoryPhase.Fail) with { Code = (ushort)ErrorCode.IdConflict };
        }

        ErrorCode refusal = !CanRead(client, log) ? ErrorCode.NoSuchConversation : _random.Next(25) switch { 0 => ErrorCode.Overloaded, 1 => ErrorCode.InvalidText, _ => ErrorCode.None };
        if (refusal != ErrorCode.None)
        {
            return Of(publish, HistoryPhase.Fail) with { Code = (ushort)refusal };
        }

        UserId sender = publish.OnBehalfOf.Value == 0 ? client.User : publish.OnBehalfOf;
        UserId publisher = sender == client.User ? default : client.User;
        ulong sequence = log.Append(new ModelRecord(sender, publisher, client.Device, publish.Id, MessageKind.Text, publish.Hash, default));
        return Of(publish, HistoryPhase.Ok) with { Epoch = log.Epoch, Sequence = sequence };
    }

    private void Answer(ModelClient client)
    {
        if (client.Answers.Count == 0)
        {
            return;
        }

        // Answers of different conversations may overtake each other.
        (ModelPublish publish, HistoryEvent answer) = client.Answers[0];
        int other = _random.Next(client.Answers.Count);
        if (client.Answers.Take(other).All(entry => entry.Publish.Log != client.Answers[other].Publish.Log))
        {
            (publish, answer) = client.Answers[other];
        }

        client.Answers.RemoveAll(entry => entry.Publish == publish);
        if (answer.Phase == HistoryPhase.Ok)
        {
            publish.Log.Show(answer.Sequence);
            client.Acknowledged.Add(publish);
        }

        Add(client, answer);
        if (answer.Code == (ushort)ErrorCode.Overloaded)
        {
            Retry(client, publish, publish.Hash);
        }
    }

    private void Retry(ModelClient client, ModelPublish publish, ulong hash)
    {
        Coverage.Retries++;
        Send(client, new ModelPublish { Log = publish.Log, Id = publish.Id, Hash = hash, OnBehalfOf = publish.OnBehalfOf, Attempt = ++publish.Attempt });
    }

    private void Again(ModelClient client)
    {
        // The same id once more, long after it was acknowledged: with the same body, or wrongly with another.
        if (client.Acknowledged.Count > 0)
        {
            ModelPublish publish = Pick(client.Acknowledged);
            if (client.Pipe.Concat(client.Answers.Select(static entry => entry.Publish)).All(other => other.Id != publish.Id))
            {
                client.Acknowledged.Remove(publish);
                Retry(client, publish, _random.Next(3) == 0 ? publish.Hash + 2 : publish.Hash);
            }
        }
    }

    private void DeliverSome(ModelClient client)
    {
        if (client.Subscriptions.Count == 0)
        {
            return;
        }

        ModelSubscription subscription = Pick(client.Subscriptions);
        for (int i = _random.Next(1, 6); i > 0 && client.Subscriptions.Contains(subscription); i--)
        {
            Deliver(client, subscription);
        }
    }

    private void Deliver(ModelClient client, ModelSubscription subscription)
    {
        ModelLog log = subscription.Log;
        if (subscription.Next > Math.Min(log.Head, subscription.Through))
        {
            return;
        }

        ulong sequence = log.Show(subscription.Next++);
        Add(client, log.Records[(int)sequence - 1].Show(HistoryOp.Deliver, log, sequence) with { Connection = client.Connections });
        client.Positions[log] = (log.Epoch, sequence);
        if (sequence == subscription.Through)
        {
            client.Subscriptions.Remove(subscription);
            client.Positions.Remove(log);
            Add(client, new HistoryEvent { Op = HistoryOp.Unsubscribed, Conversation = log.Conversation, Connection = client.Connections });
        }
    }

    private void Lag(ModelClient client)
    {
        if (client.Subscriptions.Count > 0)
        {
            ModelSubscription subscription = Pick(client.Subscriptions);
            ModelLog log = subscription.Log;
            Add(client, new HistoryEvent
            {
                Op = HistoryOp.Lag,
                Conversation = log.Conversation,
                Connection = client.Connections,
                Epoch = log.Epoch,
                Next = subscription.Next,
                Head = log.Show(log.Head),
            });
        }
    }

    private void SubscribeSomewhere(ModelClient client)
    {
        ModelLog log = Pick(_logs);
        if (client.Subscriptions.Exists(subscription => subscription.Log == log))
        {
            if (_random.Next(4) == 0)
            {
                HistoryEvent request = new() { Op = HistoryOp.Unsubscribe, Phase = HistoryPhase.Invoke, Conversation = log.Conversation, Connection = client.Connections };
                Add(client, request);
                client.Subscriptions.RemoveAll(subscription => subscription.Log == log);
                client.Positions.Remove(log);
                Add(client, request with { Phase = HistoryPhase.Ok });
            }

            return;
        }

        if (CanRead(client, log))
        {
            ulong after = _random.Next(5) switch { 0 => LogPosition.Latest, 1 => (ulong)_random.Next((int)log.Head + 1), _ => 0 };
            Subscribe(client, log, log.Epoch, after, isFresh: true);
        }
    }

    private void Subscribe(ModelClient client, ModelLog log, uint epoch, ulong after, bool isFresh)
    {
        HistoryEvent request = new()
        {
            Op = HistoryOp.Subscribe,
            Phase = HistoryPhase.Invoke,
            Conversation = log.Conversation,
            Connection = client.Connections,
            Epoch = epoch,
            Cursor = after,
            Fresh = isFresh,
        };
        Add(client, request);
        HistoryEvent answer = request with { Phase = HistoryPhase.Ok, Epoch = log.Epoch, Cursor = 0, Fresh = false, Status = HistoryStatus.Resumed };
        if (epoch != log.Epoch)
        {
            Add(client, answer with { Status = HistoryStatus.EpochChanged, Head = log.Show(log.Head) });
            client.Positions.Remove(log);
            Subscribe(client, log, log.Epoch, 0, isFresh: true);
            return;
        }

        ulong first = (after == LogPosition.Latest ? log.Head : after) + 1;
        client.Subscriptions.Add(new ModelSubscription { Log = log, Epoch = log.Epoch, Next = first });
        client.Positions[log] = (log.Epoch, first - 1);
        Add(client, answer with { First = first, Head = log.Show(log.Head) });
    }

    private void Fetch(ModelClient client)
    {
        ModelLog log = Pick(_logs);
        if (CanRead(client, log))
        {
            bool backward = _random.Next(3) == 0;
            int after = _random.Next((int)log.Head + 1);
            int count = _random.Next(1, 8);
            ulong from = backward ? (ulong)Math.Max(1, after - count) : (ulong)after + 1;
            ulong to = backward ? (ulong)Math.Max(0, after - 1) : Math.Min(log.Head, (ulong)(after + count));
            Read(client, log, HistoryOp.Fetch, (ulong)after, backward, from, to);
        }
    }

    private void Read(ModelClient client, ModelLog log, HistoryOp op, ulong cursor, bool backward, ulong from, ulong to)
    {
        HistoryEvent request = new()
        {
            Op = op,
            Phase = HistoryPhase.Invoke,
            Conversation = log.Conversation,
            Request = ++client.Requests,
            Epoch = log.Epoch,
            Cursor = cursor,
            Backward = backward,
        };
        Add(client, request);
        for (ulong sequence = from; sequence <= to; sequence++)
        {
            Add(client, log.Records[(int)log.Show(sequence) - 1].Show(HistoryOp.Record, log, sequence) with { Request = request.Request });
        }

        bool isEmpty = to < from;
        bool isComplete = backward ? isEmpty || from == 1 : Math.Max(cursor, to) >= log.Head;
        Add(client, request with
        {
            Phase = HistoryPhase.Ok,
            Cursor = 0,
            Backward = false,
            First = isEmpty || op == HistoryOp.ReadLog ? 0 : from,
            Last = isEmpty || op == HistoryOp.ReadLog ? 0 : to,
            Head = log.Show(log.Head),
            Complete = op == HistoryOp.Fetch && isComplete,
        });
    }

    private void ChangeMembers(ModelClient client)
    {
        ModelLog log = Pick(_logs);
        if (!log.IsGroup)
        {
            return;
        }

        UserId member = Pick(_clients).User;
        bool isAdded = !log.Members.Contains(member);
        if (!isAdded && log.Members.Count <= 1)
        {
            return;
        }

        HistoryEvent request = new()
        {
            Op = isAdded ? HistoryOp.AddMember : HistoryOp.RemoveMember,
            Phase = HistoryPhase.Invoke,
            Conversation = log.Conversation,
            Member = member,
        };
        Add(client, request);
        MessageKind kind = isAdded ? MessageKind.MemberAdded : MessageKind.MemberRemoved;
        ulong sequence = log.Append(new ModelRecord(client.User, default, default, default, kind, (++_bodies * 0x9E3779B97F4A7C15) | 1, member));
        Coverage.Joins += isAdded ? 1 : 0;
        Coverage.Leaves += isAdded ? 0 : 1;
        foreach (ModelClient other in _clients.Where(other => !isAdded && other.User == member))
        {
            foreach (ModelSubscription subscription in other.Subscriptions.Where(subscription => subscription.Log == log))
            {
                subscription.Through = Math.Min(subscription.Through, sequence);
            }
        }

        if (_random.Next(2) == 0)
        {
            DeliverSome(Pick(_clients));
        }

        Add(client, request with { Phase = HistoryPhase.Ok, Sequence = log.Show(sequence) });
    }

    private void Connect(ModelClient client)
    {
        Add(client, new HistoryEvent { Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke });
        if (client.Connections > 0 && _random.Next(8) == 0)
        {
            Add(client, new HistoryEvent { Op = HistoryOp.Connect, Phase = HistoryPhase.Fail });
            return;
        }

        client.IsConnected = true;
        Coverage.Reconnects += client.Connections > 0 ? 1 : 0;
        Add(client, new HistoryEvent { Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = ++client.Connections, User = client.User, Device = client.Device });
        foreach ((ModelLog log, (uint epoch, ulong sequence)) in client.Positions.ToArray())
        {
            if (CanRead(client, log))
            {
                Subscribe(client, log, epoch, sequence, isFresh: false);
            }
            else
            {
                client.Positions.Remove(log);
            }
        }

        foreach (ModelPublish publish in client.Unanswered.ToArray())
        {
            Retry(client, publish, publish.Hash);
        }

        client.Unanswered.Clear();
    }

    private void Disconnect(ModelClient client)
    {
        client.IsConnected = false;
        client.Subscriptions.Clear();

        // Of what was not taken, some is taken nevertheless: it was in the broker's buffers.
        for (int i = _random.Next(client.Pipe.Count + 1); i > 0; i--)
        {
            Take(client);
        }

        Add(client, new HistoryEvent { Op = HistoryOp.Close, Connection = client.Connections, Code = (ushort)CloseCode.Normal });
        client.Unanswered.AddRange(client.Answers.Select(static entry => entry.Publish).Concat(client.Pipe));
        foreach (ModelPublish publish in client.Unanswered)
        {
            Add(client, Of(publish, HistoryPhase.Info));
        }

        client.Answers.Clear();
        client.Pipe.Clear();
    }

    private void Crash(HistoryFault fault)
    {
        Add(0, new HistoryEvent { Op = HistoryOp.Nemesis, Fault = fault });
        Coverage.Crashes++;
        foreach (ModelClient client in _clients.Where(static client => client.IsConnected))
        {
            Disconnect(client);
        }

        foreach (ModelLog log in _logs)
        {
            if (fault == HistoryFault.Restore)
            {
                log.Restore(_random);
            }
            else
            {
                log.Crash(_random);
            }
        }

        Add(0, new HistoryEvent { Op = HistoryOp.Nemesis, Fault = HistoryFault.Restart });
    }

    private void Finish()
    {
        foreach (ModelClient client in _clients.Where(static client => !client.IsDead))
        {
            while (!client.IsConnected)
            {
                Connect(client);
            }

            while (client.Pipe.Count + client.Answers.Count > 0)
            {
                Take(client);
                Answer(client);
            }
        }

        Add(0, new HistoryEvent { Op = HistoryOp.Nemesis, Fault = HistoryFault.Heal });
        foreach (ModelClient client in _clients)
        {
            foreach (ModelSubscription subscription in client.Subscriptions.ToArray())
            {
                while (client.Subscriptions.Contains(subscription) && subscription.Next <= Math.Min(subscription.Log.Head, subscription.Through))
                {
                    Deliver(client, subscription);
                }
            }
        }

        _now += 11_000_000_000;
        foreach (ModelLog log in _logs)
        {
            Read(_clients[0], log, HistoryOp.ReadLog, 0, backward: false, 1, log.Head);
        }

        foreach (ModelClient client in _clients.Where(static client => !client.IsDead))
        {
            Add(client, new HistoryEvent { Op = HistoryOp.End });
        }
    }
}
