namespace FastChat.History.Tests;

/// <summary>A good history of any length in the mix of a load run: pipelined publishes over several conversations, each acknowledged, delivered and found in the log.</summary>
internal static class LongHistory
{
    private const int EventsPerMessage = 4;
    private const int Conversations = 100;
    private const int Window = 64;

    /// <summary>Writes a history of about so many events; returns how many it has.</summary>
    public static long Write(Stream target, long events)
    {
        long messages = events / EventsPerMessage;
        long time = 1;
        long written = 0;
        using HistoryWriter writer = new(target, TimeProvider.System);
        UserId user = new(new UInt128(7, 7));
        DeviceId device = new(9);
        ConversationId[] conversations = [.. Enumerable.Range(1, Conversations).Select(number => new ConversationId(new UInt128((ulong)number << 40, (ulong)number)))];

        void Add(HistoryEvent e)
        {
            time += 1000;
            written++;
            writer.Write(e with { TimeNs = time, Process = "writer" });
        }

        HistoryEvent Record(HistoryOp op, long message) => new()
        {
            Op = op,
            Conversation = conversations[message % Conversations],
            Epoch = 1,
            Sequence = (ulong)(message / Conversations) + 1,
            User = user,
            Device = device,
            ClientMessageId = IdOf(message),
            Kind = MessageKind.Text,
            Hash = HashOf(message),
        };

        Add(new HistoryEvent { Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke });
        Add(new HistoryEvent { Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = user, Device = device });
        foreach (ConversationId conversation in conversations)
        {
            Add(new HistoryEvent { Op = HistoryOp.Subscribe, Phase = HistoryPhase.Invoke, Conversation = conversation, Connection = 1, Fresh = true });
            Add(new HistoryEvent { Op = HistoryOp.Subscribe, Phase = HistoryPhase.Ok, Conversation = conversation, Connection = 1, Status = HistoryStatus.Resumed, Epoch = 1, First = 1 });
        }

        for (long message = 0; message < messages + Window; message++)
        {
            if (message < messages)
            {
                HistoryEvent sent = Record(HistoryOp.Publish, message);
                Add(sent with { Phase = HistoryPhase.Invoke, Epoch = 0, Sequence = 0, User = default, Device = default });
            }

            if (message >= Window)
            {
                HistoryEvent answered = Record(HistoryOp.Publish, message - Window);
                Add(answered with { Phase = HistoryPhase.Ok, User = default, Device = default, Kind = MessageKind.None, Hash = 0 });
                Add(Record(HistoryOp.Deliver, message - Window) with { Connection = 1 });
            }
        }

        for (int i = 0; i < Conversations; i++)
        {
            HistoryEvent reading = new() { Op = HistoryOp.ReadLog, Phase = HistoryPhase.Invoke, Conversation = conversations[i], Request = (ulong)i + 1 };
            Add(reading);
            ulong head = 0;
            for (long message = i; message < messages; message += Conversations)
            {
                Add(Record(HistoryOp.Record, message) with { Request = reading.Request });
                head++;
            }

            Add(reading with { Phase = HistoryPhase.Ok, Epoch = 1, Head = head });
        }

        Add(new HistoryEvent { Op = HistoryOp.End });
        return written;
    }

    private static ClientMessageId IdOf(long message) => new(new UInt128((ulong)message * 0x9E3779B97F4A7C15, (ulong)message + 1));

    private static ulong HashOf(long message) => ((ulong)message * 0xD6E8FEB86659FD93) | 1;
}
