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
        }

        Assert.That(judged, Is.EquivalentTo(Promises.All.Where(Promises.HasCheck)));
    }

    [Test]
    public void A_history_without_evidence_exercises_nothing()
    {
        CheckReport report = WrittenHistory.Check([[]]);
        Assert.That(report.PromisesJudged, Is.Zero);
        Assert.That(report.Violations, Is.Zero);
    }
}
