using System.Globalization;

namespace FastChat.Bench.Load.Measure;

/// <summary>
/// How often a disk was told to make its cache durable (field 16 of its stat file: completed flush requests). This is the one honest witness of "acknowledged after its fsync": with one publish
/// outstanding on an idle machine it grows by at least one for each acknowledgement, or they are not durable.
/// </summary>
internal sealed class FlushCounter
{
    private readonly string? _file;

    /// <param name="directory">A directory on the disk to watch.</param>
    public FlushCounter(string directory)
    {
        Directory = Path.GetFullPath(directory);
        _file = FindStatFile(Directory);
    }

    /// <summary>The directory whose disk is watched: the running system's own.</summary>
    public string Directory { get; }

    /// <summary>Flushes so far; null where the kernel does not tell.</summary>
    public long? Count
    {
        get
        {
            string[] fields = _file is null ? [] : File.ReadAllText(_file).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields.Length > 15 ? long.Parse(fields[15], CultureInfo.InvariantCulture) : null;
        }
    }

    private static string? FindStatFile(string directory)
    {
        // The mount point with the longest prefix holds the directory; its third field names the device.
        (int length, string device) best = (-1, string.Empty);
        foreach (string line in File.ReadLines("/proc/self/mountinfo"))
        {
            string[] fields = line.Split(' ');
            string mount = fields[4];
            bool holds = mount == "/" || directory == mount || directory.StartsWith(mount + "/", StringComparison.Ordinal);
            best = holds && mount.Length >= best.length ? (mount.Length, fields[2]) : best;
        }

        string file = $"/sys/dev/block/{best.device}/stat";
        string whole = $"/sys/dev/block/{best.device}/../stat";
        return File.Exists($"/sys/dev/block/{best.device}/partition") && File.Exists(whole) ? whole : File.Exists(file) ? file : null;
    }
}
