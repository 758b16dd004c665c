using FastChat.Bench.Load.Scenarios;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The search for the highest rate, on systems that hold up to a knee and not beyond it.</summary>
public sealed class RateSearchTests
{
    [TestCase(1000, 73_500)]
    [TestCase(1000, 1001)]
    [TestCase(1000, 999)]
    [TestCase(20_000, 130)]
    [TestCase(50, 2_000_000)]
    public void It_ends_within_a_tenth_under_the_knee(double start, double knee)
    {
        List<double> tried = [];
        RateSearch search = new(start, rate => Hold(rate, knee, tried));
        search.Run();
        Assert.That(search.Best.Failure, Is.Null);
        Assert.That(search.Best.Rate, Is.LessThanOrEqualTo(knee).And.GreaterThan(knee / RateSearch.Precision));
        Assert.That(search.Limit!.Rate, Is.GreaterThan(knee).And.LessThanOrEqualTo(search.Best.Rate * RateSearch.Precision));
        Assert.That(tried.Distinct().Count(), Is.LessThan(26));
        Assert.That(tried.Where(rate => rate > knee).GroupBy(rate => rate).Select(rate => rate.Count()), Is.All.EqualTo(2), "what fails is tried once more");
        Assert.That(tried.Where(rate => rate <= knee), Is.Unique, "what holds is not");
    }

    [Test]
    public void One_bad_moment_does_not_end_it_low()
    {
        List<double> tried = [];
        RateSearch search = new(1000, rate => tried.Count == 2 ? Fail(rate, tried) : Hold(rate, 40_000, tried));
        search.Run();
        Assert.That(search.Best.Rate, Is.GreaterThan(36_000));
    }

    [Test]
    public void What_never_holds_is_reported_as_failed()
    {
        List<double> tried = [];
        RateSearch search = new(1000, rate => Fail(rate, tried));
        search.Run();
        Assert.That(search.Best.Failure, Is.EqualTo("too slow"));
        Assert.That(search.Best.Rate, Is.LessThan(20));
    }

    [Test]
    public void What_always_holds_ends_without_a_limit()
    {
        List<double> tried = [];
        RateSearch search = new(1000, rate => Hold(rate, double.MaxValue, tried));
        search.Run();
        Assert.That(search.Limit, Is.Null);
        Assert.That(search.Best.Rate, Is.EqualTo(tried.Max()).And.GreaterThan(1_000_000));
    }

    private static RateSearchStep Hold(double rate, double knee, List<double> tried)
    {
        tried.Add(rate);
        return new RateSearchStep(rate, rate <= knee ? null : "too slow");
    }

    private static RateSearchStep Fail(double rate, List<double> tried) => Hold(rate, 0, tried);
}
