namespace FastChat.History.Tests;

/// <summary>A log that was cut off at its beginning (protocol.md §6.2, §7.2): what it says of that is believed, and what it does not say is missing.</summary>
public sealed class CutLogTests
{
    private static readonly ConversationId s_room = new(0x77);
    private static readonly UserId s_user = new(0xA);

    [Test]
    public void Records_that_are_kept_no_longer_are_not_missing_when_it_is_said() => Assert.That(Check(HistoryStatus.Truncated, HistoryStatus.Truncated).Details, Is.Empty);

    [Test]
    public void Delivery_that_leaves_records_out_and_does_not_say_so_is_a_violation() => Assert.That(Broken(Check(HistoryStatus.None, HistoryStatus.Truncated)), Does.Contain(Promise.LiveDelivery));

    [Test]
    public void A_log_that_begins_later_and_does_not_say_so_has_a_hole_and_has_lost_what_was_acknowledged() =>
        Assert.That(Broken(Check(HistoryStatus.Truncated, HistoryStatus.None)), Is.SupersetOf(new[] { Promise.Dense, Promise.Durable }));

    [Test]
    public void A_log_that_begins_behind_what_it_says_has_a_hole() => Assert.That(Broken(Check(HistoryStatus.Truncated, HistoryStatus.Truncated, first: 3)), Does.Contain(Promise.Dense));

    private static Promise[] Broken(CheckReport report) => [.. report.Promises.Where(one => one.Violations > 0).Select(one => one.Promise)];

    /// <summary>Five records, of which the first three go while a subscription stands behind the first one; then the log is read.</summary>
    private static CheckReport Check(HistoryStatus lag, HistoryStatus log, ulong first = 4)
    {
        List<HistoryEvent> events =
        [
            new() { Op = HistoryOp.Conversation, Conversation = s_room, ConversationKind = HistoryKind.Public, Epoch = 1 },
            new() { Process = "p", Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke },
            new() { Process = "p", Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = s_user, Device = new DeviceId(1) },
            Of(HistoryOp.Subscribe) with { Phase = HistoryPhase.Invoke, Fresh = true },
            Of(HistoryOp.Subscribe) with { Phase = HistoryPhase.Ok, Status = HistoryStatus.Resumed, Epoch = 1, First = 1 },
        ];
        for (ulong sequence = 1; sequence <= 5; sequence++)
        {
            HistoryEvent publish = Of(HistoryOp.Publish) with { ClientMessageId = new ClientMessageId(sequence) };
            events.Add(publish with { Phase = HistoryPhase.Invoke, Kind = MessageKind.Text, Hash = 90 + sequence });
            events.Add(publish with { Phase = HistoryPhase.Ok, Epoch = 1, Sequence = sequence });
        }

        events.Add(Record(HistoryOp.Deliver, 1));
        if (lag != HistoryStatus.None)
        {
            events.Add(Of(HistoryOp.Lag) with { Epoch = 1, Next = 4, Head = 5, Status = lag });
        }

        events.AddRange([Record(HistoryOp.Deliver, 4), Record(HistoryOp.Deliver, 5)]);
        HistoryEvent reading = new() { Process = "p", Op = HistoryOp.ReadLog, Conversation = s_room, Request = 1 };
        events.Add(reading with { Phase = HistoryPhase.Invoke });
        events.AddRange([Record(HistoryOp.Record, 4) with { Request = 1 }, Record(HistoryOp.Record, 5) with { Request = 1 }]);
        events.Add(reading with { Phase = HistoryPhase.Ok, Epoch = 1, Head = 5, Status = log, First = log == HistoryStatus.None ? 0 : first });
        return WrittenHistory.Check([[.. events.Select(static (one, i) => one with { TimeNs = i + 1 })]]);
    }

    private static HistoryEvent Of(HistoryOp op) => new() { Process = "p", Op = op, Conversation = s_room, Connection = 1 };

    private static HistoryEvent Record(HistoryOp op, ulong sequence) => Of(op) with
    {
        Epoch = 1,
        Sequence = sequence,
        User = s_user,
        Publisher = s_user,
        Device = new DeviceId(1),
        ClientMessageId = new ClientMessageId(sequence),
        Kind = MessageKind.Text,
        Hash = 90 + sequence,
    };
}
