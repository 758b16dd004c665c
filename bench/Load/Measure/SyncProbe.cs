using System.Diagnostics;

using FastChat.Bench.Compare.Kernel;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Bench.Load.Measure;

/// <summary>
/// The machine's own fdatasync: 256 bytes appended to a file beside the system's data and synced, again and again, while the server has nothing to do. What a disk gives drifts from minute to minute on a
/// shared machine, so an acknowledgement's latency is compared with what the same directory gave in the same run. Generator thread.
/// </summary>
internal static class SyncProbe
{
    /// <summary>How long a scenario probes: some thousand syncs, enough for a 99th percentile.</summary>
    public const double Seconds = 1.5;

    private const int AppendBytes = 256;

    /// <summary>Probes a directory.</summary>
    /// <param name="directory">Where the file is made; it is gone afterwards.</param>
    /// <param name="seconds">How long.</param>
    public static Latencies Run(string directory, double seconds = Seconds)
    {
        Latencies latencies = new();
        byte[] bytes = new byte[AppendBytes];
        string name = Path.Combine(directory, "fdatasync.probe");
        using SafeFileHandle file = File.OpenHandle(name, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose);
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        long offset = 0;
        for (long begun = Stopwatch.GetTimestamp(); begun < end; begun = Stopwatch.GetTimestamp())
        {
            RandomAccess.Write(file, bytes, offset);
            Disk.Sync(file);
            offset += AppendBytes;
            latencies.Record(begun, Stopwatch.GetTimestamp());
        }

        return latencies;
    }
}
