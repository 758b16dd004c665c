using System.IO.MemoryMappedFiles;
using System.Text;

namespace FastChat.Campaigns;

/// <summary>Which of a process's calls may fail; the numbers are faults.h's.</summary>
internal enum FaultCall
{
    None = 0,
    Sync,
    Write,
    Read,
    Rename,
    Open,
    Msync,
}

/// <summary>
/// What is wrong with a broker's disk and wall clock at the moment, and how often it was met: a page that the process has mapped (<c>faults.h</c>), so that it can be changed while it runs.
/// Any thread; the process sees a change with its next call.
/// </summary>
internal sealed class FaultPage : IDisposable
{
    private const int DelayMin = 0;
    private const int DelayMax = 4;
    private const int FailCall = 8;
    private const int FailSkip = 12;
    private const int FailTimes = 16;
    private const int FailHidden = 20;
    private const int FailIn = 24;
    private const int FailInSize = 64;
    private const int ClockOffset = 88;
    private const int ClockFrozen = 96;
    private const int SyncCount = 104;
    private const int SlowCount = 112;
    private const int FailedCount = 120;
    private const int ClockReadCount = 128;
    private const int Size = 4096;

    private readonly string _path;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _page;

    /// <summary>Makes the page, on which nothing is wrong.</summary>
    public FaultPage(string path)
    {
        _path = Path.GetFullPath(path);
        File.WriteAllBytes(_path, new byte[Size]);
        _file = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, mapName: null, Size);
        _page = _file.CreateViewAccessor(0, Size);
    }

    /// <summary>Syncs of files of the store.</summary>
    public long Syncs => _page.ReadInt64(SyncCount);

    /// <summary>How long they were kept waiting, together.</summary>
    public TimeSpan SlowFor => TimeSpan.FromMicroseconds(_page.ReadInt64(SlowCount));

    /// <summary>Calls that failed.</summary>
    public long Failed => _page.ReadInt64(FailedCount);

    /// <summary>How often the process asked for the time of day.</summary>
    public long ClockReads => _page.ReadInt64(ClockReadCount);

    /// <summary>The environment of a process that has the library and looks at this page.</summary>
    public Dictionary<string, string> Environment(string libraryDirectory, string dataDirectory) =>
        new(PreloadLibrary.Environment(libraryDirectory, dataDirectory)) { ["FASTCHAT_FAULTS"] = _path };

    /// <summary>Lets each sync wait before it happens; zero: none does.</summary>
    public void DelaySyncs(TimeSpan min, TimeSpan max)
    {
        _page.Write(DelayMin, (uint)min.TotalMicroseconds);
        _page.Write(DelayMax, (uint)max.TotalMicroseconds);
    }

    /// <summary>Lets calls of a kind fail with EIO.</summary>
    /// <param name="inPath">Only those on files with this in their path; empty: all.</param>
    /// <param name="skip">How many succeed first.</param>
    /// <param name="times">How many fail then.</param>
    /// <param name="isHidden">A sync that fails says that it did not.</param>
    public void Fail(FaultCall call, string inPath, int skip, int times, bool isHidden = false)
    {
        byte[] part = new byte[FailInSize];
        Encoding.UTF8.GetBytes(inPath, part.AsSpan(0, FailInSize - 1));
        _page.Write(FailCall, 0);
        _page.WriteArray(FailIn, part, 0, part.Length);
        _page.Write(FailSkip, skip);
        _page.Write(FailTimes, times);
        _page.Write(FailHidden, isHidden ? 1u : 0u);
        Thread.MemoryBarrier();
        _page.Write(FailCall, (uint)call);
    }

    /// <summary>Puts the wall clock somewhere else; it goes on from there.</summary>
    public void MoveClock(TimeSpan by)
    {
        _page.Write(ClockFrozen, 0L);
        _page.Write(ClockOffset, by.Ticks * 100);
    }

    /// <summary>Stops the wall clock.</summary>
    public void FreezeClock(DateTimeOffset at) => _page.Write(ClockFrozen, (at - DateTimeOffset.UnixEpoch).Ticks * 100);

    public void Dispose()
    {
        _page.Dispose();
        _file.Dispose();
    }
}
