using System.Runtime.InteropServices;

namespace FastChat.Bench.Load.Engine;

/// <summary>What the generator asks of the kernel for its own thread. Linux only.</summary>
internal static unsafe partial class Libc
{
    private const int ThreadProcessorTime = 3;
    private const int TimerSlack = 29;

    /// <summary>Processor time of the calling thread in nanoseconds.</summary>
    public static long ThreadNanoseconds()
    {
        TimeSpec time;
        _ = GetTime(ThreadProcessorTime, &time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    /// <summary>Lets the calling thread's waits end to the microsecond instead of 50 µs late: an open-loop generator must keep its plan.</summary>
    public static void WaitPrecisely() => _ = Control(TimerSlack, 1, 0, 0, 0);

    /// <summary>Keeps the calling thread on one processor.</summary>
    public static void PinThread(int processor)
    {
        ulong mask = 1ul << processor;
        _ = SetAffinity(0, sizeof(ulong), &mask);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, TimeSpec* time);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int process, nuint size, ulong* mask);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
