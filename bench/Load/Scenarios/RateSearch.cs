namespace FastChat.Bench.Load.Scenarios;

/// <summary>
/// Finds the highest rate that holds: doubling until one does not, then halving the ratio between the best that held and the lowest that did not until they are within a tenth of each other. On a
/// machine that others use a step may fail for no fault of the system, and one such step early on would end the search far too low: what fails is tried once more, and the second
/// outcome counts. No step that fails is ever reported as held.
/// </summary>
/// <param name="start">The first rate.</param>
/// <param name="attempt">Does a rate once.</param>
internal sealed class RateSearch(double start, Func<double, RateSearchStep> attempt)
{
    /// <summary>Largest ratio of the lowest rate that failed and the highest that held, at the end.</summary>
    public const double Precision = 1.1;

    private const double RateMin = 10;
    private const double RateMax = 10_000_000;

    /// <summary>The highest step that held; when none did, the lowest that was tried.</summary>
    public RateSearchStep Best { get; private set; } = new(0, "not tried");

    /// <summary>The lowest step that did not hold; null when all did.</summary>
    public RateSearchStep? Limit { get; private set; }

    /// <summary>Searches. As long as it takes: about ten steps.</summary>
    public void Run()
    {
        Best = Attempt(start);
        for (; Best.Failure is null && Limit is null && 2 * Best.Rate <= RateMax; Place(Attempt(2 * Best.Rate)))
        {
        }

        for (; Best.Failure is not null && Best.Rate / 2 >= RateMin;)
        {
            (Limit, Best) = (Best, Attempt(Best.Rate / 2));
        }

        if (Best.Failure is not null)
        {
            Limit = Best;
            return;
        }

        while (Limit is { } limit && limit.Rate / Best.Rate > Precision)
        {
            Place(Attempt(Math.Sqrt(limit.Rate * Best.Rate)));
        }
    }

    private void Place(RateSearchStep step) => (Best, Limit) = step.Failure is null ? (step, Limit) : (Best, step);

    private RateSearchStep Attempt(double rate) => attempt(rate) is { Failure: null } held ? held : attempt(rate);
}
