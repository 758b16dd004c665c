using System.Diagnostics;

namespace FastChat.Allocation.Tests;

/// <summary>
/// Bytes that an operation takes from the managed heap. The counters are exact, not sampled. The least of several rounds counts, because now and then the runtime
/// does something of its own in between (a pool is trimmed, the test host logs): an operation that allocates does so in every round.
/// </summary>
internal static class AllocationMeter
{
    /// <summary>Operations of a round, at least: what happens once in 500 operations is in it, for example a queue that takes a new block.</summary>
    private const int OperationsMin = 4_000;

    private const int Rounds = 4;

    /// <summary>Calls before the first round: pools and buffers have grown by then.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(30);

    /// <summary>Measures an operation, in bytes per operation, rounded to hundredths.</summary>
    public static double Measure(Operation operation) => operation.With(call =>
    {
        int calls = (OperationsMin + operation.PerCall - 1) / operation.PerCall;
        long start = Stopwatch.GetTimestamp();
        do
        {
            call.Repeat(calls);
        }
        while (Stopwatch.GetElapsedTime(start) < WarmUp);

        long least = long.MaxValue;
        for (int round = 0; round < Rounds && least > 0; round++)
        {
            long before = Count(operation.HasThreads);
            call.Repeat(calls);
            least = Math.Min(least, Count(operation.HasThreads) - before);
        }

        return Math.Round((double)least / ((long)calls * operation.PerCall), 2, MidpointRounding.ToPositiveInfinity);
    });

    private static long Count(bool ofAllThreads) => ofAllThreads ? GC.GetTotalAllocatedBytes(precise: true) : GC.GetAllocatedBytesForCurrentThread();
}
