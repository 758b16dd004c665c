namespace FastChat.History.Tests;

/// <summary>A message whose answer was lost was stored, a backup without it was restored, and the retry was refused: both are true. Found by the simulated world 1000850.</summary>
internal sealed class RefusedBehindRestoreTests
{
    private static readonly ConversationId s_room = new(0x77);
    private static readonly UserId s_user = new(0xA);

    [Test]
    public void What_the_lost_log_had_says_nothing_of_the_restored_one() => Assert.That(Check(epochBehind: 2, HistoryFault.Restore).Details, Is.Empty);

    [Test]
    public void In_the_same_log_it_is_a_violation() =>
        Assert.That(Check(epochBehind: 1, HistoryFault.Kill).Promises.Single(one => one.Promise == Promise.NoAborted).Violations, Is.EqualTo(1));

    private static CheckReport Check(uint epochBehind, HistoryFault fault) => WrittenHistory.Check(
    [
        [
            new HistoryEvent { TimeNs = 1, Op = HistoryOp.Conversation, Conversation = s_room, ConversationKind = HistoryKind.Public, Epoch = 1 },
            new HistoryEvent { TimeNs = 2, Process = "p", Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke },
            new HistoryEvent { TimeNs = 3, Process = "p", Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = s_user, Device = new DeviceId(1) },
            Publish(HistoryPhase.Invoke, 4) with { Kind = MessageKind.Text, Hash = 99 },
            Fetched(5, HistoryPhase.Invoke, 1, epoch: 0, head: 0),
            Record(6, 1, epoch: 1),
            Fetched(7, HistoryPhase.Ok, 1, epoch: 1, head: 1),
            new HistoryEvent { TimeNs = 8, Op = HistoryOp.Nemesis, Fault = fault },
            Fetched(9, HistoryPhase.Invoke, 2, epoch: 0, head: 0),
            .. epochBehind == 1 ? new[] { Record(10, 2, epoch: 1) } : [],
            Fetched(11, HistoryPhase.Ok, 2, epochBehind, head: epochBehind == 1 ? 1u : 0),
            Publish(HistoryPhase.Fail, 12) with { Code = (ushort)ErrorCode.NoSuchConversation },
        ],
    ]);

    private static HistoryEvent Publish(HistoryPhase phase, long time) =>
        new() { TimeNs = time, Process = "p", Op = HistoryOp.Publish, Phase = phase, Conversation = s_room, ClientMessageId = new ClientMessageId(7) };

    private static HistoryEvent Fetched(long time, HistoryPhase phase, ulong request, uint epoch, ulong head) => new()
    {
        TimeNs = time,
        Process = "p",
        Op = HistoryOp.Fetch,
        Phase = phase,
        Conversation = s_room,
        Request = request,
        Epoch = epoch,
        Head = head,
        First = head,
        Last = head,
        Complete = phase == HistoryPhase.Ok,
    };

    private static HistoryEvent Record(long time, ulong request, uint epoch) => new()
    {
        TimeNs = time,
        Process = "p",
        Op = HistoryOp.Record,
        Conversation = s_room,
        Request = request,
        Epoch = epoch,
        Sequence = 1,
        User = s_user,
        Device = new DeviceId(1),
        ClientMessageId = new ClientMessageId(7),
        Kind = MessageKind.Text,
        Hash = 99,
    };
}
