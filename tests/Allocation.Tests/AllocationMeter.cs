using System.Diagnostics;

namespace FastChat.Allocation.Tests;

/// <summary>
/// Bytes that an operation takes from the managed heap. The counters are exact, not sampled. The least of several rounds counts, because now and then the runtime
/// does something of its own in between (a pool is trimmed, the test host logs): an operation that allocates does so in every round.
/// </summary>
internal static class AllocationMeter
{
    /// <summary>Operations of a round, at least.</summary>
    private const int OperationsMin = 1_000;

    /// <summary>Calls of a round, at least: what happens once in a hundred calls, such as a queue that takes a new block, is in every round.</summary>
    private const int CallsMin = 250;

    private const int Rounds = 4;

    /// <summary>Calls before the first round: pools and buffers have grown by then.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(10);

    /// <summary>Measures an operation, in bytes per operation, rounded to hundredths.</summary>
    public static double Measure(Operation operation) => operation.With(call =>
    {
        int calls = Math.Max(CallsMin, (OperationsMin + operation.PerCall - 1) / operation.PerCall);
        bool hasThreads = operation.HasThreads;
        long start = Stopwatch.GetTimestamp();
        do
        {
            call.Repeat(calls);
        }
        while (Stopwatch.GetElapsedTime(start) < WarmUp);

        long least = long.MaxValue;
        for (int round = 0; round < Rounds && least > 0; round++)
        {
            long before = Count(hasThreads);
            call.Repeat(calls);
            least = Math.Min(least, Count(hasThreads) - before);
        }

        return Math.Round((double)least / ((long)calls * operation.PerCall), 2, MidpointRounding.ToPositiveInfinity);
    });

    private static long Count(bool ofAllThreads) => ofAllThreads ? GC.GetTotalAllocatedBytes(precise: true) : GC.GetAllocatedBytesForCurrentThread();
}
