using FastChat.Bench.Report.Goals;
using FastChat.Bench.Report.Results;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>A goal is reached, missed, or neither with the reason; nothing else counts as reached.</summary>
internal sealed class ReportGoalTests
{
    [TestCase(0.5, Mark.Reached)]
    [TestCase(0.499, Mark.Missed)]
    public void A_bound_belongs_to_the_good_side(double ratio, Mark mark) =>
        Assert.That(Of(new ReportFile("durable").Row("fastchat", "", ("rate", 1)).Row("limit", "", ("rate", 1)).Ratio("limit", ratio), "rate ÷ limit's").Mark, Is.EqualTo(mark));

    [TestCase(49_999, Mark.Reached)]
    [TestCase(50_000, Mark.Missed)]
    public void Below_is_below(double p99, Mark mark) =>
        Assert.That(Of(new ReportFile("storm").With("connections", 18_000).Row("fastchat", "", ("p99_us", p99)), "p99 of untouched sessions").Mark, Is.EqualTo(mark));

    [Test]
    public void Latency_is_held_against_the_disks_own_of_the_same_run()
    {
        ReportFile file = new ReportFile("latency").With("rate", 10_000).Row("fastchat", "", ("p50_us", 600), ("fdatasync_p50_us", 300), ("p99_us", 901), ("fdatasync_p99_us", 450));
        Assert.That(Of(file, "p50 ÷ fdatasync's p50").Mark, Is.EqualTo(Mark.Reached));
        Assert.That(Of(file, "p99 ÷ fdatasync's p99").Mark, Is.EqualTo(Mark.Missed));
    }

    [TestCase(0, 999_522, 7985, 1.07, Mark.Reached)]
    [TestCase(1, 1_100_000, 8200, 3.1, Mark.Missed)]
    public void Presence_is_held_against_its_budgets(double frames, double all, double one, double burst, Mark mark)
    {
        ReportFile file = new ReportFile("presence").With("connections", 18_000)
            .Row("fastchat", "", ("storm_frames", frames), ("presence_bytes_per_s", all), ("connection_bytes_per_s", one), ("burst_s", burst));
        string[] goals = ["frames for a crowd that is cut and comes back", "to all at the worst", "to one connection at the worst", "any stretch beyond a budget's rate"];
        Assert.That(goals.Select(goal => Of(file, goal).Mark), Is.All.EqualTo(mark));
    }

    [TestCase("inbox", "conversations", 5000, "p99_us", 50_000, "opening, p99")]
    [TestCase("channel", "largest", 100_000, "cpu_ratio", 1.15, "processor time, large ÷ small")]
    [TestCase("quiet", "largest", 200_000, "bytes_per_once_active", 1024, "one that was active once")]
    public void What_a_chat_adds_has_bounds(string scenario, string setting, int size, string figure, double bound, string goal)
    {
        Assert.That(Of(new ReportFile(scenario).With(setting, size).Row("fastchat", "", (figure, bound)), goal).Mark, Is.EqualTo(Mark.Reached));
        Assert.That(Of(new ReportFile(scenario).With(setting, size).Row("fastchat", "", (figure, bound * 1.01)), goal).Mark, Is.EqualTo(Mark.Missed));
        Assert.That(Of(new ReportFile(scenario).With(setting, size - 1).Row("fastchat", "", (figure, bound)), goal).Mark, Is.EqualTo(Mark.OtherShape));
    }

    [Test]
    public void At_another_size_a_goal_is_neither_reached_nor_missed()
    {
        Verdict verdict = Of(new ReportFile("fanout").With("connections", 10).Row("fastchat", "", ("rate", 900)).Row("redis", "", ("rate", 1)).Ratio("redis", 900), "rate ÷ Redis's");
        Assert.That((verdict.Mark, verdict.Measured, verdict.Why), Is.EqualTo((Mark.OtherShape, 900.0, "the goal is for 1,000 subscribers")));
    }

    [TestCase("headroom", 0.1, "our row: void")]
    [TestCase("errors", 2, "our row: errors")]
    public void A_row_of_ours_that_does_not_hold_reaches_nothing(string figure, double value, string why)
    {
        Verdict verdict = Of(new ReportFile("durable").Row("fastchat", "", ("rate", 9), (figure, value)).Row("redis", "", ("rate", 1)).Ratio("redis", 9), "rate ÷ Redis's");
        Assert.That((verdict.Mark, verdict.Why), Is.EqualTo((Mark.DoesNotCount, why)));
    }

    [TestCase(60, Mark.Reached, "")]
    [TestCase(2, Mark.DoesNotCount, "JetStream's row: not durable")]
    public void Against_a_peer_that_is_not_durable_a_goal_can_be_reached_but_not_missed(double ratio, Mark mark, string why)
    {
        Verdict verdict = Of(new ReportFile("durable").Row("fastchat", "", ("rate", 9)).Row("nats", "not durable: cannot sync", ("rate", 1)).Ratio("nats", ratio), "rate ÷ JetStream's");
        Assert.That((verdict.Mark, verdict.Why), Is.EqualTo((mark, why)));
    }

    [Test]
    public void A_peer_that_was_not_there_leaves_its_goal_open()
    {
        Verdict verdict = Of(new ReportFile("durable").Row("fastchat", "", ("rate", 9)), "rate ÷ RabbitMQ's");
        Assert.That((verdict.Mark, verdict.Measured, verdict.Why), Is.EqualTo((Mark.NotMeasured, (double?)null, "RabbitMQ took no part")));
    }

    [Test]
    public void Ratios_of_a_comparison_that_was_not_ours_are_not_taken_for_ours()
    {
        ReportFile file = new ReportFile("durable").Row("redis", "", ("rate", 100)).Row("fastchat", "", ("rate", 300)).Ratio("fastchat", 0.33);
        Assert.That(Of(file, "rate ÷ Redis's").Measured, Is.EqualTo(3), "of the medians");
    }

    [TestCase("tcp", 6)]
    [TestCase("ws", 10)]
    public void Idle_sessions_have_a_goal_for_each_transport(string transport, double kilobytes) =>
        Assert.That(SheetCatalog.For(new ReportFile("idle").With("transport", transport).Row("fastchat", "", ("rss_kb_per_session", 1)).Read()).Goals.Single().Bound, Is.EqualTo(kilobytes));

    [Test]
    public void A_fan_out_at_its_planned_rate_is_judged_by_its_last_subscriber_not_by_its_rate()
    {
        ReportFile lone = new ReportFile("fanout").With("connections", 1000).With("rate", 20).Row("fastchat", "", ("rate", 20_000), ("p50_us", 7000)).Row("limit", "", ("rate", 20_000), ("p50_us", 5000));
        Assert.That(SheetCatalog.For(lone.Read()).Judge(lone.Read()).Select(verdict => (verdict.Goal.What, verdict.Mark)), Is.EqualTo(new[] { ("last subscriber p50 ÷ limit's", Mark.Missed) }));
        ReportFile saturating = new ReportFile("fanout").With("connections", 1000).With("rate", 20).Row("fastchat", "", ("rate", 3_000_000));
        Assert.That(SheetCatalog.For(saturating.Read()).Goals, Has.Count.EqualTo(5));
    }

    private static Verdict Of(ReportFile file, string what)
    {
        LoadResult result = file.Read();
        return SheetCatalog.For(result).Judge(result).Single(verdict => verdict.Goal.What == what);
    }
}
