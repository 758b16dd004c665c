namespace FastChat.Broker.Diagnostics;

/// <summary>What the process takes of its machine, and how much room its data has there: read when somebody asks. Any thread.</summary>
/// <param name="data">The data directory.</param>
/// <param name="clock">What time it is.</param>
internal sealed class ProcessGauges(string data, TimeProvider clock)
{
    private const long MicrosPerSecond = 1_000_000;

    /// <summary>A large store has thousands of files: their sizes are added up anew no more often than this.</summary>
    private static readonly TimeSpan s_sizeMaxAge = TimeSpan.FromSeconds(10);

    private readonly long _begun = clock.GetTimestamp();
    private readonly Lock _measuring = new();
    private long _size;
    private long _sizeAt;

    /// <summary>Has them told with the others.</summary>
    public void AddTo(BrokerMetrics metrics)
    {
        metrics.Observe("fastchat.process.uptime", "ms", "since the start", () => (long)clock.GetElapsedTime(_begun).TotalMilliseconds);
        metrics.Observe("fastchat.process.memory", "By", "the process's resident memory", static () => Environment.WorkingSet);
        metrics.Observe("fastchat.process.cpu", "us", "time that the process had a processor, all of them added up, since the start", static () => MicrosOf(Environment.CpuUsage.TotalTime));
        metrics.Observe("fastchat.process.processors", "{processor}", "processors that the process may use", static () => Environment.ProcessorCount);
        metrics.Observe("fastchat.gc.heap", "By", "managed memory in use, what is not collected yet included", static () => GC.GetTotalMemory(forceFullCollection: false));
        metrics.Observe("fastchat.gc.paused", "us", "time that the garbage collector held everything up, since the start", static () => MicrosOf(GC.GetTotalPauseDuration()));
        metrics.Observe("fastchat.gc.collections", "{collection}", "garbage collections, since the start", static () => GC.CollectionCount(0));
        metrics.Observe("fastchat.disk.free", "By", "room on the data directory's file system for the broker's user", () => Measure(() => new DriveInfo(data).AvailableFreeSpace));
        metrics.Observe("fastchat.disk.used", "By", "bytes of the files in the data directory", () => Measure(SizeOfData));
    }

    private static long MicrosOf(TimeSpan time) => (long)(time.TotalSeconds * MicrosPerSecond);

    /// <summary>What cannot be measured is told as 0: a number of somebody who looks on must not fail because of the disk.</summary>
    private static long Measure(Func<long> measure)
    {
        try
        {
            return measure();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private long SizeOfData()
    {
        lock (_measuring)
        {
            if (_sizeAt == 0 || clock.GetElapsedTime(_sizeAt) >= s_sizeMaxAge)
            {
                _size = new DirectoryInfo(data).EnumerateFiles("*", SearchOption.AllDirectories).Sum(SizeOf);
                _sizeAt = clock.GetTimestamp();
            }

            return _size;
        }
    }

    /// <summary>A file may go while they are counted: it takes no room then.</summary>
    private static long SizeOf(FileInfo file)
    {
        try
        {
            return file.Length;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }
}
