using FastChat.Bench.Micro;

namespace FastChat.Allocation.Tests;

/// <summary>
/// Nothing on the way of a message allocates per message: the tail of a broker's latency is its garbage collector. Every benchmark of bench/Micro runs a few thousand
/// times and is compared with its baseline.
/// </summary>
[NonParallelizable]
internal sealed class AllocationGateTests
{
    private static readonly IReadOnlyList<Operation> Operations = Operation.In(typeof(RingBenchmarks).Assembly);

    private readonly SortedDictionary<string, double> _expected = Baseline.Read();
    private readonly SortedDictionary<string, double> _measured = new(StringComparer.Ordinal);

    private static IEnumerable<TestCaseData> Cases() => Operations.Select(operation => new TestCaseData(operation).SetArgDisplayNames(operation.Name));

    /// <summary>What would be written down: where the baseline holds, the baseline, so that an update changes only what it has to.</summary>
    [OneTimeTearDown]
    public void LeaveWhatWasMeasured()
    {
        // A run of a few operations is no baseline.
        if (_measured.Count == Operations.Count)
        {
            Baseline.WriteMeasured(_measured);
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void AllocatesWhatTheBaselineSays(object operation)
    {
        Operation tested = (Operation)operation;
        double measured = AllocationMeter.Measure(tested);
        double? expected = _expected.TryGetValue(tested.Name, out double bytes) ? bytes : null;
        string? complaint = Baseline.Judge(tested.Name, expected, measured, tested.HasThreads);
        _measured[tested.Name] = complaint is null ? bytes : measured;
        if (complaint is not null)
        {
            Assert.Fail(complaint);
        }
    }

    [Test]
    public void WhatEveryMessagePassesHasAZeroInTheBaseline() => Assert.That(
        Operations.Where(operation => operation.IsHot && _expected.GetValueOrDefault(operation.Name) > HotMax(operation)).Select(operation => operation.Name),
        Is.Empty, "a baseline may not grow there; a benchmark that no message passes, or that lost, says so by its category");

    [Test]
    public void TheBaselineNamesNothingThatIsGone() =>
        Assert.That(_expected.Keys.Except(Operations.Select(operation => operation.Name)), Is.Empty, Baseline.File);

    /// <summary>Between threads a queue grows now and then. An object has at least 24 bytes: this is less than one in fifty messages.</summary>
    private static double HotMax(Operation operation) => operation.HasThreads ? 0.4 : 0;
}
