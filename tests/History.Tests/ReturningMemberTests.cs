namespace FastChat.History.Tests;

/// <summary>
/// Who was removed and comes back may read what lies between, from when the request to add them was sent: which request that was is not always plain. Histories that the simulated world wrote and the check
/// took for violations, in short.
/// </summary>
internal sealed class ReturningMemberTests
{
    private static readonly ConversationId s_group = new(0x77);
    private static readonly UserId s_owner = new(0xA);
    private static readonly UserId s_member = new(0xB);

    [Test]
    public void A_request_that_is_repeated_does_not_move_the_first_one() => AssertClean(
    [
        Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 30), Change("owner", HistoryOp.AddMember, HistoryPhase.Ok, 32, 3), .. Read(40),
        Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 50), Change("owner", HistoryOp.AddMember, HistoryPhase.Ok, 52, 3),
    ]);

    [Test]
    public void An_answer_that_never_came_leaves_its_request_in_force() => AssertClean(
    [
        Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 30), Change("owner", HistoryOp.AddMember, HistoryPhase.Info, 35), .. Read(40),
        Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 50), Change("owner", HistoryOp.AddMember, HistoryPhase.Ok, 52, 3),
    ]);

    [Test]
    public void A_request_to_leave_again_is_none_to_come_back() => AssertClean(
    [
        Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 30), .. Read(40), Change("member", HistoryOp.RemoveMember, HistoryPhase.Invoke, 45),
        Change("owner", HistoryOp.AddMember, HistoryPhase.Ok, 52, 3),
    ]);

    [Test]
    public void Behind_a_restore_an_answer_without_an_epoch_says_nothing_of_the_old_log() => AssertClean(
    [
        Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 30), Change("owner", HistoryOp.AddMember, HistoryPhase.Ok, 32, 3), .. Read(40),
        new HistoryEvent { TimeNs = 45, Op = HistoryOp.Nemesis, Fault = HistoryFault.Restore },
        Change("member", HistoryOp.RemoveMember, HistoryPhase.Invoke, 50), Change("member", HistoryOp.RemoveMember, HistoryPhase.Ok, 52, 1),
    ]);

    [Test]
    public void What_was_refused_before_they_came_back_may_be_stored_behind_what_was_sent_later()
    {
        HistoryEvent[] addition = [Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 30), Change("owner", HistoryOp.AddMember, HistoryPhase.Ok, 32, 3)];
        HistoryEvent[] sending = [Own(5, HistoryPhase.Invoke, 25), Own(6, HistoryPhase.Invoke, 35), Own(6, HistoryPhase.Ok, 40, 4), Own(5, HistoryPhase.Ok, 41, 5)];
        HistoryEvent seen = Read(38)[2] with { Process = "owner", Sequence = 3, User = s_member, Device = default, ClientMessageId = new ClientMessageId(3), Kind = MessageKind.MemberAdded, Member = s_member };
        HistoryEvent[] reading = [.. Read(37)[..2].Select(e => e with { Process = "owner", Cursor = e.Cursor == 0 ? 0 : 2ul, First = e.First == 0 ? 0 : 3ul, Head = e.Head == 0 ? 0 : 3ul }), seen];
        Assert.That(OrderOf([sending[0], .. addition, sending[1], .. reading, .. sending[2..]]), Is.Zero, "the first may have been refused, and its refusal lost");
        Assert.That(OrderOf([sending[0], sending[1], .. sending[2..]]), Is.EqualTo(1), "nobody had removed and added them: that is a violation");
    }

    private static long OrderOf(IReadOnlyList<HistoryEvent> events) => Check(events).Promises.Single(one => one.Promise == Promise.SenderOrder).Violations;

    private static HistoryEvent Own(ulong id, HistoryPhase phase, long time, ulong sequence = 0) => Publish(phase, time) with
    {
        Process = "member",
        ClientMessageId = new ClientMessageId(id),
        Epoch = sequence == 0 ? 0 : 1u,
        Sequence = sequence,
    };

    [Test]
    public void Who_reads_before_anybody_asked_for_them_is_found()
    {
        CheckReport report = Check([.. Read(25), Change("owner", HistoryOp.AddMember, HistoryPhase.Invoke, 30), Change("owner", HistoryOp.AddMember, HistoryPhase.Ok, 32, 3)]);
        Assert.That(report.Promises.Single(one => one.Promise == Promise.Membership).Violations, Is.GreaterThan(0));
    }

    private static void AssertClean(IReadOnlyList<HistoryEvent> events)
    {
        CheckReport report = Check(events);
        Assert.That(report.Details, Is.Empty);
        Assert.That(report.Promises.Single(one => one.Promise == Promise.Membership).Judged, Is.GreaterThan(0));
    }

    /// <summary>The member leaves with record 1, record 2 follows, and then what is given.</summary>
    private static CheckReport Check(IReadOnlyList<HistoryEvent> events) => WrittenHistory.Check(
    [
        [
            new HistoryEvent { TimeNs = 1, Op = HistoryOp.Conversation, Conversation = s_group, ConversationKind = HistoryKind.Group, Epoch = 1 },
            new HistoryEvent { TimeNs = 1, Op = HistoryOp.Member, Conversation = s_group, Member = s_owner },
            new HistoryEvent { TimeNs = 1, Op = HistoryOp.Member, Conversation = s_group, Member = s_member },
            new HistoryEvent { TimeNs = 2, Process = "owner", Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke },
            new HistoryEvent { TimeNs = 3, Process = "owner", Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = s_owner, Device = new DeviceId(1) },
            new HistoryEvent { TimeNs = 4, Process = "member", Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke },
            new HistoryEvent { TimeNs = 5, Process = "member", Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = s_member, Device = new DeviceId(2) },
            Change("member", HistoryOp.RemoveMember, HistoryPhase.Invoke, 10),
            Change("member", HistoryOp.RemoveMember, HistoryPhase.Ok, 12, 1),
            Publish(HistoryPhase.Invoke, 20),
            Publish(HistoryPhase.Ok, 22) with { Epoch = 1, Sequence = 2 },
            .. events,
        ],
    ]);

    private static HistoryEvent Change(string process, HistoryOp op, HistoryPhase phase, long time, ulong sequence = 0) =>
        new() { TimeNs = time, Process = process, Op = op, Phase = phase, Conversation = s_group, Member = s_member, Sequence = sequence };

    private static HistoryEvent Publish(HistoryPhase phase, long time) => new()
    {
        TimeNs = time,
        Process = "owner",
        Op = HistoryOp.Publish,
        Phase = phase,
        Conversation = s_group,
        ClientMessageId = new ClientMessageId(7),
        Kind = MessageKind.Text,
        Hash = phase == HistoryPhase.Invoke ? 99u : 0,
    };

    /// <summary>The member gets record 2.</summary>
    private static HistoryEvent[] Read(long time) =>
    [
        new() { TimeNs = time, Process = "member", Op = HistoryOp.Subscribe, Phase = HistoryPhase.Invoke, Connection = 1, Conversation = s_group, Epoch = 1, Cursor = 1, Fresh = true },
        new() { TimeNs = time, Process = "member", Op = HistoryOp.Subscribe, Phase = HistoryPhase.Ok, Connection = 1, Conversation = s_group, Status = HistoryStatus.Resumed, Epoch = 1, First = 2, Head = 2 },
        new()
        {
            TimeNs = time,
            Process = "member",
            Op = HistoryOp.Deliver,
            Connection = 1,
            Conversation = s_group,
            Epoch = 1,
            Sequence = 2,
            User = s_owner,
            Device = new DeviceId(1),
            ClientMessageId = new ClientMessageId(7),
            Kind = MessageKind.Text,
            Hash = 99,
        },
    ];
}
