namespace FastChat.Allocation.Tests;

/// <summary>The gate can fail: operations that allocate on purpose are caught, to the byte, and the complaint says what to do.</summary>
[NonParallelizable]
internal sealed class AllocationMeterTests
{
    // An array of 100 bytes: header and type 16, length 8, contents padded to 104.
    private const double ArrayBytes = 128;

    [TestCase(nameof(CarelessBenchmarks.Nothing), 0)]
    [TestCase(nameof(CarelessBenchmarks.EveryTime), ArrayBytes)]
    [TestCase(nameof(CarelessBenchmarks.OnceInAHundred), ArrayBytes / 100)]
    [TestCase(nameof(CarelessBenchmarks.OnAnotherThread), ArrayBytes)]
    public void AnAllocatingOperationIsCaught(string method, double bytes)
    {
        Operation operation = Operation.Of(typeof(CarelessBenchmarks)).Single(found => found.Name == $"Careless.{method}[Size=100]");
        Assert.That(AllocationMeter.Measure(operation), Is.EqualTo(bytes).Within(bytes * 0.05));
        Assert.That(Baseline.Judge(operation.Name, 0, AllocationMeter.Measure(operation)), bytes == 0 ? Is.Null : Is.Not.Null);
    }

    [Test]
    public void AComplaintNamesTheOperationBothFiguresAndTheWayToUpdate()
    {
        string? complaint = Baseline.Judge("Ring.Ring", 0, 24.5);
        Assert.That(complaint, Does.Contain("Ring.Ring").And.Contain("expected 0 ").And.Contain("measured 24.5").And.Contain($"cp {Baseline.MeasuredFile} {Baseline.File}"));
        Assert.That(Baseline.Judge("Ring.Ring", 96, 0), Does.Contain("write it down"));
        Assert.That(Baseline.Judge("Ring.New", null, 0), Does.Contain("no entry"));
        Assert.That(Baseline.Judge("Ring.Ring", 96, 97), Is.Null);
        Assert.That(Baseline.Judge("Threaded.Ring", 0.3, 0.1, hasThreads: true), Is.Null, "a ceiling");
        Assert.That(Baseline.Judge("Threaded.Ring", 0.3, 24, hasThreads: true), Is.Not.Null);
    }
}
