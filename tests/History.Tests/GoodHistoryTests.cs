namespace FastChat.History.Tests;

/// <summary>A correct broker's histories are never flagged, and they are worth checking.</summary>
public sealed class GoodHistoryTests
{
    private const int Seeds = 400;

    [Test]
    public void Good_histories_are_never_flagged()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            CheckReport report = WrittenHistory.Check(GoodHistory.Make(seed).Events);
            Assert.That(report.Details.Select(violation => $"seed {seed}: {violation}"), Is.Empty);
            Assert.That(report.ForeignRecords, Is.Zero);
        }
    }

    [Test]
    public void Good_histories_of_chats_are_never_flagged()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            CheckReport report = WrittenHistory.Check(ChatHistory.Make(seed).Events);
            Assert.That(report.Details.Select(violation => $"seed {seed}: {violation}"), Is.Empty);
        }
    }

    [Test]
    public void Good_histories_contain_what_makes_a_broker_fail()
    {
        int whole = Enumerable.Range(0, Seeds).Count(seed => GoodHistory.Make(seed).Coverage.IsWhole);
        Assert.That(whole, Is.GreaterThan(Seeds * 95 / 100), "seeds with a retry, a reconnect, a join, a leave, pipelining and a crash");
    }

    [Test]
    public void Every_promise_that_has_a_check_is_exercised()
    {
        HashSet<Promise> judged = [];
        for (int seed = 0; seed < 20; seed++)
        {
            CheckReport report = WrittenHistory.Check(GoodHistory.Make(seed).Events);
            judged.UnionWith(report.Promises.Where(promise => promise.Judged > 0).Select(promise => promise.Promise));
            report = WrittenHistory.Check(ChatHistory.Make(seed).Events);
            judged.UnionWith(report.Promises.Where(promise => promise.Judged > 0).Select(promise => promise.Promise));
        }

        Assert.That(judged, Is.EquivalentTo(Promises.All.Where(Promises.HasCheck)));
    }

    [Test]
    public void What_stood_in_a_log_before_is_what_the_first_word_says()
    {
        HistoryEvent room = new() { Op = HistoryOp.Conversation, Conversation = new ConversationId(1), Epoch = 1 };
        HistoryEvent Publish(long at, HistoryPhase phase, ulong id, ulong sequence) => new()
        {
            TimeNs = at,
            Process = "a",
            Op = HistoryOp.Publish,
            Phase = phase,
            Conversation = room.Conversation,
            ClientMessageId = new ClientMessageId(id),
            Kind = MessageKind.Text,
            Epoch = sequence == 0 ? 0u : 1u,
            Sequence = sequence,
        };
        HistoryEvent[] wrong =
        [
            new() { TimeNs = 11, Process = "a", Op = HistoryOp.Connect, Phase = HistoryPhase.Ok, Connection = 1, User = new UserId(2), Device = new DeviceId(3) },
            Publish(12, HistoryPhase.Invoke, 1, 0),
            Publish(13, HistoryPhase.Ok, 1, 2),
            Publish(14, HistoryPhase.Invoke, 2, 0),
            Publish(15, HistoryPhase.Ok, 2, 1),
        ];

        CheckReport Check(ulong before, ulong after) =>
            WrittenHistory.Check([room with { TimeNs = 10, Head = before }, .. wrong, room with { TimeNs = 20, Head = after }]);
        Assert.That(Check(before: 0, after: 2).Details.Select(violation => violation.Promise), Is.EqualTo(new[] { Promise.RealTimeOrder, Promise.SenderOrder }));
        Assert.That(Check(before: 2, after: 2).Violations, Is.Zero, "an earlier run may have stored them");
    }

    [Test]
    public void A_history_without_evidence_exercises_nothing()
    {
        CheckReport report = WrittenHistory.Check([[]]);
        Assert.That(report.PromisesJudged, Is.Zero);
        Assert.That(report.Violations, Is.Zero);
    }
}
