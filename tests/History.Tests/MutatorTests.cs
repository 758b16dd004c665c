namespace FastChat.History.Tests;

/// <summary>A checker that cannot fail proves nothing: each way to break a promise is flagged, every time, as that promise, with the lines that show it.</summary>
public sealed class MutatorTests
{
    private const int SeedsMax = 400;
    private const int Applications = 25;

    private static IEnumerable<TestCaseData> Mutators() => StorageMutators.All.Concat(ReadingMutators.All).Concat(ChatMutators.All)
        .Select(static mutator => new TestCaseData(mutator).SetName($"{{m}}({mutator})"));

    [TestCaseSource(nameof(Mutators))]
    public void A_mutation_is_flagged_as_what_it_breaks(object given)
    {
        Mutator mutator = (Mutator)given;
        int applied = 0;
        for (int seed = 1; seed < SeedsMax && applied < Applications; seed++)
        {
            if (seed % 5 == 0)
            {
                // A restored backup excuses losses, and with them some of the mutations.
                continue;
            }

            Draft draft = new(mutator.Source(seed), seed);
            if (!mutator.TryApply(draft))
            {
                continue;
            }

            applied++;
            CheckReport report = WrittenHistory.Check(draft.Files);
            Promise[] broken = [.. report.Promises.Where(promise => promise.Violations > 0).Select(promise => promise.Promise)];
            Assert.That(broken, Does.Contain(mutator.Breaks), $"seed {seed}; flagged: {string.Join(", ", report.Details)}");
            if (mutator.IsPure)
            {
                Assert.That(broken, Has.Length.EqualTo(1), $"seed {seed}; flagged: {string.Join(", ", report.Details)}");
            }

            Assert.That(report.Details.First(violation => violation.Promise == mutator.Breaks).Places, Is.Not.Empty);
        }

        Assert.That(applied, Is.EqualTo(Applications), "histories that could be spoiled in this way");
    }

    [Test]
    public void Every_promise_that_has_a_check_has_a_mutator() =>
        Assert.That(
            StorageMutators.All.Concat(ReadingMutators.All).Concat(ChatMutators.All).Select(mutator => mutator.Breaks).Distinct(),
            Is.EquivalentTo(Promises.All.Where(Promises.HasCheck)));
}
