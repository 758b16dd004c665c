namespace FastChat.History.Tests;

/// <summary>A record of the model.</summary>
internal sealed record ModelRecord(UserId User, UserId Publisher, DeviceId Device, ClientMessageId Id, MessageKind Kind, ulong Hash, UserId Member)
{
    /// <summary>The fields of an event that show it.</summary>
    public HistoryEvent Show(HistoryOp op, ModelLog log, ulong sequence) => new()
    {
        Op = op,
        Conversation = log.Conversation,
        Epoch = log.Epoch,
        Sequence = sequence,
        User = User,
        Publisher = Publisher,
        Device = Device,
        ClientMessageId = Id,
        Kind = Kind,
        Hash = Hash,
        Member = Member,
    };
}

/// <summary>The log of a conversation as a correct broker keeps it.</summary>
internal sealed class ModelLog
{
    public required ConversationId Conversation { get; init; }

    public required bool IsGroup { get; init; }

    public uint Epoch { get; private set; } = 1;

    public List<ModelRecord> Records { get; } = [];

    public HashSet<UserId> Members { get; } = [];

    public Dictionary<(DeviceId, ClientMessageId), ulong> Dedupe { get; } = [];

    /// <summary>What somebody was told of: no crash takes it back.</summary>
    public ulong Durable { get; private set; }

    public ulong Head => (ulong)Records.Count;

    /// <summary>Shows somebody everything up to a sequence.</summary>
    public ulong Show(ulong sequence)
    {
        Durable = Math.Max(Durable, sequence);
        return sequence;
    }

    public ulong Append(ModelRecord record)
    {
        Records.Add(record);
        if (record.Kind < (MessageKind)MessageKinds.FirstSystemKind)
        {
            Dedupe[(record.Device, record.Id)] = Head;
        }

        switch (record.Kind)
        {
            case MessageKind.MemberAdded:
                Members.Add(record.Member);
                break;
            case MessageKind.MemberRemoved:
                Members.Remove(record.Member);
                break;
        }

        return Head;
    }

    /// <summary>A crash: some of what nobody was told of is gone.</summary>
    public void Crash(Random random) => CutTo(Durable + (ulong)random.Next((int)(Head - Durable) + 1));

    /// <summary>An old backup: whatever came later is gone, under a new epoch.</summary>
    public void Restore(Random random)
    {
        CutTo((ulong)random.Next((int)Head + 1));
        Durable = Head;
        Epoch++;
    }

    private void CutTo(ulong head)
    {
        while (Head > head)
        {
            ModelRecord last = Records[^1];
            Records.RemoveAt(Records.Count - 1);
            Dedupe.Remove((last.Device, last.Id));
            switch (last.Kind)
            {
                case MessageKind.MemberAdded:
                    Members.Remove(last.Member);
                    break;
                case MessageKind.MemberRemoved:
                    Members.Add(last.Member);
                    break;
            }
        }
    }
}

/// <summary>A publish under way.</summary>
internal sealed class ModelPublish
{
    public required ModelLog Log { get; init; }

    public required ClientMessageId Id { get; init; }

    public required ulong Hash { get; init; }

    public required UserId OnBehalfOf { get; init; }

    public uint Attempt { get; set; } = 1;
}

/// <summary>A subscription of the model.</summary>
internal sealed class ModelSubscription
{
    public required ModelLog Log { get; init; }

    public required uint Epoch { get; init; }

    public ulong Next { get; set; }

    /// <summary>The record that removes the reader.</summary>
    public ulong Through { get; set; } = ulong.MaxValue;
}

/// <summary>A client of the model.</summary>
internal sealed class ModelClient
{
    public required string Name { get; init; }

    public required int File { get; init; }

    public required UserId User { get; init; }

    public required DeviceId Device { get; init; }

    public uint Connections { get; set; }

    public bool IsConnected { get; set; }

    public bool IsDead { get; set; }

    public ulong Requests { get; set; }

    /// <summary>Sent, not yet taken by the broker.</summary>
    public List<ModelPublish> Pipe { get; } = [];

    /// <summary>Taken, not yet answered.</summary>
    public List<(ModelPublish Publish, HistoryEvent Answer)> Answers { get; } = [];

    /// <summary>Outcome unknown: to be sent again after the reconnect.</summary>
    public List<ModelPublish> Unanswered { get; } = [];

    /// <summary>Acknowledged at some time.</summary>
    public List<ModelPublish> Acknowledged { get; } = [];

    public List<ModelSubscription> Subscriptions { get; } = [];

    /// <summary>Where it stands in the conversations that it follows.</summary>
    public Dictionary<ModelLog, (uint Epoch, ulong Sequence)> Positions { get; } = [];
}
